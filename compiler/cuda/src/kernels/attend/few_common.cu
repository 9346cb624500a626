  // A warp has one head of one batch element; a lane has four elements of every row, in registers. Scores are the same in all lanes.
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, h = blockIdx.x % H;
  int first = blockIdx.x / H * BATCHES, last = smaller(first + BATCHES, N);
  auto load = [&](float* to, decltype(q) from, int width) {
    if (width % 4 == 0) {
      if (lane * 4 < width) get_4(to, from + lane * 4);
      else to[0] = to[1] = to[2] = to[3] = 0.0f;
    } else {
#pragma unroll
      for (int e = 0; e < 4; e++) to[e] = lane * 4 + e < width ? as_float(from[lane * 4 + e]) : 0.0f;
    }
  };
  auto store = [&](decltype(result) to, const float* from, int width) {
    if (width % 4 == 0) {
      if (lane * 4 < width) put_4(to + lane * 4, from);
    } else {
#pragma unroll
      for (int e = 0; e < 4; e++)
        if (lane * 4 + e < width) put(to + lane * 4 + e, from[e]);
    }
  };
  auto dot = [&](const float* a, const float* b) -> float {
    return warp_sum(a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + a[3] * b[3]);
  };
  // The weights of query i, exponents of 2 over their sum; returns the logarithm of the sum of exp.
  auto weigh = [&](float* p, int n, int i, const float* query, const float (*keys)[4]) -> float {
    constexpr float LOG2E = 1.4426950408889634f, NONE = -1e30f;
    float top = NONE, total = 0.0f;
#pragma unroll
    for (int j = 0; j < TK; j++) {
      p[j] = 2.0f * NONE;
      if (CAUSAL && j > i) continue;
      float s = dot(query, keys[j]) * SCALE;
      if (BIAS) s += as_float(bias[(h * TQ + i) * TK + j]);
      if (!MASK || mask[(long long)n * TK + j] != 0) p[j] = s * LOG2E;
      top = larger(top, p[j]);
    }
#pragma unroll
    for (int j = 0; j < TK; j++) {
      p[j] = fast_exp2(p[j] - top);
      total += p[j];
    }
    float inverse = total > 0.0f ? 1.0f / total : 0.0f;
#pragma unroll
    for (int j = 0; j < TK; j++) p[j] *= inverse;
    return total > 0.0f ? (top + log2f(total)) * (1.0f / LOG2E) : NONE;
  };
