  // y[n, o.., co] = sum over k.., ci of x[n, o + k - L.., ci] w[co, ci, k..]. A block makes a tile of pixels for NT * 8 channels; a warp
  // makes R rows of 16 pixels of it, S apart in x. Products are pixels by channels: a row of pixels of x, shifted by a tap, times the tap's weights.
  // Pixels lie in shared memory as units of 8 channels, whose order changes with the column so that loads meet no bank twice.
  constexpr int UNITS = CHUNK / 8, STEPS = CHUNK / 16;
  constexpr int ROWS = (R * WARPS_Y - 1) * S1 + K1, COLUMNS = (16 * WARPS_X - 1) * S2 + K2, ROW = COLUMNS * UNITS * 16;
  constexpr int FRAME = ROWS * ROW, WEIGHTS = K1 * K2 * STEPS * NT * 256;
  unsigned char* memory = dynamic_shared();
  u32 base = shared_address(memory);
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  int warp_x = warp % WARPS_X, warp_y = warp / WARPS_X;
  int tile = blockIdx.x % (TILES_X * TILES_Y), n = blockIdx.x / (TILES_X * TILES_Y);
  int x0 = tile % TILES_X * (16 * WARPS_X), y0 = tile / TILES_X * (R * WARPS_Y);
  int first = blockIdx.y * WALK, last = smaller(first + WALK, O0);
  auto* image = x + (long long)n * I0 * I1 * I2 * CI;
  auto* weights = (const uint4*)packed + blockIdx.z * (K0 * CHUNKS * WEIGHTS / 16);

  auto load_frame = [&](int slot, int frame, int chunk) {
    for (int at = threadIdx.x; at < ROWS * COLUMNS * UNITS; at += THREADS) {
      int unit = at % UNITS, column = at / UNITS % COLUMNS, row = at / (UNITS * COLUMNS);
      int i1 = y0 * S1 + row - L1, i2 = x0 * S2 + column - L2, channel = chunk * CHUNK + unit * 8;
      bool inside = i1 >= 0 && i1 < I1 && i2 >= 0 && i2 < I2 && channel < CI;
      auto* from = image + (inside ? (((long long)frame * I1 + i1) * I2 + i2) * CI + channel : 0);
      int to = slot + (at - unit + (unit ^ (column / (8 / UNITS) & (UNITS - 1)))) * 16;
      if (COPIES) {
        copy_async_16(base + to, from, inside);
      } else {
        float v[8];
#pragma unroll
        for (int e = 0; e < 8; e++) v[e] = inside && channel + e < CI ? as_float(from[e]) : 0.0f;
        *(uint4*)(memory + to) = make_uint4(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]), pack_bf16(v[6], v[7]));
      }
    }
  };
  auto load_weights = [&](int to, int from, int bytes) {
    for (int at = threadIdx.x; at < bytes / 16; at += THREADS) copy_async_16(base + to + at * 16, weights + from / 16 + at, true);
  };

  float sums[R][NT][4];
  auto clear = [&]() {
#pragma unroll
    for (int r = 0; r < R; r++)
#pragma unroll
      for (int t = 0; t < NT; t++)
#pragma unroll
        for (int i = 0; i < 4; i++) sums[r][t][i] = 0.0f;
  };
  // Adds the taps of one frame and chunk of channels.
  auto multiply = [&](int frame, int taps) {
#pragma unroll
    for (int k2 = 0; k2 < K2; k2++) {
      int column = (16 * warp_x + lane % 16) * S2 + k2;
#pragma unroll
      for (int step = 0; step < STEPS; step++) {
        int unit = (2 * step + lane / 16) ^ (column / (8 / UNITS) & (UNITS - 1));
        u32 from = base + frame + warp_y * (R * S1 * ROW) + (column * UNITS + unit) * 16;
        auto* tap = (const uint2*)(memory + taps) + (k2 * STEPS + step) * (K1 * NT * 32) + lane;
        if (S1 > 1) {
#pragma unroll
          for (int k1 = 0; k1 < K1; k1++) {
            u32 a[R][4];
#pragma unroll
            for (int r = 0; r < R; r++) load_matrices_4(a[r], from + (r * S1 + k1) * ROW);
#pragma unroll
            for (int t = 0; t < NT; t++) {
              uint2 b = tap[(k1 * NT + t) * 32];
#pragma unroll
              for (int r = 0; r < R; r++) mma_bf16_16x8x16(sums[r][t], a[r], &b.x);
            }
          }
        } else if (R >= NT) {
          uint2 b[K1][NT];
#pragma unroll
          for (int k1 = 0; k1 < K1; k1++)
#pragma unroll
            for (int t = 0; t < NT; t++) b[k1][t] = tap[(k1 * NT + t) * 32];
#pragma unroll
          for (int row = 0; row < R + K1 - 1; row++) {
            u32 a[4];
            load_matrices_4(a, from + row * ROW);
#pragma unroll
            for (int k1 = 0; k1 < K1; k1++)
              if (row - k1 >= 0 && row - k1 < R)
#pragma unroll
                for (int t = 0; t < NT; t++) mma_bf16_16x8x16(sums[row - k1][t], a, &b[k1][t].x);
          }
        } else {
          u32 a[R + K1 - 1][4];
#pragma unroll
          for (int row = 0; row < R + K1 - 1; row++) load_matrices_4(a[row], from + row * ROW);
#pragma unroll
          for (int k1 = 0; k1 < K1; k1++)
#pragma unroll
            for (int t = 0; t < NT; t++) {
              uint2 b = tap[(k1 * NT + t) * 32];
#pragma unroll
              for (int r = 0; r < R; r++) mma_bf16_16x8x16(sums[r][t], a[r + k1], &b.x);
            }
        }
      }
    }
  };
  // Where channel c of pixel (o, o1, o2) goes, negative for nowhere. In the gradient of a convolution with stride F, channels are those
  // of F0 * F1 * F2 pixels of its input, which has J pixels.
  auto place = [&](int o, int o1, int o2, int c) -> long long {
    int phase = c / CR, i0 = o * F0 + phase / (F1 * F2) - M0, i1 = o1 * F1 + phase / F2 % F1 - M1, i2 = o2 * F2 + phase % F2 - M2;
    if (o1 >= O1 || o2 >= O2 || c >= CO || i0 < 0 || i0 >= J0 || i1 < 0 || i1 >= J1 || i2 < 0 || i2 >= J2) return -1;
    return ((((long long)n * J0 + i0) * J1 + i1) * J2 + i2) * CR + c % CR;
  };
  // A lane has two channels of pixels lane / 4 and lane / 4 + 8. Four lanes trade words so that each writes 8 channels of one pixel.
  auto store = [&](int o) {
    int quarter = lane % 4;
#pragma unroll
    for (int r = 0; r < R; r++) {
      int o1 = y0 + warp_y * R + r, column = x0 + 16 * warp_x + lane / 4, channel = blockIdx.z * (NT * 8);
      if (WIDE) {
#pragma unroll
        for (int t = 0; t + 1 < NT; t += 2) {
          u32 mine[4], got[4];
#pragma unroll
          for (int p = 0; p < 4; p++) mine[p] = pack_bf16(sums[r][t + p % 2][p / 2 * 2], sums[r][t + p % 2][p / 2 * 2 + 1]);
          auto pick = [&](int i) { return i < 2 ? (i == 0 ? mine[0] : mine[1]) : (i == 2 ? mine[2] : mine[3]); };
          u32 own = pick(quarter), one = __shfl_xor_sync(0xffffffffu, pick(quarter ^ 1), 1);
          u32 two = __shfl_xor_sync(0xffffffffu, pick(quarter ^ 2), 2), three = __shfl_xor_sync(0xffffffffu, pick(quarter ^ 3), 3);
#pragma unroll
          for (int i = 0; i < 4; i++) {
            int d = i ^ quarter;
            got[i] = d < 2 ? (d == 0 ? own : one) : (d == 2 ? two : three);
          }
          long long to = place(o, o1, column + quarter / 2 * 8, channel + (t + quarter % 2) * 8);
          if (to >= 0) *(uint4*)(y + to) = make_uint4(got[0], got[1], got[2], got[3]);
        }
      } else if (CR % 2 == 0) {
#pragma unroll
        for (int t = 0; t < NT; t++)
#pragma unroll
          for (int i = 0; i < 4; i += 2) {
            long long to = place(o, o1, column + i / 2 * 8, channel + t * 8 + quarter * 2);
            if (to >= 0) put_2(y + to, sums[r][t][i], sums[r][t][i + 1]);
          }
      } else {
#pragma unroll
        for (int t = 0; t < NT; t++)
#pragma unroll
          for (int i = 0; i < 4; i++) {
            long long to = place(o, o1, column + i / 2 * 8, channel + t * 8 + quarter * 2 + i % 2);
            if (to >= 0) put(y + to, sums[r][t][i]);
          }
      }
    }
  };

  if (RING) {
    // With S0 = 1, the last K0 frames stay in shared memory while the next one comes; all weights stay.
    constexpr int SLOTS = K0 + 1, TABLE = K0 * CHUNKS * WEIGHTS;
    auto slot = [&](int frame, int chunk) { return TABLE + ((frame + SLOTS) % SLOTS * CHUNKS + chunk) * FRAME; };
    auto load = [&](int frame) {
      if (frame < 0 || frame >= I0) return;
      for (int chunk = 0; chunk < CHUNKS; chunk++) load_frame(slot(frame, chunk), frame, chunk);
    };
    load_weights(0, 0, TABLE);
    for (int k0 = 0; k0 < K0; k0++) load(first - L0 + k0);
    copy_async_commit();
    for (int o = first; o < last; o++) {
      copy_async_wait<0>();
      __syncthreads();
      if (o + 1 < last) load(o - L0 + K0);
      copy_async_commit();
      clear();
#pragma unroll 1
      for (int k0 = 0; k0 < K0; k0++) {
        int frame = o - L0 + k0;
        if (frame < 0 || frame >= I0) continue;
#pragma unroll 1
        for (int chunk = 0; chunk < CHUNKS; chunk++) multiply(slot(frame, chunk), (k0 * CHUNKS + chunk) * WEIGHTS);
      }
      store(o);
    }
  } else {
    // A stage is one frame and chunk with its weights; STAGES - 1 of them are on the way.
    auto load = [&](int o, int from, int step, int steps) {
      if (step < steps) {
        int k0 = from + step / CHUNKS, chunk = step % CHUNKS, to = step % STAGES * (FRAME + WEIGHTS);
        load_frame(to, o * S0 - L0 + k0, chunk);
        load_weights(to + FRAME, (k0 * CHUNKS + chunk) * WEIGHTS, WEIGHTS);
      }
      copy_async_commit();
    };
    for (int o = first; o < last; o++) {
      int from = larger(0, L0 - o * S0), steps = larger(0, smaller(K0, I0 + L0 - o * S0) - from) * CHUNKS;
      for (int step = 0; step < STAGES - 1; step++) load(o, from, step, steps);
      clear();
#pragma unroll 1
      for (int step = 0; step < steps; step++) {
        copy_async_wait<STAGES - 2>();
        __syncthreads();
        load(o, from, step + STAGES - 1, steps);
        multiply(step % STAGES * (FRAME + WEIGHTS), step % STAGES * (FRAME + WEIGHTS) + FRAME);
      }
      copy_async_wait<0>();
      __syncthreads();
      store(o);
    }
  }
