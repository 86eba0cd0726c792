// What the planner hands over: a list of operations on one buffer per thread. program.py and library.py hold the same.
#pragma once

#include <cstdint>

namespace archsearch {

enum Kind : int32_t {
  convolution, pad, max_pool, average_pool, adaptive_pool, activation, softmax, log_softmax, add, batch_norm, dropout,
  dropout_channels, layer_norm, group_norm, join
};

enum Function : int32_t {
  tanh_, relu, leaky_relu, elu, selu, gelu, gelu_tanh, silu, mish, hardtanh, sigmoid, softplus
};

enum Loss : int32_t {
  cross_entropy, nll, focal, mse, l1, huber, smooth_l1, quantile, poisson_nll, bce, binary_focal
};

// Offsets count vectors from the start of a thread's buffer, those from `Program::vectors` on from the start of what is
// kept of a group of images from one pass to the next; -1 where there is nothing. `accumulate` says that the gradient of
// the input has another part already and is added to, not written. `number` counts batch norms and dropouts, each from 0
// on; `again` says that the output is computed once more on the way back instead of being kept. `function` of a batch
// norm is the activation behind it, -1 for none; `between` is the gradient at its normalised values. The `number` of a join
// is where in the output its input begins.
struct Operation {
  int32_t kind, function;
  int64_t input, output, input_gradient, output_gradient, scratch;
  int32_t channels, height, width, out_channels, out_height, out_width;
  int32_t kernel[2], stride[2], padding[2], dilation[2];
  int32_t groups, accumulate, accumulate_other, weight, bias, number, again;
  int64_t other, other_gradient;  // add: the second summand and its gradient
  int64_t between;
  double a, b;
  double eps, momentum, drop;
};

struct Program {
  const Operation* operations;
  int32_t count, parameters;
  const int64_t* sizes;  // of each parameter
  int64_t vectors, kept;  // the length of a thread's buffer, and of what is kept of each group
  int64_t input, input_size, output, output_gradient;
  int32_t outputs, loss;
  double a, b;            // of the loss: smoothing, gamma, delta, beta or quantile; alpha of a binary focal loss
  const double* weights;  // of the loss: what each class or label counts; nullptr where all count alike
};

}  // namespace archsearch
