  // dk = scale ds^T q and dv = p^T dout, for GROUPS * 64 keys of one head, over blocks of queries: products are keys by queries.
  constexpr int BLOCKS = (TK + ROWS - 1) / ROWS, Q_TILE = 2 * PD * UNIT, G_TILE = 2 * PV * UNIT;
  constexpr int Q = 0, G = Q + 3 * Q_TILE, K = G + 3 * G_TILE, V = K + GROUPS * (2 * PD * OWN), LEVELS = V + GROUPS * (2 * PV * OWN);
  const int *packed_q = packed + Q_AT, *packed_g = packed + G_AT, *packed_k = packed + K_AT, *packed_v = packed + V_AT;
  int first = blockIdx.x % BLOCKS * ROWS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  int steps = (TQ + COLUMNS - 1) / COLUMNS, start = CAUSAL ? smaller(first / COLUMNS, steps) : 0;
  auto load = [&](int step) {
    if (step < steps) {
      load_tile(Q + step % 3 * Q_TILE, packed_q, (long long)nh * Q_TILES + step, 2 * PD);
      load_tile(G + step % 3 * G_TILE, packed_g, (long long)nh * Q_TILES + step, 2 * PV);
      // Beyond the last query the level makes p vanish.
      float* levels = (float*)(memory + LEVELS) + step % 3 * (2 * COLUMNS);
      for (int i = threadIdx.x; i < COLUMNS; i += THREADS) {
        int a = step * COLUMNS + i;
        levels[i] = a < TQ ? as_float(lse[(long long)nh * TQ + a]) * LOG2E : 1e30f;
        levels[COLUMNS + i] = a < TQ ? delta[(long long)nh * TQ + a] : 0.0f;
      }
    }
    copy_async_commit();
  };
  load_own(K, packed_k, nh, K_TILES, K_HEIGHT, first, 2 * PD);
  load_own(V, packed_v, nh, K_TILES, K_HEIGHT, first, 2 * PV);
  load(start);
  int row = first + warp * 16 + lane / 4;
  float s[HALF], dp[HALF], key_sums[UD * 4], value_sums[UV * 4];
#pragma unroll
  for (int i = 0; i < UD * 4; i++) key_sums[i] = 0.0f;
#pragma unroll
  for (int i = 0; i < UV * 4; i++) value_sums[i] = 0.0f;
  u32 left[COLUMNS / 16][4], right[COLUMNS / 16][4];
  // A step's last two products go on during the next step, until `left` and `right` change.
#pragma unroll 1
  for (int at = start; at < steps; at++) {
    arrive();
    load(at + 1);
    int q_tile = Q + at % 3 * Q_TILE, g_tile = G + at % 3 * G_TILE;
    auto* levels = (const float2*)(memory + LEVELS) + at % 3 * COLUMNS + lane % 4;
    times_transposed(s, K, q_tile, PD);
    times_transposed(dp, V, g_tile, PV);
    group_wait<1>();
#pragma unroll
    for (int t = 0; t < COLUMNS / 8; t++) {
      float2 level = levels[t * 4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int a = at * COLUMNS + t * 8 + lane % 4 * 2 + i % 2, b = row + i / 2 * 8;
        float x = s[t * 4 + i] * FACTOR - (i % 2 == 0 ? level.x : level.y);
        if (BIAS) x += a < TQ && b < TK ? as_float(bias[((long long)h * TQ + a) * TK + b]) * LOG2E : 0.0f;
        s[t * 4 + i] = fast_exp2(x);
        if ((CAUSAL || MASK) && (b >= TK || !visible(n, a, b))) s[t * 4 + i] = 0.0f;
      }
    }
#pragma unroll
    for (int p = 0; p < COLUMNS / 16; p++) as_left(left[p], s, p);
    u64 upstream = matrix_in_shared(base + g_tile, 128, UNIT), queries = matrix_in_shared(base + q_tile, 128, UNIT);
    group_fence();
#pragma unroll
    for (int p = 0; p < COLUMNS / 16; p++) group_multiply<UV * 8, true>(value_sums, left[p], further_in_shared(upstream, p * 256), true);
    group_commit();
    group_wait<1>();
#pragma unroll
    for (int t = 0; t < COLUMNS / 8; t++) {
      float2 offset = levels[COLUMNS / 2 + t * 4];
#pragma unroll
      for (int i = 0; i < 4; i++) s[t * 4 + i] *= dp[t * 4 + i] - (i % 2 == 0 ? offset.x : offset.y);
    }
#pragma unroll
    for (int p = 0; p < COLUMNS / 16; p++) as_left(right[p], s, p);
    group_fence();
#pragma unroll
    for (int p = 0; p < COLUMNS / 16; p++) group_multiply<UD * 8, true>(key_sums, right[p], further_in_shared(queries, p * 256), true);
    group_commit();
  }
  group_wait<0>();
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int b = row + r * 8;
    if (b >= TK) continue;
#pragma unroll
    for (int u = 0; u < UD; u++) {
      int c = u * 8 + lane % 4 * 2;
      auto* to = dk + ((long long)nh * TK + b) * D + c;
      float low = SCALE * key_sums[u * 4 + 2 * r], high = SCALE * key_sums[u * 4 + 2 * r + 1];
      if (c + 1 < D && D % 2 == 0) put_2(to, low, high);
      if (c < D && D % 2 != 0) put(to, low);
      if (c + 1 < D && D % 2 != 0) put(to + 1, high);
    }
#pragma unroll
    for (int u = 0; u < UV; u++) {
      int c = u * 8 + lane % 4 * 2;
      auto* to = dv + ((long long)nh * TK + b) * DV + c;
      float low = value_sums[u * 4 + 2 * r], high = value_sums[u * 4 + 2 * r + 1];
      if (c + 1 < DV && DV % 2 == 0) put_2(to, low, high);
      if (c < DV && DV % 2 != 0) put(to, low);
      if (c + 1 < DV && DV % 2 != 0) put(to + 1, high);
    }
  }
