// The threads of a block as fibers of one thread of the host, so that generated functions run without a device. A warp runs until
// all its lanes wait, in an order that the schedule chooses: a missing barrier shows as a difference between schedules, or as
// shared memory that nobody wrote (it starts as NaN). Warp operations take effect when the last lane arrives.

#pragma once
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <ucontext.h>
#include <vector>

struct Place {
  unsigned x = 0, y = 0, z = 0;
};
inline Place threadIdx, blockIdx, blockDim, gridDim;

namespace shim {

enum Order { ASCENDING, DESCENDING, RANDOM };
enum State { READY, AT_WARP, AT_BARRIER, AT_NAMED, DONE };

// A copy from global to shared memory that was started and has not taken effect.
struct Copy {
  unsigned char* to;
  const void* from;
  int bytes;
  bool wanted;
};

constexpr int STACK = 128 * 1024;

struct Fiber {
  ucontext_t context;
  jmp_buf resume;
  bool started = false;
  State state = READY;
  int named = 0;
  std::unique_ptr<char[]> stack{new char[STACK]};
  std::vector<Copy> open;
  std::vector<std::vector<Copy>> groups;
};

struct Warp {
  int arrived = 0;
  void* lanes[32];
  // Products of groups that were started, and closed sets of them.
  std::vector<std::function<void()>> open;
  std::vector<std::vector<std::function<void()>>> sets;
};

inline std::vector<Fiber> fibers;
inline std::vector<Warp> warps;
inline std::vector<unsigned char> shared;
inline unsigned char* shared_start;
inline int current, at_barrier, living, at_named[16];
inline jmp_buf scheduler;
inline std::function<void()> body;
inline uint64_t random_state = 1;
inline Order order = ASCENDING;

[[noreturn]] inline void fail(const char* message) {
  fprintf(stderr, "%s (block %u %u %u, thread %d)\n", message, blockIdx.x, blockIdx.y, blockIdx.z, current);
  exit(3);
}

inline uint32_t random_below(uint32_t n) {
  random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
  return (uint32_t)(random_state >> 33) % n;
}

// Back to the scheduler, until it resumes this fiber.
inline void wait_as(State state) {
  fibers[current].state = state;
  if (_setjmp(fibers[current].resume) == 0) _longjmp(scheduler, 1);
}

// `all` sees what the 32 lanes gave and runs once; then every lane goes on.
template <class Given, class All>
void together(Given& given, All all) {
  Warp& warp = warps[current / 32];
  warp.lanes[current % 32] = &given;
  if (++warp.arrived < 32) {
    wait_as(AT_WARP);
    return;
  }
  all((Given**)warp.lanes);
  warp.arrived = 0;
  int first = current / 32 * 32;
  for (int i = first; i < first + 32; i++) fibers[i].state = READY;
}

inline void leave_barrier_if_all_wait() {
  if (living == 0 || at_barrier < living) return;
  at_barrier = 0;
  for (Fiber& f : fibers)
    if (f.state == AT_BARRIER) f.state = READY;
}

inline void barrier() {
  at_barrier++;
  wait_as(AT_BARRIER);
}

// Arrivals at a barrier among several; with `wait` until there are as many as it takes.
inline void named_barrier(int barrier, int threads, bool wait) {
  if (barrier < 1 || barrier > 15) fail("there is no such barrier");
  if (++at_named[barrier] == threads) {
    at_named[barrier] = 0;
    for (Fiber& f : fibers)
      if (f.state == AT_NAMED && f.named == barrier) f.state = READY;
  } else if (wait) {
    fibers[current].named = barrier;
    wait_as(AT_NAMED);
  }
}

inline void finish(std::vector<Copy>& copies) {
  for (Copy& c : copies) {
    if (c.wanted) memcpy(c.to, c.from, c.bytes);
    else memset(c.to, 0, c.bytes);
  }
  copies.clear();
}

inline void entry() {
  body();
  Fiber& me = fibers[current];
  for (auto& group : me.groups) me.open.insert(me.open.end(), group.begin(), group.end());
  if (!me.open.empty()) fail("a copy was started and nobody waited for it");
  me.groups.clear();
  if (!warps[current / 32].open.empty() || !warps[current / 32].sets.empty()) fail("products were started and nobody waited for them");
  living--;
  wait_as(DONE);
}

inline void run_fiber(int i) {
  current = i;
  threadIdx = {(unsigned)i, 0, 0};
  Fiber& f = fibers[i];
  if (_setjmp(scheduler) != 0) return;
  if (f.started) _longjmp(f.resume, 1);
  f.started = true;
  getcontext(&f.context);
  f.context.uc_stack.ss_sp = f.stack.get();
  f.context.uc_stack.ss_size = STACK;
  f.context.uc_link = nullptr;
  makecontext(&f.context, entry, 0);
  setcontext(&f.context);
}

// Runs the lanes of a warp until none is ready; says whether any ran.
inline bool run_warp(int w) {
  bool ran = false;
  for (bool again = true; again;) {
    again = false;
    for (int l = 0; l < 32; l++) {
      int lane = order == DESCENDING ? 31 - l : l;
      if (fibers[w * 32 + lane].state != READY) continue;
      run_fiber(w * 32 + lane);
      again = ran = true;
    }
  }
  return ran;
}

inline void run_block() {
  int count = (int)warps.size();
  living = (int)fibers.size();
  at_barrier = 0;
  for (int& count : at_named) count = 0;
  for (Fiber& f : fibers) f.started = false, f.state = READY;
  for (Warp& w : warps) w.arrived = 0;
  // NaN as float and as two bf16.
  memset(shared.data(), 0xff, shared.size());
  while (living > 0) {
    bool ran = false;
    int turn = order == RANDOM ? (int)random_below(count) : 0;
    for (int i = 0; i < count; i++) {
      int w = order == DESCENDING ? count - 1 - i : (i + turn) % count;
      if (run_warp(w)) ran = true;
      // A random schedule favours some warps: it starts anew before every warp had its turn.
      if (ran && order == RANDOM && random_below(2)) break;
    }
    leave_barrier_if_all_wait();
    if (!ran && living > 0) {
      bool ready = false;
      for (Fiber& f : fibers) ready = ready || f.state == READY;
      if (!ready) fail("lanes of a warp, or threads of a block, wait for ones that never come");
    }
  }
}

inline void launch(const unsigned* grid, unsigned block, unsigned shared_bytes, Order schedule, std::function<void()> f) {
  order = schedule;
  if (block % 32 != 0) fail("the block is not whole warps");
  fibers.resize(block);
  warps.resize(block / 32);
  shared.resize(shared_bytes + 32);
  shared_start = shared.data() + (16 - (uintptr_t)shared.data() % 16) % 16;
  body = f;
  blockDim = {block, 1, 1};
  gridDim = {grid[0], grid[1], grid[2]};
  for (unsigned z = 0; z < grid[2]; z++)
    for (unsigned y = 0; y < grid[1]; y++)
      for (unsigned x = 0; x < grid[0]; x++) {
        blockIdx = {x, y, z};
        run_block();
      }
}

}  // namespace shim
