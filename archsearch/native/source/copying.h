// What only moves values: images into lanes, outputs out of them, padding, sums of two branches.
#pragma once

#include <algorithm>

#include "lanes.h"
#include "program.h"

namespace archsearch {

// Lays `images` rows of x side by side: out[value][image]. Lanes without an image get the last one once more: what is
// computed there is finite wherever it is for the images, and so nothing after the products with its gradient of 0. As many
// values of each image as there are lanes are read and transposed in registers; what is left over goes one by one.
template <class V, class From, class Convert>
inline void read_images(const From* x, const int64_t* rows, int images, int64_t size, V* out, Convert convert) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
  int64_t start = 0;
  for (; start + n <= size; start += n) {
    V values[n];
    for (int image = 0; image < n; image++) {
      const From* from = x + rows[std::min(image, images - 1)] * size + start;
      for (int i = 0; i < n; i++) values[image][i] = convert(from[i]);
    }
    transpose(values);
    for (int i = 0; i < n; i++) out[start + i] = values[i];
  }
  for (; start < size; start++)
    for (int image = 0; image < n; image++)
      out[start][image] = convert(x[rows[std::min(image, images - 1)] * size + start]);
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
inline void add_forward(const V* in, const V* other, int64_t size, V* out) {
  for (int64_t i = 0; i < size; i++) out[i] = in[i] + other[i];
}

template <class V>
inline void add_backward(const V* gradient, int64_t size, bool accumulate, V* to) {
  for (int64_t i = 0; i < size; i++) to[i] = accumulate ? to[i] + gradient[i] : gradient[i];
}

}  // namespace archsearch
