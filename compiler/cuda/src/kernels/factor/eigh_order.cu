  // One block for each eigenvalue: its rank is the number of those that come before it.
  const u32 second = ((const u32*)(work + 4LL * N * N))[1];
  const float* matrix = work + (second ? 2LL * N * N : 0);
  const float* columns = matrix + (long long)N * N;
  const int own = blockIdx.x;
  const float value = matrix[(long long)own * N + own];
  __shared__ int ranks[THREADS / 32];
  int rank = 0;
  for (int i = threadIdx.x; i < N; i += THREADS) {
    const float other = matrix[(long long)i * N + i];
    rank += other > value || (other == value && i < own);
  }
  for (int d = 16; d > 0; d >>= 1) rank += __shfl_xor_sync(0xffffffffu, rank, d);
  if (threadIdx.x % 32 == 0) ranks[threadIdx.x / 32] = rank;
  __syncthreads();
  rank = 0;
  for (int w = 0; w < THREADS / 32; w++) rank += ranks[w];
  // A matrix that is not finite gives zeros.
  const bool finite = value - value == 0.0f;
  if (threadIdx.x == 0) values[finite ? rank : own] = finite ? value : 0.0f;
  for (int row = threadIdx.x; row < N; row += THREADS) {
    vectors[(long long)row * N + (finite ? rank : own)] = finite ? columns[(long long)row * N + own] : 0.0f;
  }
