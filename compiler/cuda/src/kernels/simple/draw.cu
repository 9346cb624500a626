  const long long at = (long long)blockIdx.x * THREADS + threadIdx.x;
  if (at >= ELEMENTS) return;
  // The key is (seed, stage, step, index of the first sample); the counter (step, sample, stream, element).
  const uint4 counter = make_uint4(key[2], (u32)key[3] + (u32)(at / EACH), (u32)STREAM, (u32)(at % EACH));
  const uint4 words = philox(counter, key[0], key[1]);
