  // Names for the functions on groups of four warps, each with 64 rows of the result. Matrices lie in shared memory by units of 8
  // columns: a unit is 16 bytes of every row, one row after the other. Units beyond the last are zero where sums run over pairs of units.
  constexpr int UD = (D + 7) / 8, UV = (DV + 7) / 8, PD = (UD + 1) / 2, PV = (UV + 1) / 2;
  constexpr int COLUMNS = 64, TILE = COLUMNS * 16, ROWS = GROUPS * 64, OWN = ROWS * 16, WARPS = THREADS / 32;
  constexpr float LOG2E = 1.4426950408889634f, FACTOR = SCALE * LOG2E;
  unsigned char* memory = dynamic_shared();
  u32 base = shared_address(memory);
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;

  auto visible = [&](int n, int i, int j) -> bool {
    if (CAUSAL && j > i) return false;
    return !MASK || mask[(long long)n * TK + j] != 0;
  };
  // Rows first .. first + count of a matrix of `limit` rows to `to`, units `stride` bytes apart; zeros beyond the last row. What lies
  // beyond the width stays as it is. A warp copies eight rows of four pieces at a time, which meet no bank of shared memory twice.
  auto load_rows = [&](int to, decltype(q) from, int first, int count, int limit, int width, int stride) {
    int piece = width % 8 == 0 ? 8 : width % 4 == 0 ? 4 : width % 2 == 0 ? 2 : 1, quads = (width / piece + 3) / 4;
    int beside = quads < WARPS ? quads : WARPS, together = WARPS / beside;
    if (warp >= beside * together) return;
    for (int quad = warp % beside; quad < quads; quad += beside) {
      int element = (quad * 4 + lane / 8) * piece, r = warp / beside * 8 + lane % 8;
      if (element >= width) continue;
      auto* source = from + (long long)(first + r) * width + element;
      int place = to + element / 8 * stride + r * 16 + element % 8 * 2;
#pragma unroll
      for (int i = 0; i < count / 8; i += together, r += 8 * together, source += 8 * together * width, place += 128 * together) {
        if (r >= count) break;
        bool inside = limit % count == 0 || first + r < limit;
        auto* cell = inside ? source : from;
        if (piece == 8) copy_async_16(base + place, cell, inside);
        else if (piece == 4) copy_async_8(base + place, cell, inside);
        else if (piece == 2) copy_async_4(base + place, cell, inside);
        else *(bf16*)(memory + place) = inside ? *cell : (bf16)0;
      }
    }
  };
  auto clear = [&](int bytes) {
    for (int at = threadIdx.x; at < bytes / 16; at += THREADS) *(uint4*)(memory + at * 16) = make_uint4(0u, 0u, 0u, 0u);
    __syncthreads();
  };
  // Copies of this thread have come; after the barrier every thread's have, and the tensor cores see them.
  auto arrive = [&]() {
    copy_async_wait<0>();
    group_see_shared();
    __syncthreads();
  };
  // This warp's 16 rows as a left operand, from matrices with units OWN apart.
  auto load_left = [&](u32 (*left)[4], int at, int pairs) {
#pragma unroll
    for (int p = 0; p < pairs; p++) load_matrices_4(left[p], base + at + (2 * p + lane / 16) * OWN + (warp * 16 + lane % 16) * 16);
  };
  // product = left right^T, over the columns of a tile's 64 rows.
  auto times_transposed = [&](float* product, const u32 (*left)[4], int tile, int pairs) {
    group_fence();
#pragma unroll
    for (int p = 0; p < pairs; p++) group_multiply<COLUMNS, false>(product, left[p], matrix_in_shared(base + tile + 2 * p * TILE, TILE, 128), p > 0);
    group_commit();
  };
  // Columns 16 p.. of a product as a left operand.
  auto as_left = [&](u32* left, const float* product, int p) {
#pragma unroll
    for (int i = 0; i < 4; i++) left[i] = pack_bf16(product[p * 8 + 2 * i], product[p * 8 + 2 * i + 1]);
  };
