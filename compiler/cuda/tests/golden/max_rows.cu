// grid [1563, 1, 1], 0 bytes of shared memory, arguments [0, 1]
extern "C" __global__ void __launch_bounds__(256, 1) row_662ae4ef0a2e4025(const float* __restrict__ b0, float* __restrict__ b1) {
  constexpr int THREADS = 256;
  const u32 member = threadIdx.x % 4u;
  const u32 result = blockIdx.x * 64 + threadIdx.x / 4u;
  const bool mine = result < 100000;
  u32 rest_result = result;
  const int i0 = (int)(rest_result);
  float y0 = __uint_as_float(0xff800000u);
  const u32 begin = blockIdx.y * 20, end = min(17u, begin + 20);
  if (mine) {
    #pragma unroll 8
    for (u32 place = begin + member; place < end; place += 4) {
      u32 rest_place = place;
      const int i1 = (int)(rest_place) * 4;
      float x0[4];
      load_run<4, 4>(x0, b0 + (i0 * (68) + i1));
      #pragma unroll
      for (int v = 0; v < 4; v++) {
        const float e0 = x0[v];
        y0 = larger(y0, e0);
      }
    }
  }
  #pragma unroll
  for (int d = 2; d > 0; d /= 2) {
    y0 = larger(y0, __shfl_xor_sync(0xffffffffu, y0, d));
  }
  if (mine && member == 0) {
    put(b1 + (i0), y0);
  }
}
