// The vectors that everything here computes with: one image per lane.
//
// A "group" is as many images as a vector has lanes. A value of the network (one pixel of one channel) is one vector
// with that value of every image of the group, so no channel is ever padded, every load is aligned, and a weight is a
// scalar that is broadcast. GCC's and Clang's vector extensions give one source for AVX-512 (16 floats), AVX2 (8),
// SSE and NEON (4); the build compiles it once for each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace archsearch {

// ARCHSEARCH_AS_AVX512 gives AVX-512's vectors and tiles to another processor, two of its registers for each: slow, but
// so all that is particular to them can be run without one.
#if defined(__AVX512F__) || defined(ARCHSEARCH_AS_AVX512)
constexpr int vector_bytes = 64;
constexpr int registers = 32;
constexpr bool fused = true;
#elif defined(__AVX2__) && defined(__FMA__)
constexpr int vector_bytes = 32;
constexpr int registers = 16;
constexpr bool fused = true;
#elif defined(__aarch64__)
constexpr int vector_bytes = 16;
constexpr int registers = 32;
constexpr bool fused = true;
#else
constexpr int vector_bytes = 16;
constexpr int registers = 16;
constexpr bool fused = false;  // a product needs a register of its own before it is added
#endif

template <class Real>
struct VectorOf {
  typedef Real type __attribute__((vector_size(vector_bytes)));
};
template <class Real>
using Vector = typename VectorOf<Real>::type;

template <class Real>
constexpr int lanes = vector_bytes / int(sizeof(Real));

// What one lane holds, and the integer vector that comparisons give.
template <class V>
using Scalar = std::remove_reference_t<decltype(std::declval<V&>()[0])>;
template <class V>
using Mask = decltype(std::declval<V>() < std::declval<V>());

template <class V>
inline V broadcast(Scalar<V> value) {
  return value - V{};  // not 0 + value, which is another number for -0 and so an instruction
}

// True in the first `count` lanes.
template <class V>
inline Mask<V> first_lanes(int count) {
  Mask<V> mask{};
  for (int i = 0; i < int(sizeof(V) / sizeof(Scalar<V>)); i++) mask[i] = i < count ? -1 : 0;
  return mask;
}

// Tiles: how many accumulators a kernel holds in registers. See convolution.h for the arithmetic.
struct Tile {
  static constexpr int outputs = registers == 32 ? 6 : 4;               // x pixels
  static constexpr int pixels = registers == 32 ? 4 : (fused ? 3 : 2);
  static constexpr int rows = registers == 32 ? 14 : (fused ? 13 : 8);  // one pixel: a product of matrix and vector
  static constexpr int sides = registers == 32 ? 6 : (fused ? 4 : 3);   // of the weight gradient, most outputs
  static constexpr int gradient = registers == 32 ? 25 : (fused ? 12 : 9);
  static constexpr int wide = registers == 32 ? 24 : (fused ? 12 : 8);
  static constexpr int neighbours = registers == 32 ? 16 : 8;           // of a depthwise convolution's row
  static constexpr int wide_vectors = registers == 32 ? 3 : 2;

  // Fewer outputs leave registers for more pixels, which a weight is loaded for.
  static constexpr int pixels_beside(int outputs) {
    if (registers == 32) return outputs == 1 ? 12 : (outputs == 2 ? 8 : (outputs == 3 ? 6 : pixels));
    return outputs == 1 ? (fused ? 7 : 6) : (outputs == 2 ? (fused ? 5 : 3) : pixels);
  }
  // Taps of the weight gradient beside so many outputs; the fewer of both are held, the others loaded one by one.
  static constexpr int taps_beside(int outputs) { return gradient / outputs < 12 ? gradient / outputs : 12; }
};

// Calls f with n as a compile-time constant, 1 <= n <= Max.
template <int Max, class F>
inline void with_constant(int n, F&& f) {
  if constexpr (Max > 0) {
    if (n == Max)
      f(std::integral_constant<int, Max>{});
    else
      with_constant<Max - 1>(n, std::forward<F>(f));
  }
}

// Cuts `count` into as few pieces of at most `most` as there must be, as equal as can be: 10 by 6 is 5 + 5, not 6 + 4.
struct Pieces {
  int count, pieces;
  Pieces(int count_, int most) : count(count_), pieces((count_ + most - 1) / most) {}
  int begin(int piece) const { return int(int64_t(count) * piece / pieces); }
  int size(int piece) const { return begin(piece + 1) - begin(piece); }
};

// a0 b0 a1 b1 ...: the lower halves of a and b in turn; `zip_high` their upper halves.
template <class V>
inline V zip_low(V a, V b) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
#if defined(__clang__)
  if constexpr (n == 16)
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  else if constexpr (n == 8)
    return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
  else if constexpr (n == 4)
    return __builtin_shufflevector(a, b, 0, 4, 1, 5);
  else
    return __builtin_shufflevector(a, b, 0, 2);
#else
  Mask<V> order{};
  for (int i = 0; i < n; i++) order[i] = i / 2 + (i % 2) * n;
  return __builtin_shuffle(a, b, order);
#endif
}

template <class V>
inline V zip_high(V a, V b) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
#if defined(__clang__)
  if constexpr (n == 16)
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  else if constexpr (n == 8)
    return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
  else if constexpr (n == 4)
    return __builtin_shufflevector(a, b, 2, 6, 3, 7);
  else
    return __builtin_shufflevector(a, b, 1, 3);
#else
  Mask<V> order{};
  for (int i = 0; i < n; i++) order[i] = n / 2 + i / 2 + (i % 2) * n;
  return __builtin_shuffle(a, b, order);
#endif
}

// Half of the sums over the lanes of a in the even lanes, of b in the odd ones.
template <class V>
inline V add_halves(V a, V b) {
  return zip_low(a, b) + zip_high(a, b);
}

// Transposes as many vectors as they have lanes: row[i][j] becomes row[j][i]. Each round of zips doubles the distance of
// what lies side by side, log2(n) rounds and n * log2(n) instructions for n * n values.
template <class V>
inline void transpose(V* rows) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
#pragma GCC unroll 4
  for (int round = 1; round < n; round *= 2) {
    V next[n];
#pragma GCC unroll 16
    for (int i = 0; i < n / 2; i++) {
      next[2 * i] = zip_low(rows[i], rows[i + n / 2]);
      next[2 * i + 1] = zip_high(rows[i], rows[i + n / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < n; i++) rows[i] = next[i];
  }
}

// Sums each of N vectors over its lanes: sums[i] for vectors[i]. A tree of add_halves over as many vectors as there are
// lanes costs 3 instructions per vector instead of about 9.
template <int N, int Start, int Step, class V>
inline V sum_tree(const V* vectors) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
  if constexpr (Step == n)
    return Start < N ? vectors[Start < N ? Start : 0] : V{};
  else
    return add_halves(sum_tree<N, Start, Step * 2>(vectors), sum_tree<N, Start + Step, Step * 2>(vectors));
}

template <int N, int From = 0, class V>
inline void sum_lanes(const V* vectors, V* sums) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
  sums[From / n] = sum_tree<N, From, 1>(vectors);
  if constexpr (From + n < N) sum_lanes<N, From + n>(vectors, sums);
}

}  // namespace archsearch
