  // Rotations by Jacobi: in each of PLAYERS - 1 rounds the rows and columns are paired like players of a tournament, and every pair is
  // rotated so that the element between them vanishes. Every block makes all rotations of a round itself, from the copy that the
  // round reads; the other copy is written, so one wait a round is enough.
  constexpr int PLAYERS = (N + 1) / 2 * 2, PAIRS = PLAYERS / 2, SWEEPS = 16;
  float2* rotations = (float2*)dynamic_shared();
  __shared__ int rotated;
  u32* arrived = (u32*)(work + 4LL * N * N);
  const int first = blockIdx.x * THREADS + threadIdx.x;
  u32 turn = 0;
  float* from = work;
  float* to = work + 2LL * N * N;
  double trace = 0.0;
  for (int i = 0; i < N; i++) trace += a[(long long)i * N + i];
  const float jitter = (float)(1e-7 * trace / N), floor = (float)(1e-9 * fabs(trace) / N);
  for (long long i = first; i < (long long)N * N; i += BLOCKS * THREADS) {
    const int row = (int)(i / N), column = (int)(i % N);
    from[i] = 0.5f * (a[i] + a[(long long)column * N + row]) + (row == column ? jitter : 0.0f);
    from[(long long)N * N + i] = row == column ? 1.0f : 0.0f;
  }
  grid_wait<BLOCKS>(arrived, turn);
  // Player 0 stays, the others go round.
  auto player = [](int place, int round) { return place == 0 ? 0 : 1 + (place - 1 + round) % (PLAYERS - 1); };
  for (int sweep = 0; sweep < SWEEPS; sweep++) {
    __syncthreads();
    if (threadIdx.x == 0) rotated = 0;
    for (int round = 0; round < PLAYERS - 1; round++) {
      __syncthreads();
      for (int p = threadIdx.x; p < PAIRS; p += THREADS) {
        const int i = player(p, round), j = player(PLAYERS - 1 - p, round);
        float c = 1.0f, s = 0.0f;
        if (i < N && j < N) {
          const float x = from[(long long)i * N + i], y = from[(long long)j * N + j], z = from[(long long)i * N + j];
          if (fabsf(z) > 1e-7f * sqrtf(fabsf(x * y)) + floor) {
            const float tau = (y - x) / (2.0f * z);
            const float t = (tau < 0.0f ? -1.0f : 1.0f) / (fabsf(tau) + sqrtf(1.0f + tau * tau));
            c = 1.0f / sqrtf(1.0f + t * t), s = t * c;
            rotated = 1;
          }
        }
        rotations[p] = make_float2(c, s);
      }
      __syncthreads();
      for (long long at = first; at < (long long)PAIRS * PAIRS; at += BLOCKS * THREADS) {
        const int p = (int)(at / PAIRS), q = (int)(at % PAIRS);
        const int i = player(p, round), j = player(PLAYERS - 1 - p, round);
        const int k = player(q, round), l = player(PLAYERS - 1 - q, round);
        const float2 left = rotations[p], right = rotations[q];
        auto get = [&](int row, int column) { return row < N && column < N ? from[(long long)row * N + column] : 0.0f; };
        auto put_at = [&](int row, int column, float v) {
          if (row < N && column < N) to[(long long)row * N + column] = v;
        };
        const float ik = get(i, k), il = get(i, l), jk = get(j, k), jl = get(j, l);
        const float tk = left.x * ik - left.y * jk, uk = left.y * ik + left.x * jk;
        const float tl = left.x * il - left.y * jl, ul = left.y * il + left.x * jl;
        put_at(i, k, right.x * tk - right.y * tl);
        put_at(i, l, right.y * tk + right.x * tl);
        put_at(j, k, right.x * uk - right.y * ul);
        put_at(j, l, right.y * uk + right.x * ul);
      }
      for (long long at = first; at < (long long)N * PAIRS; at += BLOCKS * THREADS) {
        const int row = (int)(at / PAIRS), q = (int)(at % PAIRS);
        const int k = player(q, round), l = player(PLAYERS - 1 - q, round);
        const float2 right = rotations[q];
        const float* v = from + (long long)N * N + (long long)row * N;
        float* w = to + (long long)N * N + (long long)row * N;
        const float x = k < N ? v[k] : 0.0f, y = l < N ? v[l] : 0.0f;
        if (k < N) w[k] = right.x * x - right.y * y;
        if (l < N) w[l] = right.y * x + right.x * y;
      }
      grid_wait<BLOCKS>(arrived, turn);
      float* old = from;
      from = to, to = old;
    }
    __syncthreads();
    // All blocks saw the same rotations, so all stop together.
    if (!rotated) break;
  }
  if (first == 0) arrived[1] = from == work ? 0 : 1;
