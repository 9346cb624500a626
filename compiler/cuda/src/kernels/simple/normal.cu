  // Box and Muller in f64, so that every back end rounds to the same f32.
  const double u = (double)((words.x >> 8) + 1) / 16777216.0, v = (double)(words.y >> 8) / 16777216.0;
  put(result + at, (float)(sqrt(-2.0 * log(u)) * cospi(2.0 * v)));
