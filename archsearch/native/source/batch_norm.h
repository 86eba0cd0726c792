// Batch norm, with the activation behind it: y = f(a x + b) with a = weight / deviation and b = bias - mean a, as torch
// computes it. Mean and variance are those of the whole batch, so a pass over all groups ends before it (engine.h):
//
//   collect         of each group: mean and sum of squared distances from it, of each channel
//   merge           one after the other in the order of the groups, in double (Chan, Golub & LeVeque 1979)
//   forward         y; not kept: the way back computes a x + b again, which costs less than memory does
//   backward_sums   dz = dy f'(a x + b), and of each group sum(dz) and sum(dz (x - mean))
//   merge_back      both over the batch: the gradients of bias and weight
//   backward        dx = a (dz - sum(dz) / n - (x - mean) sum(dz (x - mean)) / (n variance))
//
// The sums do not know how groups are divided among threads, so neither do the results.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "activation.h"
#include "lanes.h"
#include "program.h"

namespace archsearch {

template <class Real>
class BatchNorm {
 public:
  using V = Vector<Real>;
  static constexpr int group_size = lanes<Real>;

  explicit BatchNorm(const Operation& op)
      : op_(op), channels_(op.channels), pixels_(op.height * op.width), mean_(op.channels), scale_(op.channels),
        shift_(op.channels), slope_(op.channels), offset_(op.channels) {}

  // Makes room for what is collected of each of so many groups.
  void room(int64_t groups) {
    const size_t size = size_t(groups) * channels_;
    if (first_.size() < size) {
      first_.resize(size);
      second_.resize(size);
    }
  }

  // Mean and sum of squared distances from it of a group's `images` first lanes; the distances are taken from the mean in
  // Real precision, which is near enough for the difference of two sums to lose nothing.
  void collect(const V* in, int64_t group, int images) {
    double* mean = first_.data() + group * channels_;
    double* squares = second_.data() + group * channels_;
    const double count = double(images) * pixels_;
    for (int c = 0; c < channels_; c++, in += pixels_) {
      const Real near = Real(over_lanes(sum_of([&](int p) { return in[p]; }), images) / count);
      V distance[4] = {}, square[4] = {};
      each_pixel([&](int p, int k) {
        const V d = in[p] - near;
        distance[k] += d;
        square[k] += d * d;
      });
      const double d = over_lanes(added(distance), images);
      mean[c] = double(near) + d / count;
      squares[c] = over_lanes(added(square), images) - d * d / count;
    }
  }

  // Statistics of the batch out of those of its groups; the running ones go `momentum` towards them, the variance without
  // bias. `part` of `parts` threads takes its share of the channels.
  void merge(int64_t batch, const Real* weight, const Real* bias, Real* running_mean, Real* running_variance, int part,
             int parts) {
    const int64_t groups = (batch + group_size - 1) / group_size;
    for (int c = part; c < channels_; c += parts) {
      double mean = 0, squares = 0, count = 0;
      for (int64_t g = 0; g < groups; g++) {
        const double more = double(std::min<int64_t>(group_size, batch - g * group_size)) * pixels_;
        const double away = first_[g * channels_ + c] - mean;
        count += more;
        mean += away * more / count;
        squares += second_[g * channels_ + c] + away * away * more * (count - more) / count;
      }
      use(c, mean, squares / count, weight, bias);
      const Real share = Real(op_.momentum);
      running_mean[c] = share * Real(mean) + (1 - share) * running_mean[c];
      running_variance[c] = share * Real(squares / (count - 1)) + (1 - share) * running_variance[c];
    }
  }

  // What evaluation normalises by.
  void use_running(const Real* weight, const Real* bias, const Real* mean, const Real* variance) {
    for (int c = 0; c < channels_; c++) use(c, double(mean[c]), double(variance[c]), weight, bias);
  }

  void forward(const V* in, V* out) const {
    with_function(op_, [&](auto f) {
      for (int c = 0; c < channels_; c++, in += pixels_, out += pixels_) {
        const V a = broadcast<V>(scale_[c]), b = broadcast<V>(shift_[c]);
        for (int p = 0; p < pixels_; p++) out[p] = f.value(in[p] * a + b);
      }
    });
  }

