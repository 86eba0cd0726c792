// Max, average and adaptive average pooling. The windows of each axis stand in tables, cut to the map, so stride, padding,
// dilation and ceil_mode cost nothing here. Whole windows of 2x2 and 3x3, nearly all there are, are unrolled.
#pragma once

#include <algorithm>
#include <limits>
#include <vector>

#include "lanes.h"
#include "program.h"

namespace archsearch {

template <class Real>
class Pooling {
 public:
  using V = Vector<Real>;

  explicit Pooling(const Operation& op) : op_(op), rows_(op, 0), columns_(op, 1) {
    same_ = op.kind != adaptive_pool && op.dilation[0] == 1 && op.dilation[1] == 1 && rows_.whole(op.kernel[0]) &&
            columns_.whole(op.kernel[1]) && op.kernel[0] == op.kernel[1];
  }

  void forward(const V* in, V* out) const {
    visit([&](auto window, int c, int y, int x, int64_t at) {
      const V* map = in + plane(c);
      if (op_.kind == max_pool) {
        V best = broadcast<V>(-std::numeric_limits<Real>::infinity());
        window([&](int64_t i) {
          const V value = map[i];
          best = ((value > best) | (value != value)) ? value : best;  // as torch: not a number wins
        });
        out[at] = best;
      } else {
        V sum{};
        window([&](int64_t i) { sum += map[i]; });
        out[at] = sum * share(y, x);
      }
    });
  }

  // Adds to the gradient of the input. The gradient of a maximum goes to the first of equal values, as in torch.
  void backward(const V* in, const V* out, const V* gradient, V* input_gradient) const {
    visit([&](auto window, int c, int y, int x, int64_t at) {
      V* to = input_gradient + plane(c);
      if (op_.kind == max_pool) {
        const V* map = in + plane(c);
        const V best = out[at];
        V left = gradient[at];
        window([&](int64_t i) {
          const auto here = map[i] == best;
          to[i] += here ? left : V{};
          left = here ? V{} : left;
        });
      } else {
        const V g = gradient[at] * share(y, x);
        window([&](int64_t i) { to[i] += g; });
      }
    });
  }

 private:
  // The windows along one axis: from, to (exclusive), how many places count in a mean, one window per output.
  struct Axis {
    std::vector<int> from, to, count;
    int step;

    Axis(const Operation& op, int axis) : step(op.kind == adaptive_pool ? 1 : op.dilation[axis]) {
      const int size = axis ? op.width : op.height, outputs = axis ? op.out_width : op.out_height;
      for (int i = 0; i < outputs; i++) {
        int first, last, padded;
        if (op.kind == adaptive_pool) {
          first = int(int64_t(i) * size / outputs);
          last = padded = int((int64_t(i + 1) * size + outputs - 1) / outputs);
        } else {
          first = i * op.stride[axis] - op.padding[axis];
          last = first + (op.kernel[axis] - 1) * step + 1;
          padded = std::min(last, size + op.padding[axis]);  // padding counts, what ceil_mode adds beyond it does not
        }
        count.push_back(padded - first);
        while (first < 0) first += step;
        from.push_back(first);
        to.push_back(std::min(last, size));
      }
    }

    bool whole(int kernel) const {
      for (size_t i = 0; i < from.size(); i++)
        if (to[i] - from[i] != kernel || count[i] != kernel) return false;
      return true;
    }
  };

  Operation op_;
  Axis rows_, columns_;
  bool same_ = false;

  int64_t plane(int c) const { return int64_t(c) * op_.height * op_.width; }
  Real share(int y, int x) const { return Real(1) / Real(rows_.count[y] * columns_.count[x]); }

  template <int K, class F>
  void visit_whole(F&& f) const {
    int64_t at = 0;
    for (int c = 0; c < op_.channels; c++)
      for (int y = 0; y < op_.out_height; y++)
        for (int x = 0; x < op_.out_width; x++, at++) {
          const int64_t start = int64_t(rows_.from[y]) * op_.width + columns_.from[x];
          const auto window = [&](auto visit) {
            for (int i = 0; i < K; i++)
              for (int j = 0; j < K; j++) visit(start + int64_t(i) * op_.width + j);
          };
          f(window, c, y, x, at);
        }
  }

  template <class F>
  void visit(F&& f) const {
    if (same_ && op_.kernel[0] == 2) return visit_whole<2>(f);
    if (same_ && op_.kernel[0] == 3) return visit_whole<3>(f);
    int64_t at = 0;
    for (int c = 0; c < op_.channels; c++)
      for (int y = 0; y < op_.out_height; y++)
        for (int x = 0; x < op_.out_width; x++, at++) {
          const auto window = [&](auto visit) {
            for (int i = rows_.from[y]; i < rows_.to[y]; i += rows_.step)
              for (int j = columns_.from[x]; j < columns_.to[x]; j += columns_.step) visit(int64_t(i) * op_.width + j);
          };
          f(window, c, y, x, at);
        }
  }
};

}  // namespace archsearch
