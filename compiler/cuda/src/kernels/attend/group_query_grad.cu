  // dq = scale ds k with ds = p (dout v^T - delta), for GROUPS * 64 queries of one head, over blocks of keys.
  constexpr int BLOCKS = (TQ + ROWS - 1) / ROWS, K = 0, V = K + 3 * K_TILE, Q = V + 3 * V_TILE, G = Q + GROUPS * K_TILE;
  const int *packed_q = packed + Q_AT, *packed_g = packed + G_AT, *packed_k = packed + K_AT, *packed_v = packed + V_AT;
  int first = blockIdx.x % BLOCKS * ROWS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  int steps = CAUSAL ? smaller(TK, first + ROWS) : TK;
  steps = (steps + COLUMNS - 1) / COLUMNS;
  auto load = [&](int step) {
    if (step < steps) {
      load_tile(K + step % 3 * K_TILE, packed_k, (long long)nh * K_TILES + step, 2 * PD);
      load_tile(V + step % 3 * V_TILE, packed_v, (long long)nh * K_TILES + step, 2 * PV);
    }
    copy_async_commit();
  };
  for (int g = 0; g < GROUPS; g++) {
    load_tile(Q + g * K_TILE, packed_q, (long long)nh * Q_TILES + first / 64 + g, 2 * PD);
    load_tile(G + g * V_TILE, packed_g, (long long)nh * Q_TILES + first / 64 + g, 2 * PV);
  }
  load(0);
  load(1);
  arrive();
  u32 queries[PD][4], upstream[PV][4];
  load_left(queries, Q, PD);
  load_left(upstream, G, PV);
  int row = first + warp * 16 + lane / 4;
  float even[32], odd[32], dp[32], sums[UD * 4], level[2], offset[2];
#pragma unroll
  for (int i = 0; i < UD * 4; i++) sums[i] = 0.0f;
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int a = row + r * 8;
    level[r] = a < TQ ? as_float(lse[(long long)nh * TQ + a]) * LOG2E : 0.0f;
    offset[r] = a < TQ ? delta[(long long)nh * TQ + a] : 0.0f;
  }
  u32 left[4][4];
  // The scores of the next step start as soon as a step has its own exponents; they and its last product go on until the next step.
#pragma unroll
  for (int i = 0; i < 32; i++) even[i] = odd[i] = 0.0f;
  times_transposed(even, queries, K, PD);
  auto step = [&](int at, float* s, float* next) {
    group_wait<0>();
    arrive();
    load(at + 2);
    int tile = K + at % 3 * K_TILE, key = at * COLUMNS;
    times_transposed(dp, upstream, V + at % 3 * V_TILE, PV);
    bool check = CAUSAL || MASK || (TK % COLUMNS != 0 && key + COLUMNS > TK);
    float p[32];
#pragma unroll
    for (int i = 0; i < 32; i++) {
      int r = i / 2 % 2, a = row + r * 8, b = key + i / 4 * 8 + lane % 4 * 2 + i % 2;
      float x = s[i] * FACTOR - level[r];
      if (BIAS) x += a < TQ && b < TK ? as_float(bias[((long long)h * TQ + a) * TK + b]) * LOG2E : 0.0f;
      p[i] = fast_exp2(x);
      if (check && (b >= TK || !visible(n, a, b))) p[i] = 0.0f;
    }
    group_wait<0>();
    // After the last step these are scores that nobody reads.
    times_transposed(next, queries, K + (at + 1) % 3 * K_TILE, PD);
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
      for (int e = 0; e < 8; e++) p[i * 8 + e] *= dp[i * 8 + e] - offset[e / 2 % 2];
      as_left(left[i], p, i);
      group_fence();
      group_multiply<UD * 8, true>(sums, left[i], matrix_in_shared(base + tile + i * 256, 128, UNIT), true);
    }
    group_commit();
  };
#pragma unroll 1
  for (int at = 0; at < steps; at += 2) {
    step(at, even, odd);
    if (at + 1 == steps) break;
    step(at + 1, odd, even);
  }
  group_wait<0>();
#pragma unroll
  for (int u = 0; u < UD; u++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int a = row + r * 8, c = u * 8 + lane % 4 * 2;
      auto* to = dq + ((long long)nh * TQ + a) * D + c;
      if (a < TQ && c < D) put(to, SCALE * sums[u * 4 + 2 * r]);
      if (a < TQ && c + 1 < D) put(to + 1, SCALE * sums[u * 4 + 2 * r + 1]);
    }
