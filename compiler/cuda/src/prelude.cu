// What generated functions may use: element types, rounding to bf16, warp and block sums, tensor-core products, asynchronous copies
// and random bits. It includes nothing. Inline assembly stands in functions of its own, each between `#ifndef PFM_SHIM` and
// `#endif`, so that a stand-in for the processor can define them instead.

typedef unsigned int u32;
typedef unsigned long long u64;
typedef unsigned short u16;
// A bfloat16 in memory: the upper half of the bits of an f32.
typedef unsigned short bf16;

#define PFM_INLINE __device__ __forceinline__

// ---- assembly ----------------------------------------------------------------------------------------------------------------
#ifndef PFM_SHIM

// Two floats rounded to nearest, ties to even; `low` takes the lower half of the word.
PFM_INLINE u32 pack_bf16(float low, float high) {
  u32 word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

// d += a b on 16x8x16 bf16. Lane l holds rows l/4 and l/4+8 and columns 2(l%4) + {0, 1, 8, 9} of a, rows 2(l%4) + {0, 1, 8, 9} of
// column l/4 of b, and rows l/4 and l/4+8, columns 2(l%4) + {0, 1} of d.
PFM_INLINE void mma_bf16_16x8x16(float* d, const u32* a, const u32* b) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// The same on 16x8x8.
PFM_INLINE void mma_bf16_16x8x8(float* d, const u32* a, const u32* b) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b[0]));
}

// d += a b on 16x8x8 tf32: words are f32 whose lower 13 bits are left out.
PFM_INLINE void mma_tf32_16x8x8(float* d, const u32* a, const u32* b) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Rounds to tf32, ties away from zero.
PFM_INLINE u32 to_tf32(float x) {
  u32 word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
  return word;
}

// The block's dynamic shared memory.
PFM_INLINE unsigned char* dynamic_shared() {
  extern __shared__ __align__(128) unsigned char pfm_shared[];
  return pfm_shared;
}

// The address of shared memory as the instructions below want it.
PFM_INLINE u32 shared_address(const void* p) {
  return (u32)__cvta_generic_to_shared(p);
}

// Four 8x8 matrices of 16-bit elements; lane l gives the address of row l%8 of matrix l/8, 16 bytes each.
PFM_INLINE void load_matrices_4(u32* r, u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

PFM_INLINE void load_matrices_2(u32* r, u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];" : "=r"(r[0]), "=r"(r[1]) : "r"(address) : "memory");
}

PFM_INLINE void load_matrices_4_transposed(u32* r, u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3]) : "r"(address) : "memory");
}

PFM_INLINE void load_matrices_2_transposed(u32* r, u32 address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
               : "=r"(r[0]), "=r"(r[1]) : "r"(address) : "memory");
}

// Starts a copy of 16 bytes from global to shared memory; without `wanted` it writes zeros and reads nothing.
PFM_INLINE void copy_async_16(u32 shared, const void* global, bool wanted) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" : : "r"(shared), "l"(global), "r"(wanted ? 16 : 0) : "memory");
}

PFM_INLINE void copy_async_8(u32 shared, const void* global, bool wanted) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 8, %2;" : : "r"(shared), "l"(global), "r"(wanted ? 8 : 0) : "memory");
}

PFM_INLINE void copy_async_4(u32 shared, const void* global, bool wanted) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" : : "r"(shared), "l"(global), "r"(wanted ? 4 : 0) : "memory");
}

// Closes the group of copies that this thread has started.
PFM_INLINE void copy_async_commit() {
  asm volatile("cp.async.commit_group;" : : : "memory");
}

// Waits until at most N closed groups of this thread are still under way.
template <int N>
PFM_INLINE void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" : : "n"(N) : "memory");
}

// Products of a group of four warps, on devices of capability 9.0: d += a b for 64 x N results and 16 products each, where each warp
// has 16 rows of a and d as in mma_bf16_16x8x16, and b lies in shared memory. Without `keep`, d starts at zero. They run on while
// the warps do; specialisations stand in the texts that use them.
template <int N, bool BY_COLUMNS>
PFM_INLINE void group_multiply(float* d, const u32* a, u64 b, int keep);

// The same with the 64 rows of the left operand in shared memory.
template <int N>
PFM_INLINE void group_multiply_shared(float* d, u64 a, u64 b, int keep);

// Registers that products will use are as they should be.
PFM_INLINE void group_fence() { asm volatile("wgmma.fence.sync.aligned;" : : : "memory"); }
// Closes the set of products that this group has started.
PFM_INLINE void group_commit() { asm volatile("wgmma.commit_group.sync.aligned;" : : : "memory"); }
// Waits until at most N closed sets are under way.
template <int N>
PFM_INLINE void group_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" : : "n"(N) : "memory");
}
// A barrier of `threads` threads among several of a block; barrier 0 is that of the whole block. Who arrives doesn't wait.
PFM_INLINE void barrier_wait(int barrier, int threads) { asm volatile("bar.sync %0, %1;" : : "r"(barrier), "r"(threads) : "memory"); }
PFM_INLINE void barrier_arrive(int barrier, int threads) { asm volatile("bar.arrive %0, %1;" : : "r"(barrier), "r"(threads) : "memory"); }
// What this thread wrote to shared memory is there for products of groups; other threads' writes need a barrier after it.
PFM_INLINE void group_see_shared() { asm volatile("fence.proxy.async.shared::cta;" : : : "memory"); }

