// The losses on one group: summed loss, number correct, and the gradient of the mean over the whole batch.
#pragma once

#include "program.h"
#include "softmax.h"

namespace archsearch {

struct Score {
  double loss = 0;
  int64_t correct = 0;
};

// `labels` are those of the group's `images` images; lanes beyond them get no gradient. `share` is 1 / batch size.
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
  if (program.loss == cross_entropy) {
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
