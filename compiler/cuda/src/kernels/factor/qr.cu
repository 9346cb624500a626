  // Columns of a, one after the other in memory, are reflected in turn. Every block makes the reflection of a column itself and
  // applies it to its own columns; all wait before the next column.
  float* reflection = (float*)dynamic_shared();
  __shared__ double sums[THREADS / 32];
  float* columns = work;
  float* reflections = work + (long long)M * N;
  float* factors = reflections + (long long)M * N;
  u32* arrived = (u32*)(factors + N);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  u32 turn = 0;
  for (long long i = (long long)blockIdx.x * THREADS + threadIdx.x; i < (long long)M * N; i += (long long)BLOCKS * THREADS) {
    columns[i % N * M + i / N] = a[i];
  }
  grid_wait<BLOCKS>(arrived, turn);
  for (int j = 0; j < N; j++) {
    const float* x = columns + (long long)j * M;
    double tail = 0.0;
    for (int i = j + 1 + threadIdx.x; i < M; i += THREADS) tail += (double)x[i] * x[i];
    for (int d = 16; d > 0; d >>= 1) tail += __shfl_xor_sync(0xffffffffu, tail, d);
    if (lane == 0) sums[warp] = tail;
    __syncthreads();
    tail = 0.0;
    for (int w = 0; w < THREADS / 32; w++) tail += sums[w];
    const double head = x[j];
    const bool zero = head == 0.0 && tail == 0.0;
    const double length = sqrt(head * head + tail);
    const double beta = zero ? 0.0 : (head < 0.0 ? length : -length);
    const float factor = zero ? 0.0f : (float)((beta - head) / beta);
    const double scale = zero ? 0.0 : 1.0 / (head - beta);
    for (int i = j + threadIdx.x; i < M; i += THREADS) reflection[i] = i == j ? 1.0f : (float)(x[i] * scale);
    __syncthreads();
    if (blockIdx.x == 0) {
      for (int i = j + threadIdx.x; i < M; i += THREADS) reflections[(long long)j * M + i] = reflection[i];
      for (int c = threadIdx.x; c < N; c += THREADS) {
        if (c <= j) r[(long long)j * N + c] = c < j ? 0.0f : (float)beta;
      }
      if (threadIdx.x == 0) factors[j] = factor;
    }
    for (int c = j + 1 + blockIdx.x * (THREADS / 32) + warp; c < N; c += BLOCKS * (THREADS / 32)) {
      float* y = columns + (long long)c * M;
      float sum = 0.0f;
      for (int i = j + lane; i < M; i += 32) sum += reflection[i] * y[i];
      sum = warp_sum(sum) * factor;
      for (int i = j + lane; i < M; i += 32) {
        y[i] -= sum * reflection[i];
        if (i == j) r[(long long)j * N + c] = y[i];
      }
    }
    grid_wait<BLOCKS>(arrived, turn);
  }
  // Column c of q is the c-th unit vector, reflected by the c-th reflection and those before.
  for (int c = blockIdx.x * (THREADS / 32) + warp; c < N; c += BLOCKS * (THREADS / 32)) {
    float* y = columns + (long long)c * M;
    for (int i = lane; i < M; i += 32) y[i] = i == c ? 1.0f : 0.0f;
    for (int j = c; j >= 0; j--) {
      const float* v = reflections + (long long)j * M;
      // A lane keeps to its own elements, so no lane reads what another wrote.
      float sum = 0.0f;
      for (int i = j / 32 * 32 + lane; i < M; i += 32) sum += i < j ? 0.0f : v[i] * y[i];
      sum = warp_sum(sum) * factors[j];
      for (int i = j / 32 * 32 + lane; i < M; i += 32) {
        if (i >= j) y[i] -= sum * v[i];
      }
    }
    for (int i = lane; i < M; i += 32) q[(long long)i * N + c] = y[i];
  }
