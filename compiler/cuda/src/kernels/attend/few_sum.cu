  // dbias [H, TQ, TK] from the sums of the blocks [BLOCKS, H, TQ, TK], in their order.
  int at = blockIdx.x * THREADS + threadIdx.x;
  if (at >= ITEMS) return;
  float total = 0.0f;
#pragma unroll 8
  for (int b = 0; b < BLOCKS; b++) total += partial[b * ITEMS + at];
  put(dbias + at, total);
