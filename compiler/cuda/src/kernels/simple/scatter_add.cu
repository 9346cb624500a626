  const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (at >= ELEMENTS) return;
  const long long row = at / INNER, inner = at % INNER;
  const long long outer = row / LENGTH;
  const int place = (int)(row % LENGTH);
  float sum = as_float(x[at]);
  for (int j = 0; j < PICKED; j++) {
    if (index[j] == place) sum += as_float(updates[(outer * PICKED + j) * INNER + inner]);
  }
  put(result + at, sum);
