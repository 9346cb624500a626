  put(result + at, (float)(words.x >> 8) / 16777216.0f);
