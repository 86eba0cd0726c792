// Losses that compare each output with a target of its own, one struct each: `of` gives the loss and its slope along the
// output. They are the mean over samples and outputs. Adding one: a struct here, its name in program.h's Loss and
// program.py's LOSSES, in `with_error` below, its fields in planner.py.
#pragma once

#include <cmath>
#include <limits>

#include "functions.h"
#include "program.h"

namespace archsearch {

template <class V>
struct Error {
  V value, slope;
};

struct SquaredError {
  template <class V> Error<V> of(V out, V target, int) const {
    const V away = out - target;
    return {away * away, 2 * away};
  }
};

struct AbsoluteError {
  template <class V> Error<V> of(V out, V target, int) const {
    const V away = out - target;
    return {absolute(away), away > 0 ? V{} + 1 : (away < 0 ? V{} - 1 : V{})};
  }
};

// Half the square up to delta, beyond it a line of the slope delta.
struct HuberError {
  double delta;
  template <class V> Error<V> of(V out, V target, int) const {
    const V away = out - target, size = absolute(away), d = V{} + Scalar<V>(delta);
    const V beyond = away > 0 ? d : -d;
    return {size < d ? away * away * Scalar<V>(0.5) : d * (size - d * Scalar<V>(0.5)), size < d ? away : beyond};
  }
};

// Huber's over beta: beyond it the slope is 1.
struct SmoothL1Error {
  double beta;
  template <class V> Error<V> of(V out, V target, int) const {
    const V away = out - target, size = absolute(away), b = V{} + Scalar<V>(beta);
    const V beyond = away > 0 ? V{} + 1 : V{} - 1;
    return {size < b ? away * away * Scalar<V>(0.5) / b : size - b * Scalar<V>(0.5), size < b ? away / b : beyond};
  }
};

// quantile * error above the output, (quantile - 1) * error below it; on it torch's maximum gives half of either slope.
struct QuantileError {
  double quantile;
  template <class V> Error<V> of(V out, V target, int) const {
    using Real = Scalar<V>;
    const V above = V{} + Real(quantile), below = V{} + Real(quantile - 1), error = target - out;
    const V on = V{} + Real(0.5 - quantile);
    return {error > 0 ? above * error : below * error, error > 0 ? -above : (error < 0 ? -below : on)};
  }
};

// exp(output) - target * output; outputs are few, so the library's exp, which overflows where torch's does.
struct PoissonError {
  template <class V> Error<V> of(V out, V target, int) const {
    const V rate = each_lane(out, [](auto v) { return std::exp(v); });
    return {rate - target * out, rate - target};
  }
};

// -log of the probability of a label that is there (times its weight, where there are some) or is not, by the logit.
struct BinaryCrossEntropy {
  const double* weights;
  template <class V> Error<V> of(V out, V target, int label) const {
    const V e = exp_negative(-absolute(out)), logarithm = log1p_of(e), large = 1 / (1 + e), small = e * large;
    const V on = out < 0 ? small : large, off = out < 0 ? large : small;  // probability that it is there, or not
    const V absent = 1 - target, there = weights ? target * Scalar<V>(weights[label]) : target;
    const V losses = absent * ((out < 0 ? V{} : out) + logarithm) + there * ((out < 0 ? -out : V{}) + logarithm);
    return {losses, absent * on - there * off};
  }
};

// (1 - p)^gamma times that, p the probability of what is true; as spec/loss_functions.py, 1 - p is never 0. Times alpha
// where the label is there and 1 - alpha where it is not, if alpha is not negative.
struct BinaryFocal {
  double gamma, alpha;
  template <class V> Error<V> of(V out, V target, int) const {
    using Real = Scalar<V>;
    const Error<V> plain = BinaryCrossEntropy{nullptr}.of(out, target, 0);
    const Real g = Real(gamma), tiny = std::numeric_limits<Real>::min();
    Error<V> error{};
    for (int i = 0; i < int(sizeof(V) / sizeof(Real)); i++) {
      const Real loss = plain.value[i], doubt = -std::expm1(-loss), kept = doubt < tiny ? tiny : doubt;
      const Real power = std::pow(kept, g), share = alpha < 0 ? 1 : Real(target[i] > 0 ? alpha : 1 - alpha);
      const Real along = power + (doubt < tiny ? 0 : g * power / kept * (1 - doubt) * loss);
      error.value[i] = share * power * loss;
      error.slope[i] = share * along * plain.slope[i];
    }
    return error;
  }
};

template <class F>
inline void with_error(const Program& program, F&& f) {
  switch (program.loss) {
    case mse: return f(SquaredError{});
    case l1: return f(AbsoluteError{});
    case huber: return f(HuberError{program.a});
    case smooth_l1: return f(SmoothL1Error{program.a});
    case quantile: return f(QuantileError{program.a});
    case poisson_nll: return f(PoissonError{});
    case bce: return f(BinaryCrossEntropy{program.weights});
    case binary_focal: return f(BinaryFocal{program.a, program.b});
  }
}

}  // namespace archsearch
