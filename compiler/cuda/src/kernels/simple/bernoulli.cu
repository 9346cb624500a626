  put(result + at, (words.x >> 8) < THRESHOLD ? 1.0f : 0.0f);
