  // dk = scale ds^T q and dv = p^T dout, for WARPS * MT * 16 keys of one head, over blocks of queries: products are keys by queries.
  constexpr int KEYS = WARPS * MT * 16, BLOCKS = (TK + KEYS - 1) / KEYS, STAGE = QUERIES * (LD + LV + 8), K = 2 * STAGE, V = K + KEYS * LD;
  int first = blockIdx.x % BLOCKS * KEYS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  auto* queries = q + (long long)nh * TQ * D;
  auto* upstream = dout + (long long)nh * TQ * DV;
  int steps = (TQ + QUERIES - 1) / QUERIES, start = CAUSAL ? smaller(first / QUERIES, steps) : 0;
  auto load = [&](int step) {
    if (step < steps) {
      int to = step % 2 * STAGE;
      load_rows(to, queries, step * QUERIES, QUERIES, TQ, D, LD);
      load_rows(to + QUERIES * LD, upstream, step * QUERIES, QUERIES, TQ, DV, LV);
      // Beyond the last query the level makes p vanish.
      float* levels = (float*)(memory + to + QUERIES * (LD + LV));
      for (int i = threadIdx.x; i < QUERIES; i += THREADS) {
        int a = step * QUERIES + i;
        levels[i] = a < TQ ? as_float(lse[(long long)nh * TQ + a]) * LOG2E : 1e30f;
        levels[QUERIES + i] = a < TQ ? delta[(long long)nh * TQ + a] : 0.0f;
      }
    }
    copy_async_commit();
  };
  load_rows(K, k + (long long)nh * TK * D, first, KEYS, TK, D, LD);
  load_rows(V, v + (long long)nh * TK * DV, first, KEYS, TK, DV, LV);
  load(start);
  copy_async_wait<0>();
  __syncthreads();
  u32 keys[MT][PAIRS][4];
  load_left(keys, base + K + warp * (MT * 16) * LD, LD, UD);
  float key_sums[MT][UNITS][4], value_sums[MT][UNITS][4];
#pragma unroll
  for (int m = 0; m < MT; m++)
#pragma unroll
    for (int u = 0; u < UNITS; u++)
#pragma unroll
      for (int i = 0; i < 4; i++) key_sums[m][u][i] = value_sums[m][u][i] = 0.0f;
#pragma unroll 1
  for (int step = start; step < steps; step++) {
    if (step > start) {
      copy_async_wait<0>();
      __syncthreads();
    }
    load(step + 1);
    int stage = step % 2 * STAGE;
    float* levels = (float*)(memory + stage + QUERIES * (LD + LV));
#pragma unroll 1
    for (int part = 0; part < QUERIES; part += 16) {
      float s[MT][2][4], dp[MT][2][4];
#pragma unroll
      for (int m = 0; m < MT; m++)
#pragma unroll
        for (int i = 0; i < 8; i++) s[m][i / 4][i % 4] = dp[m][i / 4][i % 4] = 0.0f;
      u32 q_rows = base + stage + part * LD, d_rows = base + stage + QUERIES * LD + part * LV;
      times_transposed(s, keys, q_rows, LD, UD);
      {
        u32 values[MT][PAIRS][4];
        load_left(values, base + V + warp * (MT * 16) * LV, LV, UV);
        times_transposed(dp, values, d_rows, LV, UV);
      }
      int query = step * QUERIES + part;
      bool check = CAUSAL || MASK;
      u32 left[MT][4];
#pragma unroll
      for (int m = 0; m < MT; m++) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
          int at = part + i / 4 * 8 + lane % 4 * 2 + i % 2, a = step * QUERIES + at;
          int b = first + (warp * MT + m) * 16 + lane / 4 + i / 2 % 2 * 8;
          float x = s[m][i / 4][i % 4] * (SCALE * LOG2E) - levels[at];
          if (BIAS) x += a < TQ && b < TK ? as_float(bias[((long long)h * TQ + a) * TK + b]) * LOG2E : 0.0f;
          float p = fast_exp2(x);
          if (check && (b >= TK || !visible(n, a, b))) p = 0.0f;
          s[m][i / 4][i % 4] = p;
          dp[m][i / 4][i % 4] = p * (dp[m][i / 4][i % 4] - levels[QUERIES + at]);
        }
        as_left(left[m], s[m]);
      }
      add_product(value_sums, left, d_rows, LV, UV);
#pragma unroll
      for (int m = 0; m < MT; m++) as_left(left[m], dp[m]);
      add_product(key_sums, left, q_rows, LD, UD);
    }
  }
#pragma unroll
  for (int m = 0; m < MT; m++)
#pragma unroll
    for (int u = 0; u < UNITS; u++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int b = first + (warp * MT + m) * 16 + lane / 4 + i / 2 * 8, c = u * 8 + lane % 4 * 2 + i % 2;
        if (b >= TK) continue;
        if (c < D) put(dk + ((long long)nh * TK + b) * D + c, SCALE * key_sums[m][u][i]);
        if (c < DV) put(dv + ((long long)nh * TK + b) * DV + c, value_sums[m][u][i]);
      }
