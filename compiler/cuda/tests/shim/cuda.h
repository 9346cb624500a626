// Stand-ins for the language of CUDA and for the prelude's functions in assembly, on top of the fibers. The layouts of lanes are
// written from the instruction set's tables; only a run on a device shows that both sides read them alike.

#pragma once
#include "fibers.h"
#include <cmath>

#define PFM_SHIM
#define __device__
#define __global__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(...)
#define __align__(n)

struct float2 { float x, y; };
struct int2 { int x, y; };
struct float4 { float x, y, z, w; };
struct uint2 { unsigned x, y; };
struct uint4 { unsigned x, y, z, w; };
struct int4 { int x, y, z, w; };
inline float2 make_float2(float x, float y) { return {x, y}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
inline double cospi(double x) { return cos(M_PI * x); }
inline void sincospif(float x, float* s, float* c) { *s = (float)sin(M_PI * x), *c = (float)cos(M_PI * x); }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

inline float __uint_as_float(unsigned u) { float f; memcpy(&f, &u, 4); return f; }
inline unsigned __float_as_uint(float f) { unsigned u; memcpy(&u, &f, 4); return u; }
inline float __int_as_float(int u) { return __uint_as_float((unsigned)u); }
inline int __float_as_int(float f) { return (int)__float_as_uint(f); }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)(((unsigned long long)a * b) >> 32); }
inline void __syncthreads() { shim::barrier(); }

inline void __syncwarp(unsigned = 0xffffffffu) {
  int none = 0;
  shim::together(none, [](int**) {});
}

namespace shim {

template <class T>
struct Shuffled {
  T mine, got;
  int from;
};

template <class T>
T shuffle(unsigned mask, T x, int from) {
  if (mask != 0xffffffffu) fail("a shuffle of part of a warp");
  Shuffled<T> s{x, x, from};
  together(s, [](Shuffled<T>** lanes) {
    for (int l = 0; l < 32; l++) lanes[l]->got = lanes[lanes[l]->from]->mine;
  });
  return s.got;
}

inline float bf16_value(unsigned half) { return __uint_as_float(half << 16); }
inline unsigned lower(unsigned word) { return word & 0xffffu; }
inline unsigned upper(unsigned word) { return word >> 16; }

struct Product {
  float* d;
  const unsigned *a, *b;
};

// d += a b for 16 x 8 results and `depth` (8 or 16) bf16 elements in between.
inline void multiply_bf16(Product** lanes, int depth) {
  float a[16][16], b[16][8];
  for (int l = 0; l < 32; l++) {
    int row = l / 4, pair = 2 * (l % 4);
    for (int half = 0; half < depth / 8; half++) {
      for (int down = 0; down < 2; down++) {
        unsigned word = lanes[l]->a[2 * half + down];
        a[row + 8 * down][8 * half + pair] = bf16_value(lower(word));
        a[row + 8 * down][8 * half + pair + 1] = bf16_value(upper(word));
      }
      unsigned word = lanes[l]->b[half];
      b[8 * half + pair][row] = bf16_value(lower(word));
      b[8 * half + pair + 1][row] = bf16_value(upper(word));
    }
  }
  for (int l = 0; l < 32; l++)
    for (int i = 0; i < 4; i++) {
      int row = l / 4 + 8 * (i / 2), column = 2 * (l % 4) + i % 2;
      float sum = lanes[l]->d[i];
      for (int k = 0; k < depth; k++) sum += a[row][k] * b[k][column];
      lanes[l]->d[i] = sum;
    }
}

struct Rows {
  unsigned* r;
  unsigned address;
};

// `count` matrices of 8 x 8 halves: lane l gets elements 2(l%4), 2(l%4)+1 of row l/4, or of column l/4 when transposed.
inline void load_matrices(unsigned* r, unsigned address, int count, bool transposed) {
  Rows mine{r, address};
  together(mine, [=](Rows** lanes) {
    for (int m = 0; m < count; m++) {
      uint16_t matrix[8][8];
      for (int row = 0; row < 8; row++) {
        unsigned at = lanes[8 * m + row]->address;
        if (at % 16 != 0 || at + 16 + 32 > shared.size()) fail("a row of a matrix lies askew or outside of shared memory");
        memcpy(matrix[row], shared_start + at, 16);
      }
      for (int l = 0; l < 32; l++) {
        int i = l / 4, j = 2 * (l % 4);
        uint16_t low = transposed ? matrix[j][i] : matrix[i][j];
        uint16_t high = transposed ? matrix[j + 1][i] : matrix[i][j + 1];
        lanes[l]->r[m] = low | (unsigned)high << 16;
      }
    }
  });
}

inline void copy_async(unsigned to, const void* from, int bytes, bool wanted) {
  if (to % bytes != 0 || (uintptr_t)from % bytes != 0) fail("an asynchronous copy is not aligned");
  if (to + bytes + 32 > shared.size()) fail("an asynchronous copy goes past shared memory");
  fibers[current].open.push_back({shared_start + to, from, bytes, wanted});
}

}  // namespace shim

