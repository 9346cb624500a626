  // dw[co, ci, k..] = sum over n, o.. of x[n, o + k - L.., ci] dy[n, o.., co], here for S = 1. A block adds its tiles of pixels, frame after
  // frame, for MT * 16 by NT * 8 channels; a warp has the taps k1 of one (k0, k2). A row of 16 pixels is the sum's direction: products
  // are channels of dy by pixels, times pixels by channels of x. A row of x serves all k1 before it goes.
  constexpr int Y_UNITS = 2 * MT, X_UNITS = NT <= 2 ? 2 : 4;
  constexpr int COLUMNS = 16 * ACROSS, X_ROWS = (ROWS - 1) * S1 + K1, X_COLUMNS = (COLUMNS - 1) * S2 + K2, X_ROW = X_COLUMNS * X_UNITS * 16;
  constexpr int X_FRAME = X_ROWS * X_ROW, Y_FRAME = ROWS * COLUMNS * Y_UNITS * 16, SLOTS = KT + 1;
  constexpr int TILES = N * TILES_Y * TILES_X, PIECES = ROWS / SEGMENT * ACROSS;
  unsigned char* memory = dynamic_shared();
  u32 base = shared_address(memory);
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int k2 = warp % K2, k0 = warp / K2 % KT, part = warp / (K2 * KT);
  int ci0 = blockIdx.z * (NT * 8), co0 = blockIdx.y / (K0 / KT) * (MT * 16), later = blockIdx.y % (K0 / KT) - L0;

  auto eight = [&](int to, decltype(x) from, bool inside, int channels, bool copies) {
    if (copies) {
      copy_async_16(base + to, from, inside && channels > 0);
    } else {
      float v[8];
#pragma unroll
      for (int e = 0; e < 8; e++) v[e] = inside && e < channels ? as_float(from[e]) : 0.0f;
      *(uint4*)(memory + to) = make_uint4(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]), pack_bf16(v[6], v[7]));
    }
  };
  auto load_x = [&](int slot, int tile, int frame) {
    if (frame < 0 || frame >= I0) return;
    int x0 = tile % TILES_X * (COLUMNS * S2) - L2, y0 = tile / TILES_X % TILES_Y * (ROWS * S1) - L1, n = tile / (TILES_X * TILES_Y);
    auto* image = x + ((long long)n * I0 + frame) * I1 * I2 * CI + ci0;
    for (int at = threadIdx.x; at < X_ROWS * X_COLUMNS * X_UNITS; at += THREADS) {
      int unit = at % X_UNITS, column = at / X_UNITS % X_COLUMNS, i1 = y0 + at / (X_UNITS * X_COLUMNS), i2 = x0 + column;
      bool inside = i1 >= 0 && i1 < I1 && i2 >= 0 && i2 < I2 && ci0 + unit * 8 < CI;
      int to = slot * X_FRAME + (at - unit + (unit ^ (column / (8 / X_UNITS) & (X_UNITS - 1)))) * 16;
      eight(to, image + (inside ? (i1 * I2 + i2) * CI + unit * 8 : 0), inside, CI - ci0 - unit * 8, X_COPIES);
    }
  };
  auto load_y = [&](int slot, int tile, int o) {
    int x0 = tile % TILES_X * COLUMNS, y0 = tile / TILES_X % TILES_Y * ROWS, n = tile / (TILES_X * TILES_Y);
    auto* image = dy + ((long long)n * O0 + o) * O1 * O2 * CO + co0;
    for (int at = threadIdx.x; at < ROWS * COLUMNS * Y_UNITS; at += THREADS) {
      int unit = at % Y_UNITS, column = at / Y_UNITS % COLUMNS, o1 = y0 + at / (Y_UNITS * COLUMNS), o2 = x0 + column;
      bool inside = o1 < O1 && o2 < O2 && co0 + unit * 8 < CO;
      int to = SLOTS * X_FRAME + slot * Y_FRAME + (at - unit + (unit ^ (column / (8 / Y_UNITS) & (Y_UNITS - 1)))) * 16;
      eight(to, image + (inside ? (o1 * O2 + o2) * CO + unit * 8 : 0), inside, CO - co0 - unit * 8, Y_COPIES);
    }
  };

  float sums[K1][MT][NT][4];
