// softmax and log_softmax over the channels (or features) of each pixel.
#pragma once

#include "functions.h"
#include "program.h"

namespace archsearch {

// log of a sum of exponentials that is at least 1; once per pixel and image, so the library's, lane by lane.
template <class V>
inline V log_of(V x) {
  return each_lane(x, [](auto v) { return std::log(v); });
}

template <class V>
inline V largest(const V* in, int count, int64_t stride) {
  V most = in[0];
  for (int c = 1; c < count; c++) {
    const V x = in[c * stride];
    most = ((x > most) | (x != x)) ? x : most;
  }
  return most;
}

template <class V>
inline void softmax_forward(const Operation& op, const V* in, V* out) {
  const int64_t plane = int64_t(op.height) * op.width;
  for (int64_t p = 0; p < plane; p++, in++, out++) {
    const V most = largest(in, op.channels, plane);
    V sum{};
    for (int c = 0; c < op.channels; c++) sum += out[c * plane] = exp_negative(in[c * plane] - most);
    const V share = 1 / sum;
    for (int c = 0; c < op.channels; c++) out[c * plane] *= share;
  }
}

template <class V>
inline void softmax_backward(const Operation& op, const V* out, const V* gradient, V* input_gradient) {
  const int64_t plane = int64_t(op.height) * op.width;
  for (int64_t p = 0; p < plane; p++, out++, gradient++, input_gradient++) {
    V dot{};
    for (int c = 0; c < op.channels; c++) dot += out[c * plane] * gradient[c * plane];
    for (int c = 0; c < op.channels; c++) {
      const V g = out[c * plane] * (gradient[c * plane] - dot);
      input_gradient[c * plane] = op.accumulate ? input_gradient[c * plane] + g : g;
    }
  }
}

template <class V>
inline void log_softmax_forward(const Operation& op, const V* in, V* out) {
  const int64_t plane = int64_t(op.height) * op.width;
  for (int64_t p = 0; p < plane; p++, in++, out++) {
    const V most = largest(in, op.channels, plane);
    V sum{};
    for (int c = 0; c < op.channels; c++) sum += exp_negative(in[c * plane] - most);
    const V logarithm = most + log_of(sum);
    for (int c = 0; c < op.channels; c++) out[c * plane] = in[c * plane] - logarithm;
  }
}

template <class V>
inline void log_softmax_backward(const Operation& op, const V* out, const V* gradient, V* input_gradient) {
  const int64_t plane = int64_t(op.height) * op.width;
  for (int64_t p = 0; p < plane; p++, out++, gradient++, input_gradient++) {
    V sum{};
    for (int c = 0; c < op.channels; c++) sum += gradient[c * plane];
    for (int c = 0; c < op.channels; c++) {
      const V g = gradient[c * plane] - exp_negative(out[c * plane]) * sum;
      input_gradient[c * plane] = op.accumulate ? input_gradient[c * plane] + g : g;
    }
  }
}

}  // namespace archsearch
