// Layer norm and group norm: each image (lane) by its own mean and variance over groups of channels, layer norm over one
// group of all. What comes in is kept, mean and deviation are computed again on the way back.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "functions.h"
#include "program.h"

namespace archsearch {

// Sums of f(i) for 0 <= i < count: four at a time, and every 256 into another sum, so that rounding stays that of a few
// hundred additions however many there are.
template <class Sum, class F>
inline Sum sum_over(int64_t count, F&& f) {
  Sum total{};
  for (int64_t start = 0; start < count; start += 256) {
    const int64_t end = std::min(count, start + 256);
    Sum sum[4] = {};
    int64_t i = start;
    for (; i + 4 <= end; i += 4)
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) sum[k] += f(i + k);
    for (; i < end; i++) sum[0] += f(i);
    total += (sum[0] + sum[1]) + (sum[2] + sum[3]);
  }
  return total;
}

// Two sums at once.
template <class V>
struct Both {
  V first, second;
  Both& operator+=(const Both& other) {
    first += other.first;
    second += other.second;
    return *this;
  }
  Both operator+(const Both& other) const { return {first + other.first, second + other.second}; }
};

// The mean is rounded twice, so what the values are off it is summed too and put right: of equal values nothing is left
// that an eps of 1e-5 would enlarge 300 times. The variance does not see the difference.
template <class V>
struct Moments {
  V mean, inverse;  // inverse of the deviation

  Moments(const V* in, int64_t count, double eps) {
    const Scalar<V> share = Scalar<V>(1.0 / double(count));
    const V near = sum_over<V>(count, [&](int64_t i) { return in[i]; }) * share;
    const Both<V> sums = sum_over<Both<V>>(count, [&](int64_t i) {
      const V away = in[i] - near;
      return Both<V>{away, away * away};
    });
    mean = near + sums.first * share;
    inverse = each_lane(sums.second * share + Scalar<V>(eps), [](auto v) { return 1 / std::sqrt(v); });
  }
};

// Calls f(group, first value, values) for each group of an image's values.
template <class F>
inline void each_norm_group(const Operation& op, F&& f) {
  const int64_t count = int64_t(op.channels / op.groups) * op.height * op.width;
  for (int64_t g = 0; g < op.groups; g++) f(g * count, count);
}

// Which weight a value has: its own (layer norm), or that of its channel.
inline int64_t values_per_weight(const Operation& op) {
  return op.kind == layer_norm ? 1 : int64_t(op.height) * op.width;
}

template <class V>
inline void sample_norm_forward(const Operation& op, const V* in, const Scalar<V>* weight, const Scalar<V>* bias,
                                V* out) {
  const int64_t each = values_per_weight(op);
  each_norm_group(op, [&](int64_t first, int64_t count) {
    const Moments<V> moments(in + first, count, op.eps);
    for (int64_t start = first; start < first + count; start += each) {
      const int64_t w = start / each;
      const V scale = weight ? moments.inverse * weight[w] : moments.inverse;
      const V shift = broadcast<V>(bias ? bias[w] : 0);
      for (int64_t i = start; i < start + each; i++) out[i] = (in[i] - moments.mean) * scale + shift;
    }
  });
}

// The gradients of layer norm's weights, one for each value: sums over the lanes, as many at a time as there are lanes.
template <class V>
inline void layer_norm_weights(const V* in, const V* gradient, int64_t count, const Moments<V>& moments,
                               Scalar<V>* weight_gradient, Scalar<V>* bias_gradient) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
  for (int64_t start = 0; start < count; start += n) {
    const int some = int(std::min<int64_t>(n, count - start));
    V own[n] = {}, along[n] = {}, sums[1];
    for (int i = 0; i < some; i++) {
      own[i] = gradient[start + i];
      along[i] = own[i] * (in[start + i] - moments.mean) * moments.inverse;
    }
    sum_lanes<n>(along, sums);
    for (int i = 0; i < some; i++) weight_gradient[start + i] += sums[0][i];
    sum_lanes<n>(own, sums);
    for (int i = 0; i < some; i++) bias_gradient[start + i] += sums[0][i];
  }
}

// Lanes without an image have no gradient behind the layer, so none before it.
template <class V>
inline void sample_norm_backward(const Operation& op, const V* in, const V* gradient, const Scalar<V>* weight,
                                 Scalar<V>* weight_gradient, Scalar<V>* bias_gradient, V* to) {
  const int64_t each = values_per_weight(op);
  each_norm_group(op, [&](int64_t first, int64_t count) {
    const Moments<V> moments(in + first, count, op.eps);
    V sum{}, product{};
    if (each == 1) {
      const V* x = in + first;
      const V* g = gradient + first;
      const Scalar<V>* w = weight ? weight + first : nullptr;
      if (w) layer_norm_weights(x, g, count, moments, weight_gradient + first, bias_gradient + first);
      sum = sum_over<V>(count, [&](int64_t i) { return g[i] * (w ? w[i] : 1); });
      product = sum_over<V>(count, [&](int64_t i) {
        return g[i] * (w ? w[i] : 1) * (x[i] - moments.mean) * moments.inverse;
      });
    }
    for (int64_t start = first; each > 1 && start < first + count; start += each) {
      const int64_t w = start / each;
      const V own = sum_over<V>(each, [&](int64_t i) { return gradient[start + i]; });
      const V along = sum_over<V>(each, [&](int64_t i) {
        return gradient[start + i] * (in[start + i] - moments.mean) * moments.inverse;
      });
      if (weight) {
        V both[2] = {along, own}, sums[1];
        sum_lanes<2>(both, sums);
        weight_gradient[w] += sums[0][0];
        bias_gradient[w] += sums[0][1];
      }
      const Scalar<V> factor = weight ? weight[w] : 1;
      sum += own * factor;
      product += along * factor;
    }
    if (!to) return;
    const Scalar<V> share = Scalar<V>(1.0 / double(count));
    const V offset = sum * share, slope = product * share;
    for (int64_t start = first; start < first + count; start += each) {
      const Scalar<V> factor = weight ? weight[start / each] : 1;
      for (int64_t i = start; i < start + each; i++) {
        const V g = moments.inverse * (gradient[i] * factor - offset - (in[i] - moments.mean) * moments.inverse * slope);
        to[i] = op.accumulate ? to[i] + g : g;
      }
    }
  });
}

}  // namespace archsearch