#pragma unroll
  for (int i = 0; i < K1 * MT * NT * 4; i++) (&sums[0][0][0][0])[i] = 0.0f;
  auto multiply = [&](int x_slot, int y_slot) {
#pragma unroll 1
    for (int piece = part; piece < PIECES; piece += PARTS) {
      int across = piece % ACROSS * 16, down = piece / ACROSS * SEGMENT;
      int y_column = across + lane / 16 * 8 + lane % 8, x_column = (across + lane % 16) * S2 + k2;
      u32 y_row = base + SLOTS * X_FRAME + y_slot * Y_FRAME + (down * COLUMNS + y_column) * (Y_UNITS * 16);
      u32 x_row = base + x_slot * X_FRAME + down * (S1 * X_ROW) + x_column * (X_UNITS * 16);
      int y_turn = y_column / (8 / Y_UNITS) & (Y_UNITS - 1), x_turn = x_column / (8 / X_UNITS) & (X_UNITS - 1);
      u32 b[K1][X_UNITS][2];
      auto load_row = [&](int slot, int row) {
#pragma unroll
        for (int u = 0; u < X_UNITS; u += 2)
          load_matrices_4_transposed(&b[slot][u][0], x_row + row * X_ROW + ((u + lane / 16) ^ x_turn) * 16);
      };
#pragma unroll
      for (int k1 = 0; S1 == 1 && k1 < K1 - 1; k1++) load_row(k1, k1);
#pragma unroll
      for (int row = 0; row < SEGMENT; row++) {
        if (S1 == 1) {
          load_row((row + K1 - 1) % K1, row + K1 - 1);
        } else {
#pragma unroll
          for (int k1 = 0; k1 < K1; k1++) load_row((row + k1) % K1, row * S1 + k1);
        }
        u32 a[MT][4];
#pragma unroll
        for (int m = 0; m < MT; m++)
          load_matrices_4_transposed(a[m], y_row + row * (COLUMNS * Y_UNITS * 16) + ((2 * m + lane / 8 % 2) ^ y_turn) * 16);
#pragma unroll
        for (int k1 = 0; k1 < K1; k1++)
#pragma unroll
          for (int m = 0; m < MT; m++)
#pragma unroll
            for (int t = 0; t < NT; t++) mma_bf16_16x8x16(sums[k1][m][t], a[m], b[(row + k1) % K1][t]);
      }
    }
  };

  // With all zeros before the first frame, or with one tap in time, the first step of a tile needs one new frame like every other, which
  // comes during the last step of the tile before.
  constexpr bool CAUSAL = KT == 1 || L0 == K0 - 1;
  int step = 0;
  if (CAUSAL && blockIdx.x < TILES) {
    load_x(KT - 1, blockIdx.x, later + KT - 1);
    load_y(0, blockIdx.x, 0);
  }
  copy_async_commit();
#pragma unroll 1
  for (int tile = blockIdx.x; tile < TILES; tile += SPLITS) {
#pragma unroll 1
    for (int o = 0; o < O0; o++, step++) {
      if (!CAUSAL && o == 0) {
        __syncthreads();
        for (int k = 0; k < KT; k++) load_x((step + k) % SLOTS, tile, k + later);
        load_y(step % 2, tile, 0);
        copy_async_commit();
      }
      copy_async_wait<0>();
      __syncthreads();
      bool more = o + 1 < O0;
      if (more || (CAUSAL && tile + SPLITS < TILES)) {
        int next = more ? tile : tile + SPLITS, next_o = more ? o + 1 : 0;
        load_x((step + KT) % SLOTS, next, next_o * S0 + KT - 1 + later);
        load_y((step + 1) % 2, next, next_o);
      }
      copy_async_commit();
      int frame = o * S0 + k0 + later;
      if (frame >= 0 && frame < I0) multiply((step + k0) % SLOTS, step % 2);
    }
  }
  copy_async_wait<0>();

  // Warps with the same taps add up in order.
  constexpr int OWN = K1 * MT * NT * 4;
  float* shared = (float*)memory;
#pragma unroll 1
  for (int p = 1; p < PARTS; p++) {
    __syncthreads();
    float* place = shared + (k0 * K2 + k2) * (OWN * 32) + lane;
    if (part == p)
#pragma unroll
      for (int i = 0; i < OWN; i++) place[i * 32] = (&sums[0][0][0][0])[i];
    __syncthreads();
    if (part == 0)
#pragma unroll
      for (int i = 0; i < OWN; i++) (&sums[0][0][0][0])[i] += place[i * 32];
  }
  if (part != 0) return;
  float* own = partial + (long long)blockIdx.x * (K0 * K1 * K2 * CO * CI);
#pragma unroll
  for (int k1 = 0; k1 < K1; k1++)
#pragma unroll
    for (int m = 0; m < MT; m++)
#pragma unroll
      for (int t = 0; t < NT; t++)
#pragma unroll
        for (int i = 0; i < 4; i++) {
          int co = co0 + m * 16 + lane / 4 + i / 2 * 8, ci = ci0 + t * 8 + lane % 4 * 2 + i % 2;
          if (co < CO && ci < CI) own[((((k0 + later + L0) * K1 + k1) * K2 + k2) * CO + co) * CI + ci] = sums[k1][m][t][i];
        }