template <class T> T __shfl_xor_sync(unsigned mask, T x, int d) { return shim::shuffle(mask, x, (shim::current % 32) ^ d); }
template <class T> T __shfl_sync(unsigned mask, T x, int from) { return shim::shuffle(mask, x, from % 32); }
template <class T> T __shfl_down_sync(unsigned mask, T x, int d) {
  int lane = shim::current % 32;
  return shim::shuffle(mask, x, lane + d < 32 ? lane + d : lane);
}
inline int __any_sync(unsigned mask, int x) {
  for (int d = 16; d > 0; d /= 2) x |= __shfl_xor_sync(mask, x, d);
  return x;
}
template <class T> T __ldg(const T* p) { return *p; }

inline unsigned bf16_rounded(float x) {
  unsigned u = __float_as_uint(x);
  if (x != x) return 0x7fffu;
  return (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
}
inline unsigned pack_bf16(float low, float high) { return bf16_rounded(low) | bf16_rounded(high) << 16; }
inline void mma_bf16_16x8x16(float* d, const unsigned* a, const unsigned* b) {
  shim::Product mine{d, a, b};
  shim::together(mine, [](shim::Product** lanes) { shim::multiply_bf16(lanes, 16); });
}
inline void mma_bf16_16x8x8(float* d, const unsigned* a, const unsigned* b) {
  shim::Product mine{d, a, b};
  shim::together(mine, [](shim::Product** lanes) { shim::multiply_bf16(lanes, 8); });
}
inline unsigned char* dynamic_shared() { return shim::shared_start; }
inline unsigned shared_address(const void* p) { return (unsigned)((const unsigned char*)p - shim::shared_start); }
inline void load_matrices_4(unsigned* r, unsigned at) { shim::load_matrices(r, at, 4, false); }
inline void load_matrices_2(unsigned* r, unsigned at) { shim::load_matrices(r, at, 2, false); }
inline void load_matrices_4_transposed(unsigned* r, unsigned at) { shim::load_matrices(r, at, 4, true); }
inline void load_matrices_2_transposed(unsigned* r, unsigned at) { shim::load_matrices(r, at, 2, true); }
inline void copy_async_16(unsigned to, const void* from, bool wanted) { shim::copy_async(to, from, 16, wanted); }
inline void copy_async_8(unsigned to, const void* from, bool wanted) { shim::copy_async(to, from, 8, wanted); }
inline void copy_async_4(unsigned to, const void* from, bool wanted) { shim::copy_async(to, from, 4, wanted); }
inline void copy_async_commit() {
  shim::Fiber& f = shim::fibers[shim::current];
  f.groups.push_back({});
  f.groups.back().swap(f.open);
}
template <int N>
void copy_async_wait() {
  auto& groups = shim::fibers[shim::current].groups;
  while ((int)groups.size() > N) {
    shim::finish(groups.front());
    groups.erase(groups.begin());
  }
}
inline float fast_exp2(float x) { return exp2f(x); }

// Products of groups may take effect when they start or when somebody waits for them: it depends on the schedule.
template <int N, bool BY_COLUMNS>
void group_product(const std::vector<shim::Product>& lanes, unsigned long long b, int keep) {
  unsigned start = b & 0xffffff, along = b >> 24 & 0xfffff, across = (unsigned)(b >> 44);
  float left[16][16];
  for (int l = 0; l < 32; l++)
    for (int w = 0; w < 4; w++) {
      unsigned word = lanes[l].a[w];
      int row = l / 4 + w % 2 * 8, k = w / 2 * 8 + l % 4 * 2;
      left[row][k] = shim::bf16_value(shim::lower(word)), left[row][k + 1] = shim::bf16_value(shim::upper(word));
    }
  for (int n = 0; n < N; n++) {
    float right[16];
    for (int k = 0; k < 16; k++) {
      unsigned block = start + n / 8 * across + k / 8 * along, at = block + (BY_COLUMNS ? k % 8 * 16 + n % 8 * 2 : n % 8 * 16 + k % 8 * 2);
      if (start % 16 != 0 || at + 2 + 32 > shim::shared.size()) shim::fail("a matrix for a group lies askew or outside of shared memory");
      uint16_t half;
      memcpy(&half, shim::shared_start + at, 2);
      right[k] = shim::bf16_value(half);
    }
    for (int row = 0; row < 16; row++) {
      float& to = lanes[row % 8 * 4 + n % 8 / 2].d[n / 8 * 4 + row / 8 * 2 + n % 2];
      float sum = keep ? to : 0.0f;
      for (int k = 0; k < 16; k++) sum += left[row][k] * right[k];
      to = sum;
    }
  }
}
template <int N, bool BY_COLUMNS>
void group_multiply(float* d, const unsigned* a, unsigned long long b, int keep) {
  shim::Product mine{d, a, nullptr};
  shim::Warp& warp = shim::warps[shim::current / 32];
  shim::together(mine, [&](shim::Product** given) {
    std::vector<shim::Product> lanes;
    for (int l = 0; l < 32; l++) lanes.push_back(*given[l]);
    if (shim::order == shim::ASCENDING) group_product<N, BY_COLUMNS>(lanes, b, keep);
    else warp.open.push_back([=] { group_product<N, BY_COLUMNS>(lanes, b, keep); });
  });
}
// A warp's share of the left operand are rows 16 (warp % 4)..
template <int N>
void group_multiply_shared(float* d, unsigned long long a, unsigned long long b, int keep) {
  unsigned start = a & 0xffffff, along = a >> 24 & 0xfffff, across = (unsigned)(a >> 44);
  int first = shim::current / 32 % 4 * 16;
  shim::Warp& warp = shim::warps[shim::current / 32];
  shim::Product mine{d, nullptr, nullptr};
  shim::together(mine, [&](shim::Product** given) {
    std::vector<float*> sums;
    for (int l = 0; l < 32; l++) sums.push_back(given[l]->d);
    auto run = [=] {
      unsigned words[32][4];
      std::vector<shim::Product> lanes;
      for (int l = 0; l < 32; l++) {
        for (int w = 0; w < 4; w++) {
          int row = first + l / 4 + w % 2 * 8, k = w / 2 * 8 + l % 4 * 2;
          memcpy(&words[l][w], shim::shared_start + start + row / 8 * across + row % 8 * 16 + k / 8 * along + k % 8 * 2, 4);
        }
        lanes.push_back({sums[l], words[l], nullptr});
      }
      group_product<N, false>(lanes, b, keep);
    };
    if (shim::order == shim::ASCENDING) run();
    else warp.open.push_back(run);
  });
}
inline void group_fence() {}
inline void group_commit() {
  int none = 0;
  shim::Warp& warp = shim::warps[shim::current / 32];
  shim::together(none, [&](int**) {
    warp.sets.push_back({});
    warp.sets.back().swap(warp.open);
  });
}
template <int N>
void group_wait() {
  int none = 0;
  shim::Warp& warp = shim::warps[shim::current / 32];
  shim::together(none, [&](int**) {
    while ((int)warp.sets.size() > N) {
      for (auto& product : warp.sets.front()) product();
      warp.sets.erase(warp.sets.begin());
    }
  });
}
inline void group_see_shared() {}
inline void barrier_wait(int barrier, int threads) { shim::named_barrier(barrier, threads, true); }
inline void barrier_arrive(int barrier, int threads) { shim::named_barrier(barrier, threads, false); }


// Blocks run one after the other here, so only a launch of one can wait for the whole grid.
template <int BLOCKS> void grid_wait(unsigned*, unsigned&) {
  static_assert(BLOCKS == 1, "blocks that wait for each other");
  __syncthreads();
}
