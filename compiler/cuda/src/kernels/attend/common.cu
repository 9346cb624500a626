  long long item = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (item >= ITEMS) return;
  auto visible = [&](int n, int i, int j) -> bool {
    if (CAUSAL && j > i) return false;
    return !MASK || mask[(long long)n * TK + j] != 0;
  };
  auto score = [&](int n, int h, int i, int j) -> float {
    auto* qi = q + (((long long)n * H + h) * TQ + i) * D;
    auto* kj = k + (((long long)n * H + h) * TK + j) * D;
    float s = 0.0f;
#pragma unroll 4
    for (int d = 0; d < D; d++) s += as_float(qi[d]) * as_float(kj[d]);
    s *= SCALE;
    if (BIAS) s += as_float(bias[((long long)h * TQ + i) * TK + j]);
    return s;
  };
