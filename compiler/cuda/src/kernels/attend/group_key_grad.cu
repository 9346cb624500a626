  // dk = scale ds^T q and dv = p^T dout, for GROUPS * 64 keys of one head, over blocks of queries: products are keys by queries.
  constexpr int BLOCKS = (TK + ROWS - 1) / ROWS, Q = 0, G = Q + 3 * K_TILE, K = G + 3 * V_TILE, V = K + GROUPS * K_TILE;
  constexpr int LEVELS = V + GROUPS * V_TILE;
  const int *packed_q = packed + Q_AT, *packed_g = packed + G_AT, *packed_k = packed + K_AT, *packed_v = packed + V_AT;
  int first = blockIdx.x % BLOCKS * ROWS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  int steps = (TQ + COLUMNS - 1) / COLUMNS, start = CAUSAL ? smaller(first / COLUMNS, steps) : 0;
  auto load = [&](int step) {
    if (step < steps) {
      load_tile(Q + step % 3 * K_TILE, packed_q, (long long)nh * Q_TILES + step, 2 * PD);
      load_tile(G + step % 3 * V_TILE, packed_g, (long long)nh * Q_TILES + step, 2 * PV);
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
  for (int g = 0; g < GROUPS; g++) {
    load_tile(K + g * K_TILE, packed_k, (long long)nh * K_TILES + first / 64 + g, 2 * PD);
    load_tile(V + g * V_TILE, packed_v, (long long)nh * K_TILES + first / 64 + g, 2 * PV);
  }
  load(start);
  load(start + 1);
  arrive();
  u32 keys[PD][4];
  load_left(keys, K, PD);
  int row = first + warp * 16 + lane / 4;
  float even[32], odd[32], dp[32], key_sums[UD * 4], value_sums[UV * 4];
#pragma unroll
  for (int i = 0; i < UD * 4; i++) key_sums[i] = 0.0f;
#pragma unroll
  for (int i = 0; i < UV * 4; i++) value_sums[i] = 0.0f;
  u32 left[4][4], right[4][4];
  // As in the gradient of queries; there is no room in registers for the values too, which stay in shared memory.
#pragma unroll
  for (int i = 0; i < 32; i++) even[i] = odd[i] = 0.0f;
  times_transposed(even, keys, Q + start % 3 * K_TILE, PD);
  auto step = [&](int at, float* s, float* next) {
    group_wait<0>();
    arrive();
    load(at + 2);
    int q_tile = Q + at % 3 * K_TILE, g_tile = G + at % 3 * V_TILE;
    auto* levels = (const float2*)(memory + LEVELS) + at % 3 * COLUMNS + lane % 4;
    group_fence();
#pragma unroll
    for (int p = 0; p < PV; p++) {
      u64 own = matrix_in_shared(base + V + warp / 4 * V_TILE + 2 * p * UNIT, UNIT, 128);
      group_multiply_shared<COLUMNS>(dp, own, matrix_in_shared(base + g_tile + 2 * p * UNIT, UNIT, 128), p > 0);
    }
    group_commit();
    float p[32];
#pragma unroll
    for (int t = 0; t < 8; t++) {
      float2 level = levels[t * 4];
#pragma unroll
      for (int i = 0; i < 4; i++) {
        int a = at * COLUMNS + t * 8 + lane % 4 * 2 + i % 2, b = row + i / 2 * 8;
        float x = s[t * 4 + i] * FACTOR - (i % 2 == 0 ? level.x : level.y);
        if (BIAS) x += a < TQ && b < TK ? as_float(bias[((long long)h * TQ + a) * TK + b]) * LOG2E : 0.0f;
        p[t * 4 + i] = fast_exp2(x);
        if ((CAUSAL || MASK) && (b >= TK || !visible(n, a, b))) p[t * 4 + i] = 0.0f;
      }
    }
    // After the last step these are scores that nobody reads.
    times_transposed(next, keys, Q + (at + 1) % 3 * K_TILE, PD);
#pragma unroll
    for (int i = 0; i < 4; i++) as_left(left[i], p, i);
    group_fence();
#pragma unroll
    for (int i = 0; i < 4; i++) group_multiply<UV * 8, true>(value_sums, left[i], matrix_in_shared(base + g_tile + i * 256, 128, UNIT), true);
    group_commit();
    group_wait<2>();
#pragma unroll
    for (int t = 0; t < 8; t++) {
      float2 offset = levels[COLUMNS / 2 + t * 4];
#pragma unroll
      for (int i = 0; i < 4; i++) p[t * 4 + i] *= dp[t * 4 + i] - (i % 2 == 0 ? offset.x : offset.y);
    }
#pragma unroll
    for (int i = 0; i < 4; i++) as_left(right[i], p, i);
    group_fence();
#pragma unroll
    for (int i = 0; i < 4; i++) group_multiply<UD * 8, true>(key_sums, right[i], matrix_in_shared(base + q_tile + i * 256, 128, UNIT), true);
    group_commit();
  };
#pragma unroll 1
  for (int at = start; at < steps; at += 2) {
    step(at, even, odd);
    if (at + 1 == steps) break;
    step(at + 1, odd, even);
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