  // Writes dz where somebody before the layer learns (`between` is not nullptr).
  void backward_sums(const V* in, const V* gradient, V* between, int64_t group, int images) {
    double* sums = first_.data() + group * channels_;
    double* products = second_.data() + group * channels_;
    with_function(op_, [&](auto f) {
      for (int c = 0; c < channels_; c++, in += pixels_, gradient += pixels_) {
        const V a = broadcast<V>(scale_[c]), b = broadcast<V>(shift_[c]), mean = broadcast<V>(mean_[c]);
        V sum[4] = {}, product[4] = {};
        V* to = between ? between + int64_t(c) * pixels_ : nullptr;
        each_pixel([&](int p, int k) {
          V dz = gradient[p];
          if constexpr (!std::is_same_v<decltype(f), Same>) {
            const V z = in[p] * a + b;
            if constexpr (decltype(f)::from_output)
              dz *= f.slope(f.value(z));
            else
              dz *= f.slope(z);
          }
          if (to) to[p] = dz;
          sum[k] += dz;
          product[k] += dz * (in[p] - mean);
        });
        sums[c] = over_lanes(added(sum), images);
        products[c] = over_lanes(added(product), images);
      }
    });
  }

  // The gradients of weight and bias (nullptr where there are none), and what `backward` takes off.
  void merge_back(int64_t batch, Real* weight_gradient, Real* bias_gradient, int part, int parts) {
    const int64_t groups = (batch + group_size - 1) / group_size;
    const double count = double(batch) * pixels_;
    for (int c = part; c < channels_; c += parts) {
      double sum = 0, product = 0;
      for (int64_t g = 0; g < groups; g++) {
        sum += first_[g * channels_ + c];
        product += second_[g * channels_ + c];
      }
      if (weight_gradient) weight_gradient[c] = Real(product * inverse_[c]);
      if (bias_gradient) bias_gradient[c] = Real(sum);
      slope_[c] = Real(product * inverse_[c] * inverse_[c] / count);
      offset_[c] = Real(sum / count);
    }
  }

  // Lanes without an image get no gradient: the mean's would not be zero there.
  void backward(const V* in, const V* between, V* to, bool accumulate, int images) const {
    const Mask<V> there = first_lanes<V>(images);
    for (int c = 0; c < channels_; c++, in += pixels_, between += pixels_, to += pixels_) {
      const V a = broadcast<V>(scale_[c]), mean = broadcast<V>(mean_[c]), slope = broadcast<V>(slope_[c]),
              offset = broadcast<V>(offset_[c]);
      for (int p = 0; p < pixels_; p++) {
        const V dx = a * ((between[p] - offset) - (in[p] - mean) * slope);
        const V g = there ? dx : V{};
        to[p] = accumulate ? to[p] + g : g;
      }
    }
  }

 private:
  Operation op_;
  int channels_, pixels_;
  std::vector<Real> mean_, scale_, shift_, slope_, offset_;
  std::vector<double> inverse_ = std::vector<double>(mean_.size());
  std::vector<double> first_, second_;  // of each group and channel

  void use(int c, double mean, double variance, const Real* weight, const Real* bias) {
    inverse_[c] = 1 / std::sqrt(variance + op_.eps);
    const double scale = inverse_[c] * (weight ? double(weight[c]) : 1);
    mean_[c] = Real(mean);
    scale_[c] = Real(scale);
    shift_[c] = Real((bias ? double(bias[c]) : 0) - mean * scale);
  }

  // Four sums at a time: an addition takes as long as four may begin.
  template <class F>
  void each_pixel(F&& f) const {
    int p = 0;
    for (; p + 4 <= pixels_; p += 4)
#pragma GCC unroll 4
      for (int k = 0; k < 4; k++) f(p + k, k);
    for (; p < pixels_; p++) f(p, 0);
  }

  template <class F>
  V sum_of(F&& f) const {
    V sum[4] = {};
    each_pixel([&](int p, int k) { sum[k] += f(p); });
    return added(sum);
  }

  static V added(const V* sum) { return (sum[0] + sum[1]) + (sum[2] + sum[3]); }

  static double over_lanes(V sum, int images) {
    double total = 0;
    for (int i = 0; i < images; i++) total += double(sum[i]);
    return total;
  }
};

}  // namespace archsearch
