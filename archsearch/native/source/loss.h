// The losses on one group: summed loss, number correct, and the gradient of the mean over the whole batch.
#pragma once

#include <cmath>
#include <limits>

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
  const int classes = program.classes;
  const V most = largest(out, classes, 1);
  V sum{}, loss{}, targets{};
  for (int c = 0; c < classes; c++) sum += gradient[c] = exp_negative(out[c] - most);
  const V logarithm = most + log_of(sum), inverse = 1 / sum;
  const auto target = [&](int c) {
    const V smooth = broadcast<V>(Real(program.smoothing / classes * program.class_weights[c]));
    return (label == Real(c) ? own * Real(1 - program.smoothing) : V{}) + smooth;
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
  const int classes = program.classes;
  const V most = largest(out, classes, 1);
  V sum{}, wanted{};
  for (int c = 0; c < classes; c++) {
    sum += gradient[c] = exp_negative(out[c] - most);
    wanted = label == Real(c) ? out[c] : wanted;
  }
  const V loss = most + log_of(sum) - wanted, inverse = 1 / sum;
  const Real gamma = Real(program.gamma), tiny = std::numeric_limits<Real>::min();
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

// `labels` are those of the group's `images` images; lanes beyond them get no gradient. `share` is 1 / batch size, or 1 /
// the sum of the batch's weights where classes have some.
template <class V>
inline void add_loss(const Program& program, const V* out, const int64_t* labels, int images, double share, V* gradient,
                     Score& score) {
  using Real = Scalar<V>;
  constexpr int n = int(sizeof(V) / sizeof(Real));
  const int classes = program.classes;
  V label{}, present{}, loss{};
  for (int i = 0; i < images; i++) {
    label[i] = Real(labels[i]);  // exact: planner.py refuses more classes than a float can count
    present[i] = Real(share);
  }
  V most = out[0], best{};
  for (int c = 1; c < classes; c++) {
    const auto larger = out[c] > most;
    most = larger ? out[c] : most;
    best = larger ? V{} + Real(c) : best;
  }
  if (program.loss == focal) {
    loss = focal_loss(program, out, label, present, gradient);
  } else if (program.loss == cross_entropy && program.class_weights) {
    V own{};
    for (int i = 0; i < images; i++) own[i] = Real(program.class_weights[labels[i]]);
    loss = weighted_cross_entropy(program, out, label, own, present, gradient);
  } else if (program.loss == cross_entropy) {
    most = largest(out, classes, 1);
    V sum{};
    for (int c = 0; c < classes; c++) sum += gradient[c] = exp_negative(out[c] - most);
    const V logarithm = most + log_of(sum), inverse = 1 / sum;
    const Real others = Real(program.smoothing / classes), own = Real(1 - program.smoothing);
    for (int c = 0; c < classes; c++) {
      const V target = (label == Real(c) ? V{} + own : V{}) + others;
      // A target of 0 counts nothing, even beside an output of minus infinity, as in torch.
      loss += target > 0 ? target * (logarithm - out[c]) : V{};
      gradient[c] = (gradient[c] * inverse - target) * present;
    }
  } else {
    const V part = program.loss == nll ? present : present * Real(1.0 / classes);
    for (int c = 0; c < classes; c++) {
      const auto own = label == Real(c);
      const V away = out[c] - (own ? V{} + 1 : V{});
      if (program.loss == nll) {
        loss += own ? -out[c] : V{};
        gradient[c] = own ? -part : V{};
      } else if (program.loss == mse) {
        loss += away * away * Real(1.0 / classes);
        gradient[c] = 2 * away * part;
      } else {
        loss += absolute(away) * Real(1.0 / classes);
        gradient[c] = away > 0 ? part : (away < 0 ? -part : V{});
      }
    }
  }
  for (int i = 0; i < images; i++) {
    score.loss += double(loss[i]);
    score.correct += best[i] == label[i];
  }
  static_assert(n > 0);
}

}  // namespace archsearch
