  // dk = scale ds^T q and dv = p^T dout, for GROUPS * 64 keys of one head, over blocks of queries: products are keys by queries.
  constexpr int BLOCKS = (TK + ROWS - 1) / ROWS, Q = 0, G = Q + 3 * (2 * PD * TILE), K = G + 3 * (2 * PV * TILE);
  constexpr int V = K + 2 * PD * OWN, LEVELS = V + 2 * PV * OWN, END = LEVELS + 3 * 2 * COLUMNS * 4;
  int first = blockIdx.x % BLOCKS * ROWS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  auto* queries = q + (long long)nh * TQ * D;
  auto* upstream = dout + (long long)nh * TQ * DV;
  int steps = (TQ + COLUMNS - 1) / COLUMNS, start = CAUSAL ? smaller(first / COLUMNS, steps) : 0;
  auto load = [&](int step) {
    if (step < steps) {
      load_rows(Q + step % 3 * (2 * PD * TILE), queries, step * COLUMNS, COLUMNS, TQ, D, TILE);
      load_rows(G + step % 3 * (2 * PV * TILE), upstream, step * COLUMNS, COLUMNS, TQ, DV, TILE);
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
  clear(END);
  load_rows(K, k + (long long)nh * TK * D, first, ROWS, TK, D, OWN);
  load_rows(V, v + (long long)nh * TK * DV, first, ROWS, TK, DV, OWN);
  load(start);
  arrive();
  u32 keys[PD][4], values[PV][4];
  load_left(keys, K, PD);
  load_left(values, V, PV);
  int row = first + warp * 16 + lane / 4;
  float s[32], dp[32], key_sums[UD * 4], value_sums[UV * 4];
#pragma unroll
  for (int i = 0; i < UD * 4; i++) key_sums[i] = 0.0f;
#pragma unroll
  for (int i = 0; i < UV * 4; i++) value_sums[i] = 0.0f;
  u32 left[4][4], right[4][4];
  // A step's last two products go on during the next step, until `left` and `right` change.
#pragma unroll 1
  for (int at = start; at < steps; at++) {
    if (at > start) arrive();
    load(at + 1);
    int q_tile = Q + at % 3 * (2 * PD * TILE), g_tile = G + at % 3 * (2 * PV * TILE);
    auto* levels = (const float2*)(memory + LEVELS) + at % 3 * COLUMNS + lane % 4;
    times_transposed(s, keys, q_tile, PD);
    times_transposed(dp, values, g_tile, PV);
    group_wait<1>();
#pragma unroll
    for (int t = 0; t < 8; t++) {
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
    for (int p = 0; p < 4; p++) as_left(left[p], s, p);
    group_fence();
#pragma unroll
    for (int p = 0; p < 4; p++) group_multiply<UV * 8, true>(value_sums, left[p], matrix_in_shared(base + g_tile + p * 256, 128, TILE), true);
    group_commit();
    group_wait<1>();
#pragma unroll
    for (int t = 0; t < 8; t++) {
      float2 offset = levels[COLUMNS / 2 + t * 4];
#pragma unroll
      for (int i = 0; i < 4; i++) dp[t * 4 + i] = s[t * 4 + i] * (dp[t * 4 + i] - (i % 2 == 0 ? offset.x : offset.y));
    }
#pragma unroll
    for (int p = 0; p < 4; p++) as_left(right[p], dp, p);
    group_fence();
#pragma unroll
    for (int p = 0; p < 4; p++) group_multiply<UD * 8, true>(key_sums, right[p], matrix_in_shared(base + q_tile + p * 256, 128, TILE), true);
    group_commit();
  }
  group_wait<0>();
  copy_async_wait<0>();
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int b = row + r * 8;
    if (b >= TK) continue;
#pragma unroll
    for (int u = 0; u < UD; u++) {
      int c = u * 8 + lane % 4 * 2;
      auto* to = dk + ((long long)nh * TK + b) * D + c;
      if (c < D) put(to, SCALE * key_sums[u * 4 + 2 * r]);
      if (c + 1 < D) put(to + 1, SCALE * key_sums[u * 4 + 2 * r + 1]);
    }
#pragma unroll
    for (int u = 0; u < UV; u++) {
      int c = u * 8 + lane % 4 * 2;
      auto* to = dv + ((long long)nh * TK + b) * DV + c;
      if (c < DV) put(to, value_sums[u * 4 + 2 * r]);
      if (c + 1 < DV) put(to + 1, value_sums[u * 4 + 2 * r + 1]);
    }
  }
