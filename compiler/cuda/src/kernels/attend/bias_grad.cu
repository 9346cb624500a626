  int j = (int)(item % TK), i = (int)(item / TK % TQ), h = (int)(item / ((long long)TK * TQ));
  float sum = 0.0f;
  for (int n = 0; n < N; n++) {
    if (!visible(n, i, j)) continue;
    long long query = ((long long)n * H + h) * TQ + i, key = ((long long)n * H + h) * TK + j;
    float rest = 0.0f;
#pragma unroll 4
    for (int d = 0; d < DV; d++) {
      rest += as_float(dout[query * DV + d]) * (as_float(v[key * DV + d]) - as_float(out[query * DV + d]));
    }
    sum += expf(score(n, h, i, j) - as_float(lse[query])) * rest;
  }
  put(dbias + item, sum);
