  // dw [CO, CI, K..] from SPLITS partial sums [K.., CO, CI]: eight warps add a share each, then their sums in order.
  constexpr int ITEMS = K0 * K1 * K2 * CO * CI;
  __shared__ float sums[8][32];
  int lane = threadIdx.x % 32, share = threadIdx.x / 32, at = blockIdx.x * 32 + lane;
  float sum = 0.0f;
  if (at < ITEMS) {
#pragma unroll 8
    for (int s = share; s < SPLITS; s += 8) sum += partial[(long long)s * ITEMS + at];
  }
  sums[share][lane] = sum;
  __syncthreads();
  if (share == 0 && at < ITEMS) {
    for (int s = 1; s < 8; s++) sum += sums[s][lane];
    int ci = at % CI, co = at / CI % CO, tap = at / (CI * CO);
    put(dw + ((long long)co * CI + ci) * (K0 * K1 * K2) + tap, sum);
  }
