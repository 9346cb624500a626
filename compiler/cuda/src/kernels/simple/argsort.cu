  const int i = blockIdx.x * THREADS + threadIdx.x;
  if (i >= N) return;
  int rank = 0;
  for (int j = 0; j < N; j++) {
    const auto a = as_number(x[j]), b = as_number(x[i]);
    const bool before = DESCENDING ? sorts_below(b, a) : sorts_below(a, b), after = DESCENDING ? sorts_below(a, b) : sorts_below(b, a);
    rank += before || (!after && j < i);
  }
  result[rank] = i;
