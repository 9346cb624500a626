  // first dy [N, O.., CO], second w [CO, CI, K..], result dx [N, I.., CI].
  long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (at >= (long long)N * I0 * I1 * I2 * CI) return;
  int ci = (int)(at % CI);
  long long pixel = at / CI;
  int i2 = (int)(pixel % I2), i1 = (int)(pixel / I2 % I1), i0 = (int)(pixel / ((long long)I2 * I1) % I0);
  int n = (int)(pixel / ((long long)I2 * I1 * I0));
  float sum = 0.0f;
  for (int k0 = 0; k0 < K0; k0++) {
    int o0 = (i0 + L0 - k0) / S0;
    if (i0 + L0 < k0 || o0 >= O0 || o0 * S0 != i0 + L0 - k0) continue;
    for (int k1 = 0; k1 < K1; k1++) {
      int o1 = (i1 + L1 - k1) / S1;
      if (i1 + L1 < k1 || o1 >= O1 || o1 * S1 != i1 + L1 - k1) continue;
      for (int k2 = 0; k2 < K2; k2++) {
        int o2 = (i2 + L2 - k2) / S2;
        if (i2 + L2 < k2 || o2 >= O2 || o2 * S2 != i2 + L2 - k2) continue;
        auto* dy = first + ((((long long)n * O0 + o0) * O1 + o1) * O2 + o2) * CO;
        auto* w = second + (long long)ci * K0 * K1 * K2 + (k0 * K1 + k1) * K2 + k2;
#pragma unroll 4
        for (int co = 0; co < CO; co++) sum += as_float(dy[co]) * as_float(w[(long long)co * (CI * K0 * K1 * K2)]);
      }
    }
  }
  put(result + at, sum);
