  int i = (int)(item % TQ), h = (int)(item / TQ % H), n = (int)(item / ((long long)TQ * H));
  float delta = 0.0f;
#pragma unroll 4
  for (int d = 0; d < DV; d++) delta += as_float(dout[item * DV + d]) * as_float(out[item * DV + d]);
  float row[D];
  for (int d = 0; d < D; d++) row[d] = 0.0f;
  for (int j = 0; j < TK; j++) {
    if (!visible(n, i, j)) continue;
    long long key = ((long long)n * H + h) * TK + j;
    float dp = 0.0f;
#pragma unroll 4
    for (int d = 0; d < DV; d++) dp += as_float(dout[item * DV + d]) * as_float(v[key * DV + d]);
    float ds = expf(score(n, h, i, j) - as_float(lse[item])) * (dp - delta);
    for (int d = 0; d < D; d++) row[d] += ds * as_float(k[key * D + d]);
  }
  for (int d = 0; d < D; d++) put(dq + item * D + d, SCALE * row[d]);
