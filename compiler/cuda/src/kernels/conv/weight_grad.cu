  // first x [N, I.., CI], second dy [N, O.., CO], result dw [CO, CI, K..]: one block for each element.
  int k2 = blockIdx.x % K2, k1 = blockIdx.x / K2 % K1, k0 = blockIdx.x / (K2 * K1) % K0;
  int ci = blockIdx.x / (K2 * K1 * K0) % CI, co = blockIdx.x / (K2 * K1 * K0 * CI);
  float sum = 0.0f;
  for (long long pixel = threadIdx.x; pixel < (long long)N * O0 * O1 * O2; pixel += THREADS) {
    int o2 = (int)(pixel % O2), o1 = (int)(pixel / O2 % O1), o0 = (int)(pixel / ((long long)O2 * O1) % O0);
    int n = (int)(pixel / ((long long)O2 * O1 * O0));
    int i0 = o0 * S0 + k0 - L0, i1 = o1 * S1 + k1 - L1, i2 = o2 * S2 + k2 - L2;
    if (i0 < 0 || i0 >= I0 || i1 < 0 || i1 >= I1 || i2 < 0 || i2 >= I2) continue;
    sum += as_float(first[((((long long)n * I0 + i0) * I1 + i1) * I2 + i2) * CI + ci]) * as_float(second[pixel * CO + co]);
  }
  __shared__ float sums[THREADS / 32];
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) sums[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    float total = 0.0f;
    for (int w = 0; w < THREADS / 32; w++) total += sums[w];
    put(result + blockIdx.x, total);
  }
