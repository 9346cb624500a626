  // Rounds the weights and lays them out as the lanes of a warp want them: [block of channels][k0][chunk][k2][step][k1][t][lane], four
  // weights each. The input gradient is a convolution too, with turned taps and channels changed over; for a stride F, its channels are
  // those of F0 * F1 * F2 pixels, each of which has taps of its own.
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
  auto weight = [&](int i) -> float {
    if (co >= CO || ci + i >= CI) return 0.0f;
    if (!ADJOINT) return as_float(w[((co * CI + ci + i) * K0 + k0) * (K1 * K2) + k1 * K2 + k2]);
    int phase = co / CR, t0 = phase / (F1 * F2) + F0 * (K0 - 1 - k0), t1 = phase / F2 % F1 + F1 * (K1 - 1 - k1);
    int t2 = phase % F2 + F2 * (K2 - 1 - k2);
    if (t0 >= T0 || t1 >= T1 || t2 >= T2) return 0.0f;
    return as_float(w[(((ci + i) * CR + co % CR) * T0 + t0) * (T1 * T2) + t1 * T2 + t2]);
  };
  ((uint2*)packed)[at] = make_uint2(pack_bf16(weight(0), weight(1)), pack_bf16(weight(8), weight(9)));
