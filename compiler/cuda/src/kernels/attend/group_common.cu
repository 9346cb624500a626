  // Names for the functions on groups of four warps, each with 64 rows of the result. Matrices were packed into tiles by units of 8
  // columns: a unit is 16 bytes of every row, one row after the other; units beyond the last are zero. A block keeps its own rows in
  // tiles of 64, one for each group, and goes through the others in tiles of COLUMNS.
  constexpr int UD = (D + 7) / 8, UV = (DV + 7) / 8, PD = (UD + 1) / 2, PV = (UV + 1) / 2, HALF = COLUMNS / 2;
  constexpr int UNIT = COLUMNS * 16, OWN = 64 * 16, ROWS = GROUPS * 64;
  constexpr float LOG2E = 1.4426950408889634f, FACTOR = SCALE * LOG2E;
  unsigned char* memory = dynamic_shared();
  u32 base = shared_address(memory);
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = warp / 4;

  auto visible = [&](int n, int i, int j) -> bool {
    if (CAUSAL && j > i) return false;
    return !MASK || mask[(long long)n * TK + j] != 0;
  };
  auto load_tile = [&](int to, const int* from, long long tile, int units) {
    from += tile * (units * COLUMNS * 4);
    for (int at = threadIdx.x; at < units * COLUMNS; at += THREADS) copy_async_16(base + to + at * 16, from + at * 4, true);
  };
  // Rows first.. of one head's matrix, `tiles` tiles of `height` rows, as tiles of 64.
  auto load_own = [&](int to, const int* from, long long nh, int tiles, int height, int first, int units) {
    for (int at = threadIdx.x; at < units * ROWS; at += THREADS) {
      int r = at % ROWS, u = at / ROWS, tile = (first + r) / height, place = to + (r / 64 * units + u) * OWN + r % 64 * 16;
      bool inside = tile < tiles;
      copy_async_16(base + place, from + (inside ? (((nh * tiles + tile) * units + u) * height + (first + r) % height) * 4 : 0), inside);
    }
  };
  // Copies of this thread have come; after the barrier every thread's have, and the tensor cores see them.
  auto arrive = [&]() {
    copy_async_wait<0>();
    group_see_shared();
    __syncthreads();
  };
  // Groups start the products of a step one after the other, so that one has tensor cores while others take exponents. The last one
  // passes the turn to the first for the next step.
  auto take_turn = [&](bool at_start) {
    if (at_start && group == GROUPS - 1) barrier_arrive(1, 256);
    barrier_wait(1 + group, 256);
  };
  auto pass_turn = [&](bool at_end) {
    if (!at_end || group < GROUPS - 1) barrier_arrive(1 + (group + 1) % GROUPS, 256);
  };
  // product = own right^T, for the group's rows of its own matrix and a tile of the other.
  auto times_transposed = [&](float* product, int own, int tile, int pairs) {
    u64 left = matrix_in_shared(base + own + group * (2 * pairs * OWN), OWN, 128), right = matrix_in_shared(base + tile, UNIT, 128);
    group_fence();
#pragma unroll
    for (int p = 0; p < pairs; p++)
      group_multiply_shared<COLUMNS>(product, further_in_shared(left, 2 * p * OWN), further_in_shared(right, 2 * p * UNIT), p > 0);
    group_commit();
  };
  // Columns 16 p.. of a product as a left operand.
  auto as_left = [&](u32* left, const float* product, int p) {
#pragma unroll
    for (int i = 0; i < 4; i++) left[i] = pack_bf16(product[p * 8 + 2 * i], product[p * 8 + 2 * i + 1]);
  };
