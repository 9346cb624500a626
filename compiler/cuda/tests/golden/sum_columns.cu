// grid [1, 512, 1], 0 bytes of shared memory, arguments [0, 2]
extern "C" __global__ void __launch_bounds__(256, 1) column_cdb64ecda6028d20(const bf16* __restrict__ b0, float* __restrict__ b2) {
  constexpr int THREADS = 256;
  const u32 row = threadIdx.x / 2u;
  const u32 column = blockIdx.x % 1u * 2 + threadIdx.x % 2u;
  const u32 outer = blockIdx.x / 1u;
  const bool mine = column < 2 && row < 128;
  u32 rest_column = column;
  const int i1 = (int)(rest_column) * 8;
  float y0[8];
  #pragma unroll
  for (int v = 0; v < 8; v++) y0[v] = 0.0f;
  const u32 begin = blockIdx.y * 512, end = min(262144u, begin + 512);
  if (mine) {
    #pragma unroll 8
    for (u32 place = begin + row; place < end; place += 128) {
      u32 rest_place = place;
      const int i0 = (int)(rest_place);
      float x0[8];
      load_run<8, 8>(x0, b0 + (i0 * (16) + i1));
      #pragma unroll
      for (int v = 0; v < 8; v++) {
        const float e0 = x0[v];
        const float e1 = e0;
        y0[v] = y0[v] + e1;
      }
    }
  }
  __shared__ float shared0[2048];
  #pragma unroll
  for (int v = 0; v < 8; v++) shared0[v * 256 + threadIdx.x] = y0[v];
  __syncthreads();
  #pragma unroll
  for (int rows = 128; rows > 1; rows = (rows + 1) / 2) {
    const int half = (rows + 1) / 2;
    if (row + half < rows) {
      #pragma unroll
      for (int v = 0; v < 8; v++) shared0[v * 256 + threadIdx.x] = y0[v] = y0[v] + shared0[v * 256 + threadIdx.x + half * 2];
    }
    __syncthreads();
  }
  if (mine && row == 0) {
    b2 += (long long)blockIdx.y * 16;
    store_run<8, 4>(b2 + (i1), y0);
  }
}

// grid [1, 1, 1], 0 bytes of shared memory, arguments [1, 2]
extern "C" __global__ void __launch_bounds__(256, 1) column_149d037bdb5babe3(bf16* __restrict__ b1, const float* __restrict__ b2) {
  constexpr int THREADS = 256;
  const u32 row = threadIdx.x / 2u;
  const u32 column = blockIdx.x % 1u * 2 + threadIdx.x % 2u;
  const u32 outer = blockIdx.x / 1u;
  const bool mine = column < 2 && row < 128;
  u32 rest_column = column;
  const int i1 = (int)(rest_column) * 8;
  float y0[8];
  #pragma unroll
  for (int v = 0; v < 8; v++) y0[v] = 0.0f;
  const u32 begin = blockIdx.y * 512, end = min(512u, begin + 512);
  if (mine) {
    #pragma unroll 8
    for (u32 place = begin + row; place < end; place += 128) {
      u32 rest_place = place;
      const int i0 = (int)(rest_place);
      float x0[8];
      load_run<8, 4>(x0, b2 + (i0 * (16) + i1));
      #pragma unroll
      for (int v = 0; v < 8; v++) {
        const float e0 = x0[v];
        const float e1 = e0;
        y0[v] = y0[v] + e1;
      }
    }
  }
  __shared__ float shared0[2048];
  #pragma unroll
  for (int v = 0; v < 8; v++) shared0[v * 256 + threadIdx.x] = y0[v];
  __syncthreads();
  #pragma unroll
  for (int rows = 128; rows > 1; rows = (rows + 1) / 2) {
    const int half = (rows + 1) / 2;
    if (row + half < rows) {
      #pragma unroll
      for (int v = 0; v < 8; v++) shared0[v * 256 + threadIdx.x] = y0[v] = y0[v] + shared0[v * 256 + threadIdx.x + half * 2];
    }
    __syncthreads();
  }
  if (mine && row == 0) {
    store_run<8, 8>(b1 + (i1), y0);
  }
}
