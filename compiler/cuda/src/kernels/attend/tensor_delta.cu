  // delta[row] = sum of dout out, which every element of the row's score gradient needs: a warp for each row.
  int at = blockIdx.x * (THREADS / 32) + threadIdx.x / 32, lane = threadIdx.x % 32;
  if (at >= ROWS) return;
  float sum = 0.0f;
  for (int d = lane; d < DV; d += 32) sum += as_float(dout[(long long)at * DV + d]) * as_float(out[(long long)at * DV + d]);
  sum = warp_sum(sum);
  if (lane == 0) put(delta + at, sum);
