// Memory of a case, between guards, and its runs under each schedule: results must be equal bytes.

#pragma once
#include "fibers.h"

// An address that takes the type its parameter has.
struct any {
  void* p;
  explicit any(void* p) : p(p) {}
  template <class T> operator T*() const { return (T*)p; }
};

class Harness {
  static constexpr size_t GUARD = 4096;
  FILE *in, *out;
  const char* name;
  std::vector<size_t> sizes;
  // Memory in this order: operands, results, working memory.
  size_t operands;
  std::vector<std::vector<unsigned char>> memory, at_first;

  unsigned char* at(size_t i) { return memory[i].data() + GUARD + (64 - (uintptr_t)memory[i].data() % 64) % 64; }
  std::vector<unsigned char> content(size_t i) { return {at(i), at(i) + sizes[i]}; }

  [[noreturn]] void fail(const char* what, size_t i) {
    fprintf(stderr, "%s: memory %zu %s\n", name, i, what);
    exit(4);
  }

 public:
  Harness(const char* inputs, const char* outputs) : in(fopen(inputs, "rb")), out(fopen(outputs, "wb")) {}
  ~Harness() { fclose(in), fclose(out); }

  void start(const char* name, std::vector<size_t> operands, std::vector<size_t> results, size_t scratch) {
    this->name = name;
    this->operands = operands.size();
    sizes = operands;
    sizes.insert(sizes.end(), results.begin(), results.end());
    sizes.push_back(scratch);
    memory.assign(sizes.size(), {});
    at_first.assign(this->operands, {});
    for (size_t i = 0; i < sizes.size(); i++) {
      memory[i].assign(sizes[i] + 2 * GUARD + 64, 0xff);
      if (i >= this->operands) continue;
      if (fread(at(i), 1, sizes[i], in) != sizes[i]) fail("is not in the inputs", i);
      at_first[i] = content(i);
    }
  }

  // Writes the results to the outputs.
  template <class F>
  void under_each_schedule(F f) {
    std::vector<std::vector<unsigned char>> before;
    for (shim::Order order : {shim::ASCENDING, shim::DESCENDING, shim::RANDOM}) {
      std::vector<unsigned char*> addresses;
      for (size_t i = 0; i < sizes.size(); i++) {
        if (i >= operands) memset(at(i), 0xff, sizes[i]);
        addresses.push_back(at(i));
      }
      f(order, addresses.data());
      std::vector<std::vector<unsigned char>> after;
      for (size_t i = 0; i < sizes.size(); i++) {
        for (size_t g = 0; g < GUARD; g++)
          if (at(i)[sizes[i] + g] != 0xff || at(i)[-1 - (long)g] != 0xff) fail("was written past its end", i);
        if (i < operands && content(i) != at_first[i]) fail("is an operand and was written", i);
        if (i >= operands && i + 1 < sizes.size()) after.push_back(content(i));
      }
      for (size_t i = 0; !before.empty() && i < after.size(); i++)
        if (before[i] != after[i]) fail("differs between schedules", operands + i);
      before = after;
    }
    for (auto& result : before) fwrite(result.data(), 1, result.size(), out);
  }
};
