  // out = softmax(scale q k^T + bias) v and lse for GROUPS * 64 queries of one head, over blocks of keys. While a group of warps takes
  // exponents of one block, the tensor cores add up the values of the block before, or work for another group. As in the function for
  // single warps, the maximum that exponents are taken from lags behind.
  constexpr int BLOCKS = (TQ + ROWS - 1) / ROWS, K = 0, V = K + 2 * (2 * PD * UNIT), Q = V + 3 * (UV * UNIT);
  constexpr float NONE = -1e30f;
  // A free column of v holds ones, so that its product is the sum of the weights.
  constexpr bool ONES = DV % 8 != 0;
  const float HIDDEN = __uint_as_float(0xff800000u);
  const int *packed_k = packed + K_AT, *packed_v = packed + V_AT;
  int first = blockIdx.x % BLOCKS * ROWS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  int steps = CAUSAL ? smaller(TK, first + ROWS) : TK;
  steps = (steps + COLUMNS - 1) / COLUMNS;
  auto load = [&](int step) {
    if (step < steps) {
      load_tile(K + step % 2 * (2 * PD * UNIT), packed_k, (long long)nh * K_TILES + step, 2 * PD);
      load_tile(V + step % 3 * (UV * UNIT), packed_v, (long long)nh * K_TILES + step, UV);
    }
    copy_async_commit();
  };
  load(0);
  // The queries, which only this block needs, come as they are.
  auto* own = q + ((long long)nh * TQ + first) * D;
  for (int at = threadIdx.x; at < ROWS * 2 * PD; at += THREADS) {
    int r = at / (2 * PD), c = at % (2 * PD) * 8;
    u32 half[8];
#pragma unroll
    for (int e = 0; e < 8; e++) half[e] = first + r < TQ && c + e < D ? own[r * D + c + e] : 0u;
    uint4 cell = make_uint4(half[0] | half[1] << 16, half[2] | half[3] << 16, half[4] | half[5] << 16, half[6] | half[7] << 16);
    *(uint4*)(memory + Q + (r / 64 * (2 * PD) + c / 8) * OWN + r % 64 * 16) = cell;
  }

  float s[HALF], sums[UV * 4], top[2] = {NONE, NONE}, total[2] = {0.0f, 0.0f};
  u32 weights[COLUMNS / 16][4];
#pragma unroll
  for (int i = 0; i < UV * 4; i++) sums[i] = 0.0f;
  int row = first + warp * 16 + lane / 4;
  auto add_values = [&](int at) {
    u64 values = matrix_in_shared(base + V + at % 3 * (UV * UNIT), 128, UNIT);
    group_fence();
#pragma unroll
    for (int p = 0; p < COLUMNS / 16; p++) group_multiply<UV * 8, true>(sums, weights[p], further_in_shared(values, p * 256), true);
    group_commit();
  };
#pragma unroll 1
  for (int at = 0; at < steps; at++) {
    arrive();
    load(at + 1);
    take_turn(at == 0);
    times_transposed(s, Q, K + at % 2 * (2 * PD * UNIT), PD);
    if (at > 0) {
      add_values(at - 1);
      pass_turn(at + 1 == steps);
      group_wait<1>();
    } else {
      pass_turn(at + 1 == steps);
      group_wait<0>();
    }
    int key = at * COLUMNS;
    bool check = CAUSAL || MASK || (TK % COLUMNS != 0 && key + COLUMNS > TK);
    float highest[2] = {HIDDEN, HIDDEN};
#pragma unroll
    for (int i = 0; i < HALF; i++) {
      int a = row + i / 2 % 2 * 8, b = key + i / 4 * 8 + lane % 4 * 2 + i % 2;
      if (BIAS) s[i] += a < TQ && b < TK ? as_float(bias[((long long)h * TQ + a) * TK + b]) * (1.0f / SCALE) : 0.0f;
      if (check && (b >= TK || !visible(n, a, b))) s[i] = HIDDEN;
      highest[i / 2 % 2] = fmaxf(highest[i / 2 % 2], s[i]);
    }
    bool rises = false;
    float before[2] = {top[0], top[1]};
#pragma unroll
    for (int r = 0; r < 2; r++) {
      float x = highest[r];
      x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
      x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2)) * FACTOR;
      if (x > top[r] + 8.0f) top[r] = x, rises = true;
    }
#pragma unroll
    for (int i = 0; i < HALF; i++) s[i] = fast_exp2(s[i] * FACTOR - top[i / 2 % 2]);
    group_wait<0>();
    if (__any_sync(0xffffffffu, rises)) {
#pragma unroll
      for (int r = 0; r < 2; r++) {
        float factor = fast_exp2(before[r] - top[r]);
        total[r] *= factor;
#pragma unroll
        for (int u = 0; u < UV; u++) {
          sums[u * 4 + 2 * r] *= factor;
          sums[u * 4 + 2 * r + 1] *= factor;
        }
      }
    }
    if (!ONES)
#pragma unroll
      for (int i = 0; i < HALF; i++) total[i / 2 % 2] += s[i];
#pragma unroll
    for (int p = 0; p < COLUMNS / 16; p++) as_left(weights[p], s, p);
  }
  if (steps > 0) add_values(steps - 1);
  group_wait<0>();

#pragma unroll
  for (int r = 0; r < 2; r++) {
    float x = total[r];
    if (ONES) {
      x = __shfl_sync(0xffffffffu, sums[(UV - 1) * 4 + 2 * r + DV % 2], lane / 4 * 4 + DV % 8 / 2);
    } else {
      x += __shfl_xor_sync(0xffffffffu, x, 1);
      x += __shfl_xor_sync(0xffffffffu, x, 2);
    }
    int a = row + r * 8;
    if (a >= TQ) continue;
    float inverse = x > 0.0f ? 1.0f / x : 0.0f;
    long long at = (long long)nh * TQ + a;
    if (lane % 4 == 0) put(lse + at, x > 0.0f ? (top[r] + log2f(x)) * (1.0f / LOG2E) : NONE);
#pragma unroll
    for (int u = 0; u < UV; u++) {
      int c = u * 8 + lane % 4 * 2;
      float low = sums[u * 4 + 2 * r] * inverse, high = sums[u * 4 + 2 * r + 1] * inverse;
      if (DV % 2 == 0) {
          if (c < DV) put_2(out + at * DV + c, low, high);
      } else {
        if (c < DV) put(out + at * DV + c, low);
        if (c + 1 < DV) put(out + at * DV + c + 1, high);
      }
    }
  }
