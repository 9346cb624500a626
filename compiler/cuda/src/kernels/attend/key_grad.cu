  int j = (int)(item % TK), h = (int)(item / TK % H), n = (int)(item / ((long long)TK * H));
  float key[D];
  for (int d = 0; d < D; d++) key[d] = 0.0f;
  for (int i = 0; i < TQ; i++) {
    if (!visible(n, i, j)) continue;
    long long query = ((long long)n * H + h) * TQ + i;
    float rest = 0.0f;
#pragma unroll 4
    for (int d = 0; d < DV; d++) {
      rest += as_float(dout[query * DV + d]) * (as_float(v[item * DV + d]) - as_float(out[query * DV + d]));
    }
    float ds = expf(score(n, h, i, j) - as_float(lse[query])) * rest;
    for (int d = 0; d < D; d++) key[d] += ds * as_float(q[query * D + d]);
  }
  for (int d = 0; d < D; d++) put(dk + item * D + d, SCALE * key[d]);
