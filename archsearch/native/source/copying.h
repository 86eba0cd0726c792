// What only moves values: images into lanes, outputs out of them, padding, sums of two branches.
#pragma once

#include <algorithm>

#include "lanes.h"
#include "program.h"

namespace archsearch {

// Lays `images` rows of x side by side: out[value][image]; lanes without an image are zero. Blocks of values keep what is
// written in the first-level cache while every image of the group passes by.
template <class V, class From, class Convert>
inline void read_images(const From* x, const int64_t* rows, int images, int64_t size, V* out, Convert convert) {
  using Real = Scalar<V>;
  constexpr int n = int(sizeof(V) / sizeof(Real));
  constexpr int64_t block = 64;
  Real* to = reinterpret_cast<Real*>(out);
  for (int64_t start = 0; start < size; start += block) {
    const int64_t end = std::min(size, start + block);
    for (int image = 0; image < n; image++) {
      if (image >= images) {
        for (int64_t i = start; i < end; i++) to[i * n + image] = 0;
        continue;
      }
      const From* from = x + rows[image] * size;
      for (int64_t i = start; i < end; i++) to[i * n + image] = convert(from[i]);
    }
  }
}

template <class V>
inline void write_outputs(const V* out, int images, int classes, Scalar<V>* to) {
  for (int image = 0; image < images; image++)
    for (int c = 0; c < classes; c++) to[int64_t(image) * classes + c] = out[c][image];
}

template <class V>
inline void pad_forward(const Operation& op, const V* in, V* out) {
  for (int c = 0; c < op.channels; c++)
    for (int y = 0; y < op.out_height; y++, out += op.out_width) {
      const int row = y - op.padding[0];
      std::fill(out, out + op.out_width, V{});
      if (row < 0 || row >= op.height) continue;
      const V* from = in + (int64_t(c) * op.height + row) * op.width;
      std::copy(from, from + op.width, out + op.padding[1]);
    }
}

template <class V>
inline void pad_backward(const Operation& op, const V* gradient, V* input_gradient) {
  for (int c = 0; c < op.channels; c++)
    for (int y = 0; y < op.height; y++, input_gradient += op.width) {
      const V* from = gradient + (int64_t(c) * op.out_height + y + op.padding[0]) * op.out_width + op.padding[1];
      for (int x = 0; x < op.width; x++) input_gradient[x] = op.accumulate ? input_gradient[x] + from[x] : from[x];
    }
}

template <class V>
inline void add_backward(const V* gradient, int64_t size, bool accumulate, V* to) {
  for (int64_t i = 0; i < size; i++) to[i] = accumulate ? to[i] + gradient[i] : gradient[i];
}

}  // namespace archsearch
