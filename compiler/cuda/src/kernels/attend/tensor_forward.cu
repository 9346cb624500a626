  // out = softmax(scale q k^T + bias) v and lse, for WARPS * MT * 16 queries of one head, over blocks of keys. The maximum of a row that
  // exponents are taken from lags behind the true one by at most 2^8, so that sums are rarely rescaled.
  constexpr int QUERIES = WARPS * MT * 16, BLOCKS = (TQ + QUERIES - 1) / QUERIES, STAGE = KEYS * (LD + LV), Q = 2 * STAGE;
  constexpr float NONE = -1e30f, FACTOR = SCALE * LOG2E;
  const float HIDDEN = __uint_as_float(0xff800000u);
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
  load(0);
  copy_async_wait<0>();
  __syncthreads();
  u32 queries[MT][PAIRS][4];
  load_left(queries, base + Q + warp * (MT * 16) * LD, LD, UD);

  float sums[MT][UNITS][4], top[MT][2], total[MT][2];
#pragma unroll
  for (int m = 0; m < MT; m++) {
#pragma unroll
    for (int u = 0; u < UNITS; u++)
#pragma unroll
      for (int i = 0; i < 4; i++) sums[m][u][i] = 0.0f;
    top[m][0] = top[m][1] = NONE;
    total[m][0] = total[m][1] = 0.0f;
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
    for (int part = 0; part < KEYS; part += 16 * GROUP) {
      float s[GROUP][MT][2][4];
#pragma unroll
      for (int g = 0; g < GROUP; g++) {
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
          for (int i = 0; i < 8; i++) s[g][m][i / 4][i % 4] = 0.0f;
        times_transposed(s[g], queries, stage + (part + g * 16) * LD, LD, UD);
      }
      int key = step * KEYS + part;
      bool check = CAUSAL || MASK || (TK % KEYS != 0 && key + 16 * GROUP > TK);
      float highest[MT][2];
#pragma unroll
      for (int m = 0; m < MT; m++) highest[m][0] = highest[m][1] = HIDDEN;
#pragma unroll
      for (int g = 0; g < GROUP; g++)
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
          for (int i = 0; i < 8; i++) {
            float& x = s[g][m][i / 4][i % 4];
            int a = first + (warp * MT + m) * 16 + lane / 4 + i / 2 % 2 * 8, b = key + g * 16 + i / 4 * 8 + lane % 4 * 2 + i % 2;
            // Scores stay without their factor until the exponent, which then is one multiplication and addition.
            if (BIAS) x += a < TQ && b < TK ? as_float(bias[((long long)h * TQ + a) * TK + b]) * (1.0f / SCALE) : 0.0f;
            if (check && (b >= TK || !visible(n, a, b))) x = HIDDEN;
            highest[m][i / 2 % 2] = larger(highest[m][i / 2 % 2], x);
          }
      bool rises = false;
#pragma unroll
      for (int m = 0; m < MT; m++)
#pragma unroll
        for (int r = 0; r < 2; r++) {
          float x = highest[m][r];
          x = larger(x, __shfl_xor_sync(0xffffffffu, x, 1));
          x = larger(x, __shfl_xor_sync(0xffffffffu, x, 2));
          highest[m][r] = x;
          rises = rises || x * FACTOR > top[m][r] + 8.0f;
        }
      if (__any_sync(0xffffffffu, rises)) {
#pragma unroll
        for (int m = 0; m < MT; m++)
#pragma unroll
          for (int r = 0; r < 2; r++) {
            float higher = larger(top[m][r], highest[m][r] * FACTOR), factor = fast_exp2(top[m][r] - higher);
            top[m][r] = higher;
            total[m][r] *= factor;
#pragma unroll
            for (int u = 0; u < UV; u++) {
              sums[m][u][2 * r] *= factor;
              sums[m][u][2 * r + 1] *= factor;
            }
          }
      }
#pragma unroll
      for (int g = 0; g < GROUP; g++) {
        u32 left[MT][4];
#pragma unroll
        for (int m = 0; m < MT; m++) {
#pragma unroll
          for (int i = 0; i < 8; i++) {
            float& x = s[g][m][i / 4][i % 4];
            // Where nothing is visible, `top` is NONE, and a hidden score is minus infinity.
            x = fast_exp2(x * FACTOR - top[m][i / 2 % 2]);
            total[m][i / 2 % 2] += x;
          }
          as_left(left[m], s[g][m]);
        }
        add_product(sums, left, stage + KEYS * LD + (part + g * 16) * LV, LV, UV);
      }
    }
  }
#pragma unroll
  for (int m = 0; m < MT; m++)
#pragma unroll
    for (int r = 0; r < 2; r++) {
      float x = total[m][r];
      x += __shfl_xor_sync(0xffffffffu, x, 1);
      x += __shfl_xor_sync(0xffffffffu, x, 2);
      int a = first + (warp * MT + m) * 16 + lane / 4 + r * 8;
      if (a >= TQ) continue;
      float inverse = x > 0.0f ? 1.0f / x : 0.0f;
      long long at = (long long)nh * TQ + a;
      if (lane % 4 == 0) put(lse + at, x > 0.0f ? (top[m][r] + log2f(x)) * (1.0f / LOG2E) : NONE);
#pragma unroll
      for (int u = 0; u < UV; u++) {
        int c = u * 8 + lane % 4 * 2;
        float low = sums[m][u][2 * r] * inverse, high = sums[m][u][2 * r + 1] * inverse;
        if (DV % 2 == 0) {
          if (c < DV) put_2(out + at * DV + c, low, high);
        } else {
          if (c < DV) put(out + at * DV + c, low);
          if (c + 1 < DV) put(out + at * DV + c + 1, high);
        }
      }
    }
