  // Rows of a matrix of each head, W wide, into tiles of HEIGHT rows by units of 8 columns, zeros around them: a block has one tile. With
  // ONES the first column beyond W is 1.
  __shared__ bf16 rows[HEIGHT * W];
  int tile = blockIdx.x % TILES, nh = blockIdx.x / TILES, present = smaller(larger(T - tile * HEIGHT, 0), HEIGHT);
  auto* source = from + ((long long)nh * T + tile * HEIGHT) * W;
  if (W % 2 == 0) {
    for (int i = threadIdx.x; i < present * W / 2; i += THREADS) ((u32*)rows)[i] = ((const u32*)source)[i];
  } else {
    for (int i = threadIdx.x; i < present * W; i += THREADS) rows[i] = source[i];
  }
  __syncthreads();
  uint4* to = (uint4*)(packed + AT) + (long long)blockIdx.x * (UNITS * HEIGHT);
  for (int at = threadIdx.x; at < UNITS * HEIGHT; at += THREADS) {
    int r = at % HEIGHT, c = at / HEIGHT * 8;
    u32 half[8];
#pragma unroll
    for (int e = 0; e < 8; e++) half[e] = r < present && c + e < W ? rows[r * W + c + e] : ONES && c + e == W ? 0x3f80u : 0u;
    to[at] = make_uint4(half[0] | half[1] << 16, half[2] | half[3] << 16, half[4] | half[5] << 16, half[6] | half[7] << 16);
  }
