// The losses on one group: summed loss, number correct, and the gradient of the mean over the whole batch. Those that
// look at all outputs of an image at once are here, those of each output beside its target in errors.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "batch.h"
#include "errors.h"
#include "program.h"
#include "softmax.h"

namespace archsearch {

struct Score {
  double loss = 0;
  int64_t correct = 0;
};

// Cross-entropy with a weight for each class, as torch has it: each image's targets are multiplied by the weight of its
// class, the smoothed part by that of each class. `own` holds the weights of the images' classes.
template <class V>
inline V weighted_cross_entropy(const Program& program, const V* out, V label, V own, V present, V* gradient) {
  using Real = Scalar<V>;
  const int classes = program.outputs;
  const V most = largest(out, classes, 1);
  V sum{}, loss{}, targets{};
  for (int c = 0; c < classes; c++) sum += gradient[c] = exp_negative(out[c] - most);
  const V logarithm = most + log_of(sum), inverse = 1 / sum;
  const auto target = [&](int c) {
    const V smooth = broadcast<V>(Real(program.a / classes * program.weights[c]));
    return (label == Real(c) ? own * Real(1 - program.a) : V{}) + smooth;
  };
  for (int c = 0; c < classes; c++) targets += target(c);
  for (int c = 0; c < classes; c++) {
    const V t = target(c);
    loss += t > 0 ? t * (logarithm - out[c]) : V{};
    gradient[c] = (gradient[c] * inverse * targets - t) * present;
  }
  return loss;
}

// (1 - p)^gamma * -log(p), p the softmax of what is true (spec/loss_functions.py); 1 - p is never 0, as there.
template <class V>
inline V focal_loss(const Program& program, const V* out, V label, V present, V* gradient) {
  using Real = Scalar<V>;
  const int classes = program.outputs;
  const V most = largest(out, classes, 1);
  V sum{}, wanted{};
  for (int c = 0; c < classes; c++) {
    sum += gradient[c] = exp_negative(out[c] - most);
    wanted = label == Real(c) ? out[c] : wanted;
  }
  const V loss = most + log_of(sum) - wanted, inverse = 1 / sum;
  const Real gamma = Real(program.a), tiny = std::numeric_limits<Real>::min();
  V value{}, slope{};  // of the focal loss; the slope along -log(p)
  for (int i = 0; i < int(sizeof(V) / sizeof(Real)); i++) {
    const Real doubt = -std::expm1(-loss[i]), kept = doubt < tiny ? tiny : doubt, power = std::pow(kept, gamma);
    value[i] = power * loss[i];
    slope[i] = power + (doubt < tiny ? 0 : gamma * power / kept * (1 - doubt) * loss[i]);
  }
  for (int c = 0; c < classes; c++)
    gradient[c] = (gradient[c] * inverse - (label == Real(c) ? V{} + 1 : V{})) * slope * present;
  return value;
}

template <class V>
inline V cross_entropy_loss(const Program& program, const V* out, V label, V present, V* gradient) {
  using Real = Scalar<V>;
  const int classes = program.outputs;
  const V most = largest(out, classes, 1);
  V sum{}, loss{};
  for (int c = 0; c < classes; c++) sum += gradient[c] = exp_negative(out[c] - most);
  const V logarithm = most + log_of(sum), inverse = 1 / sum;
  const Real others = Real(program.a / classes), own = Real(1 - program.a);
  for (int c = 0; c < classes; c++) {
    const V target = (label == Real(c) ? V{} + own : V{}) + others;
    // A target of 0 counts nothing, even beside an output of minus infinity, as in torch.
    loss += target > 0 ? target * (logarithm - out[c]) : V{};
    gradient[c] = (gradient[c] * inverse - target) * present;
  }
  return loss;
}

template <class V>
inline V nll_loss(const Program& program, const V* out, V label, V present, V* gradient) {
  V loss{};
  for (int c = 0; c < program.outputs; c++) {
    const auto own = label == Scalar<V>(c);
    loss += own ? -out[c] : V{};
    gradient[c] = own ? -present : V{};
  }
  return loss;
}

// The mean over the outputs; `gradient` holds their targets.
template <class V>
inline V mean_error(const Program& program, const V* out, V present, V* gradient) {
  const Scalar<V> each = Scalar<V>(1.0 / program.outputs);
  const V part = present * each;
  V loss{};
  with_error(program, [&](auto f) {
    for (int c = 0; c < program.outputs; c++) {
      const Error<V> error = f.of(out[c], gradient[c], c);
      loss += error.value * each;
      gradient[c] = error.slope * part;
    }
  });
  return loss;
}

// How many images have their largest output, the first of equal ones, at their label.
template <class V>
inline int64_t count_correct(const Program& program, const V* out, V label, int images) {
  V most = out[0], best{};
  for (int c = 1; c < program.outputs; c++) {
    const auto larger = out[c] > most;
    most = larger ? out[c] : most;
    best = larger ? V{} + Scalar<V>(c) : best;
  }
  int64_t correct = 0;
  for (int i = 0; i < images; i++) correct += best[i] == label[i];
  return correct;
}

// For the `images` images from `first` of the batch on; lanes beyond them get no gradient. `share` is 1 / batch size, or
// 1 / the sum of the batch's weights where classes have some.
template <class V>
inline void add_loss(const Program& program, const V* out, const Batch& batch, int64_t first, int images, double share,
                     V* gradient, Score& score) {
  using Real = Scalar<V>;
  constexpr int n = int(sizeof(V) / sizeof(Real));
  V label{}, present{}, loss{};
  for (int i = 0; i < images; i++) {
    if (batch.labels) label[i] = Real(batch.labels[first + i]);  // exact: planner.py refuses more than a float can count
    present[i] = Real(batch.weights ? share * batch.weights[first + i] : share);
  }
  if (batch.labels) score.correct += count_correct(program, out, label, images);
  if (program.loss == focal) {
    loss = focal_loss(program, out, label, present, gradient);
  } else if (program.loss == cross_entropy && program.weights) {
    V own{};
    for (int i = 0; i < images; i++) own[i] = Real(program.weights[batch.labels[first + i]]);
    loss = weighted_cross_entropy(program, out, label, own, present, gradient);
  } else if (program.loss == cross_entropy) {
    loss = cross_entropy_loss(program, out, label, present, gradient);
  } else if (program.loss == nll) {
    loss = nll_loss(program, out, label, present, gradient);
  } else {
    if (batch.labels) {  // a class is 1 for its own output and 0 for the others
      for (int c = 0; c < program.outputs; c++) gradient[c] = label == Real(c) ? V{} + 1 : V{};
    } else {
      const Real* targets = static_cast<const Real*>(batch.targets) + first * program.outputs;
      for (int c = 0; c < program.outputs; c++)
        for (int i = 0; i < n; i++) gradient[c][i] = targets[int64_t(std::min(i, images - 1)) * program.outputs + c];
    }
    loss = mean_error(program, out, present, gradient);
  }
  for (int i = 0; i < images; i++)
    score.loss += batch.weights ? batch.weights[first + i] * double(loss[i]) : double(loss[i]);
}

}  // namespace archsearch
