  // The weights are rebuilt from the scores, and delta is the sum of p dp, so neither out nor lse is read. Lane l adds up elements l,
  // l + 32.. of the bias' gradient over the batch.
  constexpr int PLACES = (TQ * TK + 31) / 32;
  float bias_sums[PLACES];
#pragma unroll
  for (int i = 0; i < PLACES; i++) bias_sums[i] = 0.0f;
  for (int n = first + warp; n < last; n += THREADS / 32) {
    long long nh = (long long)n * H + h;
    float keys[TK][4], values[TK][4], key_sums[TK][4], value_sums[TK][4];
#pragma unroll
    for (int j = 0; j < TK; j++) {
      load(keys[j], k + (nh * TK + j) * D, D);
      load(values[j], v + (nh * TK + j) * DV, DV);
#pragma unroll
      for (int e = 0; e < 4; e++) key_sums[j][e] = value_sums[j][e] = 0.0f;
    }
#pragma unroll
    for (int i = 0; i < TQ; i++) {
      float query[4], upstream[4], p[TK], dp[TK], delta = 0.0f, sum[4] = {0.0f, 0.0f, 0.0f, 0.0f};
      load(query, q + (nh * TQ + i) * D, D);
      load(upstream, dout + (nh * TQ + i) * DV, DV);
      weigh(p, n, i, query, keys);
#pragma unroll
      for (int j = 0; j < TK; j++) {
        dp[j] = CAUSAL && j > i ? 0.0f : dot(upstream, values[j]);
        delta += p[j] * dp[j];
      }
#pragma unroll
      for (int j = 0; j < TK; j++) {
        if (CAUSAL && j > i) continue;
        float ds = p[j] * (dp[j] - delta);
        if (lane == (i * TK + j) % 32) bias_sums[(i * TK + j) / 32] += ds;
#pragma unroll
        for (int e = 0; e < 4; e++) {
          sum[e] += SCALE * ds * keys[j][e];
          key_sums[j][e] += SCALE * ds * query[e];
          value_sums[j][e] += p[j] * upstream[e];
        }
      }
      store(result + (nh * TQ + i) * D, sum, D);
    }
#pragma unroll
    for (int j = 0; j < TK; j++) {
      store(dk + (nh * TK + j) * D, key_sums[j], D);
      store(dv + (nh * TK + j) * DV, value_sums[j], DV);
    }
  }
  if (BIAS) {
    __shared__ float sums[THREADS / 32][PLACES * 32];
#pragma unroll
    for (int i = 0; i < PLACES; i++) sums[warp][i * 32 + lane] = bias_sums[i];
    __syncthreads();
    for (int at = threadIdx.x; at < TQ * TK; at += THREADS) {
      float total = 0.0f;
      for (int w = 0; w < THREADS / 32; w++) total += sums[w][at];
      partial[blockIdx.x * (TQ * TK) + at] = total;
    }
  }
