  int j = (int)(item % TK), h = (int)(item / TK % H), n = (int)(item / ((long long)TK * H));
  float key[D], value[DV];
  for (int d = 0; d < D; d++) key[d] = 0.0f;
  for (int d = 0; d < DV; d++) value[d] = 0.0f;
  for (int i = 0; i < TQ; i++) {
    if (!visible(n, i, j)) continue;
    long long query = ((long long)n * H + h) * TQ + i;
    float p = expf(score(n, h, i, j) - as_float(lse[query]));
    float rest = 0.0f;
    for (int d = 0; d < DV; d++) {
      float g = as_float(dout[query * DV + d]);
      rest += g * (as_float(v[item * DV + d]) - as_float(out[query * DV + d]));
      value[d] += p * g;
    }
    float ds = p * rest;
    for (int d = 0; d < D; d++) key[d] += ds * as_float(q[query * D + d]);
  }
  for (int d = 0; d < D; d++) put(dk + item * D + d, SCALE * key[d]);
  for (int d = 0; d < DV; d++) put(dv + item * DV + d, value[d]);
