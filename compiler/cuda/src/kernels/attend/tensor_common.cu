  // Names for the functions on tensor cores. Rows of q, k, v and their gradients lie in shared memory, UD or UV units of 8 elements wide
  // and an odd number of units apart, so that eight rows meet no bank twice. A warp has MT times 16 rows of the result. Sums run over
  // two units at a time, and over a last one alone.
  constexpr int UD = (D + 7) / 8, UV = (DV + 7) / 8, LD = (UD | 1) * 16, LV = (UV | 1) * 16;
  constexpr int UNITS = UD > UV ? UD : UV, PAIRS = (UNITS + 1) / 2;
  constexpr float LOG2E = 1.4426950408889634f;
  unsigned char* memory = dynamic_shared();
  u32 base = shared_address(memory);
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  // Where a lane reads matrices: 16 rows by two units of a left operand or of a right one whose rows are summed over (row, unit),
  // and of a right one whose rows are the columns of the product (column, part).
  int row = lane % 16, unit = lane / 16, column = lane / 16 * 8 + lane % 8, part = lane / 8 % 2;

  auto visible = [&](int n, int i, int j) -> bool {
    if (CAUSAL && j > i) return false;
    return !MASK || mask[(long long)n * TK + j] != 0;
  };
  // Rows first .. first + count of a matrix of `limit` rows into shared memory at `to`; zeros beyond its edges.
  auto load_rows = [&](int to, decltype(q) from, int first, int count, int limit, int width, int stride) {
    int units = (width + 7) / 8, piece = width % 8 == 0 ? 8 : width % 4 == 0 ? 4 : width % 2 == 0 ? 2 : 1, pieces = units * 8 / piece;
    for (int at = threadIdx.x; at < count * pieces; at += THREADS) {
      int r = at / pieces, element = at % pieces * piece, place = to + r * stride + element * 2;
      bool inside = first + r < limit && element < width;
      auto* source = from + (inside ? (long long)(first + r) * width + element : 0);
      if (piece == 8) copy_async_16(base + place, source, inside);
      else if (piece == 4) copy_async_8(base + place, source, inside);
      else if (piece == 2) copy_async_4(base + place, source, inside);
      else *(bf16*)(memory + place) = inside ? *source : (bf16)0;
    }
  };
  // This warp's rows of a left operand, from `at` on.
  auto load_left = [&](u32 (*left)[PAIRS][4], u32 at, int stride, int units) {
#pragma unroll
    for (int m = 0; m < MT; m++) {
      u32 from = at + (m * 16 + row) * stride;
#pragma unroll
      for (int u = 0; u + 1 < units; u += 2) load_matrices_4(left[m][u / 2], from + (u + unit) * 16);
      if (units % 2) load_matrices_2(left[m][units / 2], from + (units - 1) * 16);
    }
  };
  // product += left right^T for the 16 rows of the right operand at `at`.
  auto times_transposed = [&](float (*product)[2][4], const u32 (*left)[PAIRS][4], u32 at, int stride, int units) {
#pragma unroll
    for (int u = 0; u + 1 < units; u += 2) {
      u32 right[4];
      load_matrices_4(right, at + column * stride + (u + part) * 16);
#pragma unroll
      for (int m = 0; m < MT; m++) {
        mma_bf16_16x8x16(product[m][0], left[m][u / 2], right);
        mma_bf16_16x8x16(product[m][1], left[m][u / 2], right + 2);
      }
    }
    if (units % 2) {
      u32 right[2];
      load_matrices_2(right, at + row * stride + (units - 1) * 16);
#pragma unroll
      for (int m = 0; m < MT; m++) {
        mma_bf16_16x8x8(product[m][0], left[m][units / 2], right);
        mma_bf16_16x8x8(product[m][1], left[m][units / 2], right + 1);
      }
    }
  };
  // sums += left right for the 16 rows of the right operand at `at`.
  auto add_product = [&](float (*sums)[UNITS][4], const u32 (*left)[4], u32 at, int stride, int units) {
#pragma unroll
    for (int u = 0; u + 1 < units; u += 2) {
      u32 right[4];
      load_matrices_4_transposed(right, at + row * stride + (u + unit) * 16);
#pragma unroll
      for (int m = 0; m < MT; m++) {
        mma_bf16_16x8x16(sums[m][u], left[m], right);
        mma_bf16_16x8x16(sums[m][u + 1], left[m], right + 2);
      }
    }
    if (units % 2) {
      u32 right[2];
      load_matrices_2_transposed(right, at + row * stride + (units - 1) * 16);
#pragma unroll
      for (int m = 0; m < MT; m++) mma_bf16_16x8x16(sums[m][units - 1], left[m], right);
    }
  };
  // A product as a left operand: what a lane has of the one is what it has of the other.
  auto as_left = [&](u32* left, const float (*product)[4]) {
    left[0] = pack_bf16(product[0][0], product[0][1]);
    left[1] = pack_bf16(product[0][2], product[0][3]);
    left[2] = pack_bf16(product[1][0], product[1][1]);
    left[3] = pack_bf16(product[1][2], product[1][3]);
  };
