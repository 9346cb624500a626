  for (int n = first + warp; n < last; n += THREADS / 32) {
    long long nh = (long long)n * H + h;
    float keys[TK][4], values[TK][4];
#pragma unroll
    for (int j = 0; j < TK; j++) load(keys[j], k + (nh * TK + j) * D, D);
#pragma unroll
    for (int j = 0; j < TK; j++) load(values[j], v + (nh * TK + j) * DV, DV);
#pragma unroll
    for (int i = 0; i < TQ; i++) {
      float query[4], p[TK], sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      load(query, q + (nh * TQ + i) * D, D);
      float level = weigh(p, n, i, query, keys);
#pragma unroll
      for (int j = 0; j < TK; j++)
#pragma unroll
        for (int e = 0; e < 4; e++) sum[e] += p[j] * values[j][e];
      store(result + (nh * TQ + i) * DV, sum, DV);
      if (lane == 0) put(lse + nh * TQ + i, level);
    }
  }
