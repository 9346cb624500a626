  int j = (int)(item % TK), h = (int)(item / TK % H), n = (int)(item / ((long long)TK * H));
  float value[DV];
  for (int d = 0; d < DV; d++) value[d] = 0.0f;
  for (int i = 0; i < TQ; i++) {
    if (!visible(n, i, j)) continue;
    long long query = ((long long)n * H + h) * TQ + i;
    float p = expf(score(n, h, i, j) - as_float(lse[query]));
    for (int d = 0; d < DV; d++) value[d] += p * as_float(dout[query * DV + d]);
  }
  for (int d = 0; d < DV; d++) put(dv + item * DV + d, value[d]);
