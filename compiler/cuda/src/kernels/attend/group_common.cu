  // Names for the functions on groups of four warps, each with 64 rows of the result. Matrices were packed into tiles of 64 rows
  // by units of 8 columns: a unit is 16 bytes of every row, one row after the other. Units beyond the last are zero where sums run over
  // pairs of units.
  constexpr int UD = (D + 7) / 8, UV = (DV + 7) / 8, PD = (UD + 1) / 2, PV = (UV + 1) / 2;
  constexpr int COLUMNS = 64, UNIT = 1024, ROWS = GROUPS * 64, K_TILE = 2 * PD * UNIT, V_TILE = 2 * PV * UNIT;
  constexpr float LOG2E = 1.4426950408889634f, FACTOR = SCALE * LOG2E;
  unsigned char* memory = dynamic_shared();
  u32 base = shared_address(memory);
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32;

  auto visible = [&](int n, int i, int j) -> bool {
    if (CAUSAL && j > i) return false;
    return !MASK || mask[(long long)n * TK + j] != 0;
  };
  // A tile as it was packed: `units` units of 64 rows.
  auto load_tile = [&](int to, const int* from, long long tile, int units) {
    from += tile * (units * 64 * 4);
    for (int at = threadIdx.x; at < units * 64; at += THREADS) copy_async_16(base + to + at * 16, from + at * 4, true);
  };
  // Copies of this thread have come; after the barrier every thread's have, and the tensor cores see them.
  auto arrive = [&]() {
    copy_async_wait<0>();
    group_see_shared();
    __syncthreads();
  };
  // This warp's 16 rows as a left operand, from one tile for each group of warps.
  auto load_left = [&](u32 (*left)[4], int at, int pairs) {
    u32 own = base + at + warp / 4 * (2 * pairs * UNIT) + (warp % 4 * 16 + lane % 16) * 16;
#pragma unroll
    for (int p = 0; p < pairs; p++) load_matrices_4(left[p], own + (2 * p + lane / 16) * UNIT);
  };
  // product = left right^T, over the columns of a tile's 64 rows.
  auto times_transposed = [&](float* product, const u32 (*left)[4], int tile, int pairs) {
    group_fence();
#pragma unroll
    for (int p = 0; p < pairs; p++) group_multiply<COLUMNS, false>(product, left[p], matrix_in_shared(base + tile + 2 * p * UNIT, UNIT, 128), p > 0);
    group_commit();
  };
  // Columns 16 p.. of a product as a left operand.
  auto as_left = [&](u32* left, const float* product, int p) {
#pragma unroll
    for (int i = 0; i < 4; i++) left[i] = pack_bf16(product[p * 8 + 2 * i], product[p * 8 + 2 * i + 1]);
  };
