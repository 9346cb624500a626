  const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
  // The factors of short axes are made once for the block.
  constexpr bool TABLE = N <= 4096;
  __shared__ float2 factors[TABLE ? N : 1];
  auto factor = [](int turn) {
    float s, c;
    sincospif(2.0f * (float)turn / (float)N, &s, &c);
    return make_float2(c, SIGN * s);
  };
  if (TABLE) {
    for (int i = threadIdx.x; i < N; i += THREADS) factors[i] = factor(i);
    __syncthreads();
  }
  if (at >= NUMBERS) return;
  const long long inner = at % INNER, outer = at / ((long long)INNER * N);
  const int frequency = (int)(at / INNER % N);
  const float2* from = (const float2*)x + outer * N * INNER + inner;
  float re = 0.0f, im = 0.0f;
  int turn = 0;
  for (int i = 0; i < N; i++) {
    const float2 w = TABLE ? factors[turn] : factor(turn), v = from[(long long)i * INNER];
    re += v.x * w.x - v.y * w.y;
    im += v.x * w.y + v.y * w.x;
    turn += frequency;
    if (turn >= N) turn -= N;
  }
  ((float2*)result)[at] = make_float2(re, im);
