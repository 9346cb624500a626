  const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (at >= ELEMENTS) return;
  const long long row = at / INNER;
  const long long from = row / PICKED * LENGTH + index[row % PICKED];
  result[at] = x[from * INNER + at % INNER];
