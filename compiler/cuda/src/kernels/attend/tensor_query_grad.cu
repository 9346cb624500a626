  // dq = scale ds k with ds = p (dout v^T - delta), for WARPS * MT * 16 queries of one head, over blocks of keys.
  constexpr int QUERIES = WARPS * MT * 16, BLOCKS = (TQ + QUERIES - 1) / QUERIES, STAGE = KEYS * (LD + LV), Q = 2 * STAGE;
  int first = blockIdx.x % BLOCKS * QUERIES, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  auto* keys = k + (long long)nh * TK * D;
  auto* values = v + (long long)nh * TK * DV;
  int steps = CAUSAL ? smaller(TK, first + QUERIES) : TK;
  steps = (steps + KEYS - 1) / KEYS;
  auto load = [&](int step) {
    if (step < steps) {
      load_rows(step % 2 * STAGE, keys, step * KEYS, KEYS, TK, D, LD);
      load_rows(step % 2 * STAGE + KEYS * LD, values, step * KEYS, KEYS, TK, DV, LV);
    }
    copy_async_commit();
  };
  load_rows(Q, q + (long long)nh * TQ * D, first, QUERIES, TQ, D, LD);
  load_rows(Q + QUERIES * LD, dout + (long long)nh * TQ * DV, first, QUERIES, TQ, DV, LV);
  load(0);
  copy_async_wait<0>();
  __syncthreads();
  u32 queries[MT][PAIRS][4], upstream[MT][PAIRS][4];
  load_left(queries, base + Q + warp * (MT * 16) * LD, LD, UD);
  load_left(upstream, base + Q + QUERIES * LD + warp * (MT * 16) * LV, LV, UV);
  float sums[MT][UNITS][4], level[MT][2], offset[MT][2];
#pragma unroll
  for (int m = 0; m < MT; m++) {
#pragma unroll
    for (int u = 0; u < UNITS; u++)
#pragma unroll
      for (int i = 0; i < 4; i++) sums[m][u][i] = 0.0f;
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int a = first + (warp * MT + m) * 16 + lane / 4 + r * 8;
      level[m][r] = a < TQ ? as_float(lse[(long long)nh * TQ + a]) * LOG2E : 0.0f;
      offset[m][r] = a < TQ ? delta[(long long)nh * TQ + a] : 0.0f;
    }
  }
#pragma unroll 1
  for (int step = 0; step < steps; step++) {
    if (step > 0) {
      copy_async_wait<0>();
      __syncthreads();
    }
    load(step + 1);
    u32 stage = base + step % 2 * STAGE;
#pragma unroll 1
    for (int part = 0; part < KEYS; part += 16) {
      float s[MT][2][4], dp[MT][2][4];
#pragma unroll
      for (int m = 0; m < MT; m++)
#pragma unroll
        for (int i = 0; i < 8; i++) s[m][i / 4][i % 4] = dp[m][i / 4][i % 4] = 0.0f;
      times_transposed(s, queries, stage + part * LD, LD, UD);
      times_transposed(dp, upstream, stage + KEYS * LD + part * LV, LV, UV);
      int key = step * KEYS + part;
      bool check = CAUSAL || MASK || (TK % KEYS != 0 && key + 16 > TK);
      u32 left[MT][4];
#pragma unroll
      for (int m = 0; m < MT; m++) {
#pragma unroll
        for (int i = 0; i < 8; i++) {
          int r = i / 2 % 2, a = first + (warp * MT + m) * 16 + lane / 4 + r * 8, b = key + i / 4 * 8 + lane % 4 * 2 + i % 2;
          float x = s[m][i / 4][i % 4] * (SCALE * LOG2E) - level[m][r];
          if (BIAS) x += a < TQ && b < TK ? as_float(bias[((long long)h * TQ + a) * TK + b]) * LOG2E : 0.0f;
          float p = fast_exp2(x);
          if (check && (b >= TK || !visible(n, a, b))) p = 0.0f;
          s[m][i / 4][i % 4] = p * (dp[m][i / 4][i % 4] - offset[m][r]);
        }
        as_left(left[m], s[m]);
      }
      add_product(sums, left, stage + part * LD, LD, UD);
    }
  }
#pragma unroll
  for (int m = 0; m < MT; m++)
#pragma unroll
    for (int u = 0; u < UD; u++)
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int a = first + (warp * MT + m) * 16 + lane / 4 + i / 2 * 8, c = u * 8 + lane % 4 * 2 + i % 2;
        if (a < TQ && c < D) put(dq + ((long long)nh * TQ + a) * D + c, SCALE * sums[m][u][i]);
      }
