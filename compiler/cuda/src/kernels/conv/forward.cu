  // first x [N, I.., CI], second w [CO, CI, K..], result y [N, O.., CO].
  long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (at >= (long long)N * O0 * O1 * O2 * CO) return;
  int co = (int)(at % CO);
  long long pixel = at / CO;
  int o2 = (int)(pixel % O2), o1 = (int)(pixel / O2 % O1), o0 = (int)(pixel / ((long long)O2 * O1) % O0);
  int n = (int)(pixel / ((long long)O2 * O1 * O0));
  float sum = 0.0f;
  for (int k0 = 0; k0 < K0; k0++) {
    int i0 = o0 * S0 + k0 - L0;
    if (i0 < 0 || i0 >= I0) continue;
    for (int k1 = 0; k1 < K1; k1++) {
      int i1 = o1 * S1 + k1 - L1;
      if (i1 < 0 || i1 >= I1) continue;
      for (int k2 = 0; k2 < K2; k2++) {
        int i2 = o2 * S2 + k2 - L2;
        if (i2 < 0 || i2 >= I2) continue;
        auto* x = first + ((((long long)n * I0 + i0) * I1 + i1) * I2 + i2) * CI;
        auto* w = second + (long long)co * CI * K0 * K1 * K2 + (k0 * K1 + k1) * K2 + k2;
#pragma unroll 4
        for (int ci = 0; ci < CI; ci++) sum += as_float(x[ci]) * as_float(w[ci * (K0 * K1 * K2)]);
      }
    }
  }
  put(result + at, sum);
