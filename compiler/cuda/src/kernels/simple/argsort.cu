  const int i = blockIdx.x * THREADS + threadIdx.x;
  if (i >= N) return;
  // NaN counts as larger than every number.
  auto below = [](auto a, auto b) { return a < b || (a == a && b != b); };
  int rank = 0;
  for (int j = 0; j < N; j++) {
    const auto a = as_number(x[j]), b = as_number(x[i]);
    const bool before = DESCENDING ? below(b, a) : below(a, b), after = DESCENDING ? below(a, b) : below(b, a);
    rank += before || (!after && j < i);
  }
  result[rank] = i;
