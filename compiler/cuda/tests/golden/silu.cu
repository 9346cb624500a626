// grid [32, 1, 1], 0 bytes of shared memory, arguments [0, 1]
extern "C" __global__ void __launch_bounds__(256, 1) loop_489f2e5eb4fb496b(const bf16* b0, bf16* b1) {
  constexpr int THREADS = 256;
  const u32 first = (u32)blockIdx.x * 256 + threadIdx.x;
  float x0[1][8];
  #pragma unroll
  for (int u = 0; u < 1; u++) {
    const u32 place = first + u * 256;
    if (place < 8192) {
      u32 rest_place = place;
      const int i0 = (int)(rest_place) * 8;
      load_run<8, 8>(x0[u], b0 + (i0));
    }
  }
  #pragma unroll
  for (int u = 0; u < 1; u++) {
    const u32 place = first + u * 256;
    if (place < 8192) {
      u32 rest_place = place;
      const int i0 = (int)(rest_place) * 8;
      float y0[8];
      #pragma unroll
      for (int v = 0; v < 8; v++) {
        const float e0 = x0[u][v];
        const float e1 = sigmoid_of(e0);
        const float e2 = e0 * e1;
        y0[v] = e2;
      }
      store_run<8, 8>(b1 + (i0), y0);
    }
  }
}
