// Dropout. Whether a value is dropped follows from numbers alone: the key of the batch (drawn from the run's dropout
// stream), which dropout of the network it is, which image of the batch, which value of the image (or which channel).
// So the mask is the same for any number of threads and lanes, and the way back computes it again instead of keeping it.
//
//   mix(x)   32 bits to 32 bits, each of which hangs on all (triple32 of C. Wellons' hash-prospector)
//   layer    = mix(low(key) ^ mix(high(key) + number))
//   dropped  = mix(mix(layer + image) ^ mix(~layer + value)) < p 2^32
//
// What stays is divided by 1 - p.
#pragma once

#include <cstdint>

#include "lanes.h"
#include "program.h"

namespace archsearch {

template <int n>
struct BitsOf {
  typedef uint32_t type __attribute__((vector_size(n * sizeof(uint32_t))));
};

template <class U>
inline U mix(U x) {
  x ^= x >> 17;
  x *= 0xed5ad4bbU;
  x ^= x >> 11;
  x *= 0xac4c1b51U;
  x ^= x >> 15;
  x *= 0x31848babU;
  x ^= x >> 14;
  return x;
}

// For the values of a group from image `first` of the batch on: to[i] = from[i] / (1 - p) or 0, added to what is there
// if `accumulate`. The gradient goes the same way.
template <class V>
inline void drop(const Operation& op, uint64_t key, int64_t first, const V* from, V* to, bool accumulate) {
  using Real = Scalar<V>;
  constexpr int n = int(sizeof(V) / sizeof(Real));
  using Bits = typename BitsOf<n>::type;
  const uint32_t layer = mix(uint32_t(key) ^ mix(uint32_t(key >> 32) + uint32_t(op.number)));
  Bits image{};
  for (int i = 0; i < n; i++) image[i] = layer + uint32_t(first + i);
  image = mix(image);
  const uint32_t limit = uint32_t(op.drop * 4294967296.0);  // p < 1
  const V scale = broadcast<V>(Real(1 / (1 - op.drop)));
  const int64_t pixels = int64_t(op.height) * op.width;
  const int64_t steps = op.kind == dropout ? int64_t(op.channels) * pixels : op.channels;
  const int64_t each = op.kind == dropout ? 1 : pixels;
  for (int64_t step = 0; step < steps; step++) {
    const Bits bits = mix(image ^ mix(~layer + uint32_t(step)));
    const auto stays = __builtin_convertvector(bits >= limit, Mask<V>);
    for (int64_t i = 0; i < each; i++, from++, to++) {
      const V value = stays ? *from * scale : V{};
      *to = accumulate ? *to + value : value;
    }
  }
}

}  // namespace archsearch
