  // dq = scale ds k with ds = p (dout v^T - delta), for GROUPS * 64 queries of one head, over blocks of keys.
  constexpr int BLOCKS = (TQ + ROWS - 1) / ROWS, K = 0, V = K + 3 * (2 * PD * TILE), Q = V + 3 * (2 * PV * TILE);
  constexpr int G = Q + 2 * PD * OWN, END = G + 2 * PV * OWN;
  int first = blockIdx.x % BLOCKS * ROWS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  auto* keys = k + (long long)nh * TK * D;
  auto* values = v + (long long)nh * TK * DV;
  int steps = CAUSAL ? smaller(TK, first + ROWS) : TK;
  steps = (steps + COLUMNS - 1) / COLUMNS;
  auto load = [&](int step) {
    if (step < steps) {
      load_rows(K + step % 3 * (2 * PD * TILE), keys, step * COLUMNS, COLUMNS, TK, D, TILE);
      load_rows(V + step % 3 * (2 * PV * TILE), values, step * COLUMNS, COLUMNS, TK, DV, TILE);
    }
    copy_async_commit();
  };
  clear(END);
  load_rows(Q, q + (long long)nh * TQ * D, first, ROWS, TQ, D, OWN);
  load_rows(G, dout + (long long)nh * TQ * DV, first, ROWS, TQ, DV, OWN);
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
    int tile = K + at % 3 * (2 * PD * TILE), key = at * COLUMNS;
    times_transposed(dp, upstream, V + at % 3 * (2 * PV * TILE), PV);
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
    times_transposed(next, queries, K + (at + 1) % 3 * (2 * PD * TILE), PD);
#pragma unroll
    for (int i = 0; i < 4; i++) {
#pragma unroll
      for (int e = 0; e < 8; e++) p[i * 8 + e] *= dp[i * 8 + e] - offset[e / 2 % 2];
      as_left(left[i], p, i);
      group_fence();
      group_multiply<UD * 8, true>(sums, left[i], matrix_in_shared(base + tile + i * 256, 128, TILE), true);
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
