  // Rounds the weights and lays them out as the lanes of a warp want them: [block of channels][k0][chunk][k2][step][k1][t][lane], four
  // weights each. The input gradient is a convolution too, with turned taps and channels changed over.
  int at = blockIdx.x * THREADS + threadIdx.x;
  if (at >= ITEMS) return;
  int lane = at % 32, rest = at / 32;
  int t = rest % NT;
  rest /= NT;
  int k1 = rest % K1;
  rest /= K1;
  int step = rest % (CHUNK / 16);
  rest /= CHUNK / 16;
  int k2 = rest % K2;
  rest /= K2;
  int chunk = rest % CHUNKS;
  rest /= CHUNKS;
  int k0 = rest % K0, co = (rest / K0 * NT + t) * 8 + lane / 4, ci = chunk * CHUNK + step * 16 + lane % 4 * 2;
  constexpr int TAPS = K0 * K1 * K2;
  auto weight = [&](int i) -> float {
    if (co >= CO || ci + i >= CI) return 0.0f;
    int tap = (k0 * K1 + k1) * K2 + k2;
    return as_float(ADJOINT ? w[((ci + i) * CO + co) * TAPS + TAPS - 1 - tap] : w[(co * CI + ci + i) * TAPS + tap]);
  };
  ((uint2*)packed)[at] = make_uint2(pack_bf16(weight(0), weight(1)), pack_bf16(weight(8), weight(9)));
