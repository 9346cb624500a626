  int i = (int)(item % TQ), h = (int)(item / TQ % H), n = (int)(item / ((long long)TQ * H));
  float top = -1e30f;
  for (int j = 0; j < TK; j++)
    if (visible(n, i, j)) top = larger(top, score(n, h, i, j));
  float sum = 0.0f;
  float row[DV];
  for (int d = 0; d < DV; d++) row[d] = 0.0f;
  for (int j = 0; j < TK; j++) {
    if (!visible(n, i, j)) continue;
    float e = expf(score(n, h, i, j) - top);
    sum += e;
    auto* vj = v + (((long long)n * H + h) * TK + j) * DV;
    for (int d = 0; d < DV; d++) row[d] += e * as_float(vj[d]);
  }
  // A query that sees no key has the sum 0.
  sum = larger(sum, 1.0f);
  for (int d = 0; d < DV; d++) put(out + item * DV + d, row[d] / sum);
  put(lse + item, top + logf(sum));
