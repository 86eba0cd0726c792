// What a step is given, and the memory that it works in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace archsearch {

// What a batch is read from: rows of x (bytes 0 to 255, meant as value / 255, or Reals); beside them, one after the other,
// the classes `labels` or else `targets`, Reals, as many as outputs; and `weights`, what each counts, nullptr where all
// count alike. `key` is what its dropout masks are made of. What the network gives in training is written to `outputs`
// (Reals) unless that is nullptr.
struct Batch {
  const void* x;
  int32_t bytes;
  const int64_t* rows;
  const int64_t* labels;
  const void* targets;
  const double* weights;
  void* outputs;
  int64_t size;
  uint64_t key;
};

// A network's parameters, and of each batch norm the running mean and variance, one after the other.
template <class Real>
struct State {
  const Real* const* weights;
  Real* const* running;
};

template <class V>
class Memory {
 public:
  explicit Memory(int64_t vectors)
      : size_(vectors), values_(static_cast<V*>(std::aligned_alloc(64, (vectors * sizeof(V) + 63) / 64 * 64 + 64))) {
    if (!values_) throw std::bad_alloc();
    std::fill(values_.get(), values_.get() + vectors, V{});
  }
  V* get() const { return values_.get(); }
  void clear() { std::fill(values_.get(), values_.get() + size_, V{}); }

 private:
  struct Free {
    void operator()(V* values) const { std::free(values); }
  };
  int64_t size_;
  std::unique_ptr<V, Free> values_;
};

}  // namespace archsearch