// 2^x, with an absolute error of the argument's last bits.
PFM_INLINE float fast_exp2(float x) {
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

#endif
// A matrix in shared memory for group_multiply: blocks of 8 x 8 elements, 16 bytes for each of 8 rows, `along` bytes apart in the
// direction that is summed over and `across` in the other. Rows are N, or by columns what is summed over.
PFM_INLINE u64 matrix_in_shared(u32 address, u32 along, u32 across) {
#ifdef PFM_SHIM
  return (u64)address | (u64)along << 24 | (u64)across << 44;
#else
  return ((u64)(address >> 4) & 0x3fff) | (u64)(along >> 4) << 16 | (u64)(across >> 4) << 32;
#endif
}

// The same matrix so many bytes further on.
PFM_INLINE u64 further_in_shared(u64 matrix, u32 bytes) {
#ifdef PFM_SHIM
  return matrix + bytes;
#else
  return matrix + (bytes >> 4);
#endif
}

#ifndef PFM_SHIM
// Waits until all BLOCKS blocks of the launch have come here; all of them must fit on the device at once. `arrived` is zero at the
// start of the launch, `turn` counts the waits so far. What was written before is seen after.
template <int BLOCKS>
PFM_INLINE void grid_wait(u32* arrived, u32& turn) {
  turn++;
  __syncthreads();
  if (BLOCKS > 1) {
    if (threadIdx.x == 0) {
      __threadfence();
      atomicAdd(arrived, 1u);
      while (*(volatile u32*)arrived < turn * (u32)BLOCKS) {}
      __threadfence();
    }
    __syncthreads();
  }
}
#endif

// ---- elements ----------------------------------------------------------------------------------------------------------------

PFM_INLINE float low_bf16(u32 word) { return __uint_as_float(word << 16); }
PFM_INLINE float high_bf16(u32 word) { return __uint_as_float(word & 0xffff0000u); }
PFM_INLINE float from_bf16(bf16 x) { return __uint_as_float((u32)x << 16); }
PFM_INLINE bf16 to_bf16(float x) { return (bf16)pack_bf16(x, 0.0f); }

// Element conversions by overload, so that one text serves several element types.
PFM_INLINE float as_float(float x) { return x; }
PFM_INLINE float as_float(bf16 x) { return from_bf16(x); }
PFM_INLINE float as_number(float x) { return x; }
PFM_INLINE float as_number(bf16 x) { return from_bf16(x); }
PFM_INLINE int as_number(int x) { return x; }
PFM_INLINE void put(float* p, float x) { *p = x; }
PFM_INLINE void put(bf16* p, float x) { *p = to_bf16(x); }
// Two or four neighbours, where the address is a multiple of their bytes.
PFM_INLINE void put_2(float* p, float x, float y) { *(float2*)p = make_float2(x, y); }
PFM_INLINE void put_2(bf16* p, float x, float y) { *(u32*)p = pack_bf16(x, y); }
PFM_INLINE void put_4(float* p, const float* x) { *(float4*)p = make_float4(x[0], x[1], x[2], x[3]); }
PFM_INLINE void put_4(bf16* p, const float* x) { *(uint2*)p = make_uint2(pack_bf16(x[0], x[1]), pack_bf16(x[2], x[3])); }
PFM_INLINE void get_4(float* x, const float* p) {
  float4 v = *(const float4*)p;
  x[0] = v.x, x[1] = v.y, x[2] = v.z, x[3] = v.w;
}
PFM_INLINE void get_4(float* x, const bf16* p) {
  uint2 v = *(const uint2*)p;
  x[0] = low_bf16(v.x), x[1] = high_bf16(v.x), x[2] = low_bf16(v.y), x[3] = high_bf16(v.y);
}

PFM_INLINE void put(int* p, int x) { *p = x; }

// N neighbours of memory whose position is a multiple of A, a power of two that divides N and makes 16 bytes at most.
template <int N, int A>
PFM_INLINE void load_run(float* x, const float* p) {
#pragma unroll
  for (int i = 0; i < N; i += A) {
    if constexpr (A == 4) {
      float4 w = *(const float4*)(p + i);
      x[i] = w.x, x[i + 1] = w.y, x[i + 2] = w.z, x[i + 3] = w.w;
    } else if constexpr (A == 2) {
      float2 w = *(const float2*)(p + i);
      x[i] = w.x, x[i + 1] = w.y;
    } else {
      x[i] = p[i];
    }
  }
}

template <int N, int A>
PFM_INLINE void load_run(int* x, const int* p) {
#pragma unroll
  for (int i = 0; i < N; i += A) {
    if constexpr (A == 4) {
      int4 w = *(const int4*)(p + i);
      x[i] = w.x, x[i + 1] = w.y, x[i + 2] = w.z, x[i + 3] = w.w;
    } else if constexpr (A == 2) {
      int2 w = *(const int2*)(p + i);
      x[i] = w.x, x[i + 1] = w.y;
    } else {
      x[i] = p[i];
    }
  }
}

PFM_INLINE void unpack_bf16(float* x, u32 word) { x[0] = low_bf16(word), x[1] = high_bf16(word); }

template <int N, int A>
PFM_INLINE void load_run(float* x, const bf16* p) {
#pragma unroll
  for (int i = 0; i < N; i += A) {
    if constexpr (A == 8) {
      uint4 w = *(const uint4*)(p + i);
      unpack_bf16(x + i, w.x), unpack_bf16(x + i + 2, w.y), unpack_bf16(x + i + 4, w.z), unpack_bf16(x + i + 6, w.w);
    } else if constexpr (A == 4) {
      uint2 w = *(const uint2*)(p + i);
      unpack_bf16(x + i, w.x), unpack_bf16(x + i + 2, w.y);
    } else if constexpr (A == 2) {
      unpack_bf16(x + i, *(const u32*)(p + i));
    } else {
      x[i] = from_bf16(p[i]);
    }
  }
}

template <int N, int A>
PFM_INLINE void store_run(float* p, const float* x) {
#pragma unroll
  for (int i = 0; i < N; i += A) {
    if constexpr (A == 4) {
      *(float4*)(p + i) = make_float4(x[i], x[i + 1], x[i + 2], x[i + 3]);
    } else if constexpr (A == 2) {
      *(float2*)(p + i) = make_float2(x[i], x[i + 1]);
    } else {
      p[i] = x[i];
    }
  }
}

template <int N, int A>
PFM_INLINE void store_run(int* p, const int* x) {
#pragma unroll
  for (int i = 0; i < N; i += A) {
    if constexpr (A == 4) {
      *(int4*)(p + i) = make_int4(x[i], x[i + 1], x[i + 2], x[i + 3]);
    } else if constexpr (A == 2) {
      *(int2*)(p + i) = make_int2(x[i], x[i + 1]);
    } else {
      p[i] = x[i];
    }
  }
}

template <int N, int A>
PFM_INLINE void store_run(bf16* p, const float* x) {
#pragma unroll
  for (int i = 0; i < N; i += A) {
    if constexpr (A == 8) {
      *(uint4*)(p + i) = make_uint4(pack_bf16(x[i], x[i + 1]), pack_bf16(x[i + 2], x[i + 3]), pack_bf16(x[i + 4], x[i + 5]),
                                    pack_bf16(x[i + 6], x[i + 7]));
    } else if constexpr (A == 4) {
      *(uint2*)(p + i) = make_uint2(pack_bf16(x[i], x[i + 1]), pack_bf16(x[i + 2], x[i + 3]));
    } else if constexpr (A == 2) {
      *(u32*)(p + i) = pack_bf16(x[i], x[i + 1]);
    } else {
      p[i] = to_bf16(x[i]);
    }
  }
}

// ---- scalar operations -------------------------------------------------------------------------------------------------------

PFM_INLINE float sign_of(float x) { return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : 0.0f); }
PFM_INLINE int sign_of(int x) { return (x > 0) - (x < 0); }
PFM_INLINE float larger(float x, float y) { return x < y ? y : x; }
PFM_INLINE float smaller(float x, float y) { return y < x ? y : x; }
PFM_INLINE int larger(int x, int y) { return x < y ? y : x; }
PFM_INLINE int smaller(int x, int y) { return y < x ? y : x; }
// NaN counts as larger than every number.
template <typename T>
PFM_INLINE bool sorts_below(T x, T y) { return x < y || (x == x && y != y); }
PFM_INLINE float sigmoid_of(float x) { return 1.0f / (1.0f + expf(-x)); }

// ---- sums --------------------------------------------------------------------------------------------------------------------

// The same total in every lane, added in a fixed order.
PFM_INLINE float warp_sum(float x) {
  for (int d = 16; d > 0; d >>= 1) x += __shfl_xor_sync(0xffffffffu, x, d);
  return x;
}

PFM_INLINE float warp_max(float x) {
  for (int d = 16; d > 0; d >>= 1) x = larger(x, __shfl_xor_sync(0xffffffffu, x, d));
  return x;
}

// ---- random bits -------------------------------------------------------------------------------------------------------------

// Philox4x32 with ten rounds: four words for a counter under a key.
PFM_INLINE uint4 philox(uint4 c, u32 k0, u32 k1) {
  for (int i = 0; i < 10; i++) {
    u32 p = __umulhi(0xD2511F53u, c.x), q = __umulhi(0xCD9E8D57u, c.z);
    u32 pl = 0xD2511F53u * c.x, ql = 0xCD9E8D57u * c.z;
    c = make_uint4(q ^ c.y ^ k0, ql, p ^ c.w ^ k1, pl);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  return c;
}
