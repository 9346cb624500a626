// grid [24, 1, 1], 0 bytes of shared memory, arguments [0, 1]
extern "C" __global__ void __launch_bounds__(256, 1) transpose_74fe4dc1994579cc(const float* b0, float* b1) {
  constexpr int THREADS = 256;
  const int lane_tile = blockIdx.x % 4u * 32;
  const int across_tile = blockIdx.x / 4u % 3u * 32;
  const u32 outer = blockIdx.x / 12u;
  u32 rest_outer = outer;
  const int i0 = (int)(rest_outer);
  const int column = threadIdx.x % 32, first_row = threadIdx.x / 32;
  __shared__ float tile0[32][33];
  #pragma unroll
  for (int row = first_row; row < 32; row += 8) {
    const int i2 = lane_tile + row, i1 = across_tile + column;
    if (i2 < 100 && i1 < 70) tile0[row][column] = as_float(b0[i0 * (7000) + i1 + i2 * (70)]);
  }
  __syncthreads();
  #pragma unroll
  for (int row = first_row; row < 32; row += 8) {
    const int i2 = lane_tile + column, i1 = across_tile + row;
    if (i2 < 100 && i1 < 70) {
      float y0[1];
      #pragma unroll
      for (int v = 0; v < 1; v++) {
        const float e0 = tile0[column][row];
        y0[v] = e0;
      }
      store_run<1, 1>(b1 + (i0 * (7000) + i1 * (100) + i2), y0);
    }
  }
}
