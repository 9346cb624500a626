  // dq = scale ds k with ds = p (dout v^T - delta), for GROUPS * 64 queries of one head, over blocks of keys.
  constexpr int BLOCKS = (TQ + ROWS - 1) / ROWS, K_TILE = 2 * PD * UNIT, V_TILE = 2 * PV * UNIT;
  constexpr int K = 0, V = K + 3 * K_TILE, Q = V + 2 * V_TILE, G = Q + GROUPS * (2 * PD * OWN);
  const int *packed_q = packed + Q_AT, *packed_g = packed + G_AT, *packed_k = packed + K_AT, *packed_v = packed + V_AT;
  int first = blockIdx.x % BLOCKS * ROWS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  int steps = CAUSAL ? smaller(TK, first + ROWS) : TK;
  steps = (steps + COLUMNS - 1) / COLUMNS;
  auto load = [&](int step) {
    if (step < steps) {
      load_tile(K + step % 3 * K_TILE, packed_k, (long long)nh * K_TILES + step, 2 * PD);
      load_tile(V + step % 2 * V_TILE, packed_v, (long long)nh * K_TILES + step, 2 * PV);
    }
    copy_async_commit();
  };
  load_own(Q, packed_q, nh, Q_TILES, Q_HEIGHT, first, 2 * PD);
  load_own(G, packed_g, nh, Q_TILES, Q_HEIGHT, first, 2 * PV);
  load(0);
  int row = first + warp * 16 + lane / 4;
  float s[HALF], dp[HALF], sums[UD * 4], level[2], offset[2];
#pragma unroll
  for (int i = 0; i < UD * 4; i++) sums[i] = 0.0f;
#pragma unroll
  for (int r = 0; r < 2; r++) {
    int a = row + r * 8;
    level[r] = a < TQ ? as_float(lse[(long long)nh * TQ + a]) * LOG2E : 0.0f;
    offset[r] = a < TQ ? delta[(long long)nh * TQ + a] : 0.0f;
  }
  u32 left[COLUMNS / 16][4];
  // A step's last product goes on during the next step, until `left` changes; so a tile of keys keeps its place for one step more.
#pragma unroll 1
  for (int at = 0; at < steps; at++) {
    arrive();
    load(at + 1);
    int tile = K + at % 3 * K_TILE, key = at * COLUMNS;
    take_turn(at == 0);
    times_transposed(s, Q, tile, PD);
    times_transposed(dp, G, V + at % 2 * V_TILE, PV);
    pass_turn(at + 1 == steps);
    group_wait<1>();
    bool check = CAUSAL || MASK || (TK % COLUMNS != 0 && key + COLUMNS > TK);
#pragma unroll
    for (int i = 0; i < HALF; i++) {
      int r = i / 2 % 2, a = row + r * 8, b = key + i / 4 * 8 + lane % 4 * 2 + i % 2;
      float x = s[i] * FACTOR - level[r];
      if (BIAS) x += a < TQ && b < TK ? as_float(bias[((long long)h * TQ + a) * TK + b]) * LOG2E : 0.0f;
      s[i] = fast_exp2(x);
      if (check && (b >= TK || !visible(n, a, b))) s[i] = 0.0f;
    }
    group_wait<0>();
#pragma unroll
    for (int i = 0; i < HALF; i++) s[i] *= dp[i] - offset[i / 2 % 2];
#pragma unroll
    for (int p = 0; p < COLUMNS / 16; p++) as_left(left[p], s, p);
    u64 keys = matrix_in_shared(base + tile, 128, UNIT);
    group_fence();
#pragma unroll
    for (int p = 0; p < COLUMNS / 16; p++) group_multiply<UD * 8, true>(sums, left[p], further_in_shared(keys, p * 256), true);
    group_commit();
  }
  group_wait<0>();
#pragma unroll
  for (int u = 0; u < UD; u++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      int a = row + r * 8, c = u * 8 + lane % 4 * 2;
      auto* to = dq + ((long long)nh * TQ + a) * D + c;
      float low = SCALE * sums[u * 4 + 2 * r], high = SCALE * sums[u * 4 + 2 * r + 1];
      if (a < TQ && c + 1 < D && D % 2 == 0) put_2(to, low, high);
      if (a < TQ && c < D && D % 2 != 0) put(to, low);
      if (a < TQ && c + 1 < D && D % 2 != 0) put(to + 1, high);
    }
