  // out = softmax(scale q k^T + bias) v and lse for GROUPS * 64 queries of one head, over blocks of keys. While a group of warps takes
  // exponents of one block, the tensor cores add up the values of the last one, or work for another group. As in the function for
  // single warps, the maximum that exponents are taken from lags behind.
  constexpr int BLOCKS = (TQ + ROWS - 1) / ROWS, K = 0, V = K + 2 * K_TILE, Q = V + 3 * (UV * UNIT);
  constexpr float NONE = -1e30f;
  // A free column of v holds ones, so that its product is the sum of the weights.
  constexpr bool ONES = DV % 8 != 0;
  const float HIDDEN = __uint_as_float(0xff800000u);
  const int *packed_k = packed + K_AT, *packed_v = packed + V_AT;
  int first = blockIdx.x % BLOCKS * ROWS, nh = blockIdx.x / BLOCKS, n = nh / H, h = nh % H;
  int steps = CAUSAL ? smaller(TK, first + ROWS) : TK;
  steps = (steps + COLUMNS - 1) / COLUMNS;
  auto load_keys = [&](int step) {
    if (step < steps) load_tile(K + step % 2 * K_TILE, packed_k, (long long)nh * K_TILES + step, 2 * PD);
  };
  auto load_values = [&](int step) {
    if (step < steps) load_tile(V + step % 3 * (UV * UNIT), packed_v, (long long)nh * K_TILES + step, UV);
  };
  // The queries, which only this block needs, come as they are.
  auto* queries_from = q + ((long long)nh * TQ + first) * D;
  for (int at = threadIdx.x; at < ROWS * 2 * PD; at += THREADS) {
    int r = at / (2 * PD), c = at % (2 * PD) * 8;
    u32 cell[4];
#pragma unroll
    for (int i = 0; i < 4; i++) {
      bool low = first + r < TQ && c + 2 * i < D, high = first + r < TQ && c + 2 * i + 1 < D;
      cell[i] = (low ? (u32)queries_from[r * D + c + 2 * i] : 0u) | (high ? (u32)queries_from[r * D + c + 2 * i + 1] << 16 : 0u);
    }
    *(uint4*)(memory + Q + r / 64 * K_TILE + c / 8 * UNIT + r % 64 * 16) = make_uint4(cell[0], cell[1], cell[2], cell[3]);
  }
  load_keys(0);
  copy_async_commit();
  arrive();
  load_keys(1);
  load_values(0);
  copy_async_commit();
  u32 queries[PD][4];
  load_left(queries, Q, PD);

  float even[32], odd[32], sums[UV * 4], top[2] = {NONE, NONE}, total[2] = {0.0f, 0.0f};
  u32 weights[4][4];
#pragma unroll
  for (int i = 0; i < UV * 4; i++) sums[i] = 0.0f;
#pragma unroll
  for (int i = 0; i < 32; i++) even[i] = odd[i] = 0.0f;
  times_transposed(even, queries, K, PD);
  int row = first + warp * 16 + lane / 4;
  // At its start the scores of this step and the sums of the step before are under way.
  auto step = [&](int at, float* s, float* next) {
    group_wait<0>();
    arrive();
    load_keys(at + 2);
    load_values(at + 1);
    copy_async_commit();
    int key = at * COLUMNS;
    bool check = CAUSAL || MASK || (TK % COLUMNS != 0 && key + COLUMNS > TK);
    float highest[2] = {HIDDEN, HIDDEN};
#pragma unroll
    for (int i = 0; i < 32; i++) {
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
    // After the last step these are scores that nobody reads.
    times_transposed(next, queries, K + (at + 1) % 2 * K_TILE, PD);
#pragma unroll
    for (int p = 0; p < 4; p++) {
      float exponents[8];
#pragma unroll
      for (int i = 0; i < 8; i++) {
        exponents[i] = fast_exp2(s[p * 8 + i] * FACTOR - top[i / 2 % 2]);
        if (!ONES) total[i / 2 % 2] += exponents[i];
      }
      as_left(weights[p], exponents, 0);
      group_fence();
      group_multiply<UV * 8, true>(sums, weights[p], matrix_in_shared(base + V + at % 3 * (UV * UNIT) + p * 256, 128, UNIT), true);
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
  copy_async_wait<0>();

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
      if (DV % 2 == 0 && c < DV) {
        *(u32*)(out + at * DV + c) = pack_bf16(low, high);
      } else {
        if (c < DV) put(out + at * DV + c, low);
        if (c + 1 < DV) put(out + at * DV + c + 1, high);
      }
    }
  }
