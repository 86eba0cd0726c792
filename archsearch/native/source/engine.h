// Runs a program: every thread takes its groups of images, one after the other, forward and backward through the whole
// network in its own buffer, and adds to its own weight gradients; those are added up thread by thread. So the order of
// every sum depends on the batch and the number of threads only.
//
// A batch norm needs the whole batch between two layers. It cuts the network into passes: forward up to the first batch
// norm for all groups, up to the second for all groups, ..., the last one forward and backward, and back again. What one
// pass leaves for another is kept for each group; all else lives in the thread's buffer.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include "activation.h"
#include "batch.h"
#include "batch_norm.h"
#include "convolution.h"
#include "copying.h"
#include "crew.h"
#include "dropout.h"
#include "loss.h"
#include "pooling.h"
#include "sample_norm.h"
#include "softmax.h"

namespace archsearch {

template <class Real>
class Engine {
 public:
  using V = Vector<Real>;
  static constexpr int group = lanes<Real>;

  Engine(const Program& program, int threads)
      : program_(program), operations_(program.operations, program.operations + program.count),
        sizes_(program.sizes, program.sizes + program.parameters), crew_(threads) {
    program_.operations = operations_.data();
    program_.sizes = sizes_.data();
    if (program.weights) {
      weights_.assign(program.weights, program.weights + program.outputs);
      program_.weights = weights_.data();
    }
    std::vector<int64_t> room(program.parameters);
    for (int i = 0; i < program.parameters; i++) room[i] = program.sizes[i];
    for (int i = 0; i < program.count; i++) {
      const Operation& op = operations_[i];
      layers_.emplace_back();
      if (op.kind == convolution) {
        auto layer = std::make_unique<Convolution<Real>>(op);
        room[op.weight] = layer->gradient_size();
        layers_.back() = std::move(layer);
      } else if (op.kind == max_pool || op.kind == average_pool || op.kind == adaptive_pool) {
        layers_.back() = std::make_unique<Pooling<Real>>(op);
      } else if (op.kind == batch_norm) {
        layers_.back() = std::make_unique<BatchNorm<Real>>(op);
        if (op.weight >= 0) room[op.weight] = room[op.bias] = 0;  // they come from the sums over the groups
        ends_.push_back(i);
      }
    }
    ends_.push_back(program.count);
    int64_t vectors = 0;
    for (int64_t size : room) {
      gradient_at_.push_back(vectors);
      vectors += (size + group - 1) / group;
    }
    for (int t = 0; t < threads; t++) {
      buffers_.emplace_back(program.vectors);
      gradients_.emplace_back(vectors);
    }
  }

  void train(const Batch& batch, const State<Real>& state, Real* const* gradients, Score& score) {
    make_room(groups_of(batch));
    begin_batch(state.weights, true);
    const int threads = crew_.size(), last = passes() - 1;
    std::vector<Score> scores(threads);
    const double share = 1 / counted(batch);
    for (int pass = 0; pass < last; pass++) {
      each_group(batch, [&](int, const Group& images) {
        forward(batch, pass, images, state.weights, true);
        const Operation& op = operations_[ends_[pass]];
        norm_at(ends_[pass]).collect(at(images, op.input), images.number, images.count);
      });
      merge(batch, pass, state);
    }
    each_group(batch, [&](int thread, const Group& images) {
      forward(batch, last, images, state.weights, true);
      const V* outputs = at(images, program_.output);
      if (batch.outputs) write(outputs, images, static_cast<Real*>(batch.outputs));
      add_loss(program_, outputs, batch, images.first, images.count, share, at(images, program_.output_gradient),
               scores[thread]);
      backward(batch, last, images, state.weights, thread);
    });
    for (const Score& part : scores) {
      score.loss += weigh_classes() ? part.loss * share * double(batch.size) : part.loss;
      score.correct += part.correct;
    }
    for (int pass = last - 1; pass >= 0; pass--) {
      merge_back(batch, pass, gradients);
      each_group(batch, [&](int thread, const Group& images) {
        for (int i = begin(pass); i < ends_[pass]; i++)
          if (operations_[i].again) forward_one(batch, i, images, state.weights, true);
        backward_norm(ends_[pass], images);
        backward(batch, pass, images, state.weights, thread);
      });
    }
    crew_.run([&](int thread) { collect(gradients, thread); });
  }

  void evaluate(const Batch& batch, const State<Real>& state, Real* outputs) {
    make_room(crew_.size());
    begin_batch(state.weights, false);
    for (int i : ends_)
      if (i < program_.count) {
        const Operation& op = operations_[i];
        norm_at(i).use_running(weight_of(op, state.weights), bias_of(op, state.weights), state.running[2 * op.number],
                               state.running[2 * op.number + 1]);
      }
    each_group(batch, [&](int thread, Group images) {
      images.kept = kept_of(thread);
      for (int pass = 0; pass < passes(); pass++) forward(batch, pass, images, state.weights, false);
      write(at(images, program_.output), images, outputs);
    });
  }

 private:
  using Layer = std::variant<std::monostate, std::unique_ptr<Convolution<Real>>, std::unique_ptr<Pooling<Real>>,
                             std::unique_ptr<BatchNorm<Real>>>;

  // `count` images from `first` on, which lie in the first lanes; and where their values are.
  struct Group {
    int64_t number, first;
    int count;
    V *buffer, *kept;
  };

  Program program_;
  std::vector<Operation> operations_;
  std::vector<int64_t> sizes_;
  std::vector<double> weights_;  // of the loss
  std::vector<Layer> layers_;
  std::vector<int> ends_;             // of each pass: the batch norm with which the next one begins, at last the end
  std::vector<int64_t> gradient_at_;  // of each parameter, in vectors
  std::vector<Memory<V>> buffers_, gradients_;
  std::unique_ptr<Memory<V>> kept_;
  int64_t kept_groups_ = 0;
  Crew crew_;

  Convolution<Real>& convolution_at(int i) { return *std::get<1>(layers_[i]); }
  const Pooling<Real>& pooling_at(int i) { return *std::get<2>(layers_[i]); }
  BatchNorm<Real>& norm_at(int i) { return *std::get<3>(layers_[i]); }

  int passes() const { return int(ends_.size()); }
  int begin(int pass) const { return pass ? ends_[pass - 1] : 0; }

  static int64_t groups_of(const Batch& batch) { return (batch.size + group - 1) / group; }
  V* kept_of(int64_t number) const { return kept_ ? kept_->get() + number * program_.kept : nullptr; }

  V* at(const Group& images, int64_t offset) const {
    return offset < program_.vectors ? images.buffer + offset : images.kept + (offset - program_.vectors);
  }

  static const Real* weight_of(const Operation& op, const Real* const* weights) {
    return op.weight >= 0 ? weights[op.weight] : nullptr;
  }
  static const Real* bias_of(const Operation& op, const Real* const* weights) {
    return op.bias >= 0 ? weights[op.bias] : nullptr;
  }

  void make_room(int64_t groups) {
    if (groups <= kept_groups_) return;
    if (program_.kept) {
      kept_.reset();
      kept_groups_ = 0;
      kept_ = std::make_unique<Memory<V>>(groups * program_.kept);
    }
    for (int i : ends_)
      if (i < program_.count) norm_at(i).room(groups);
    kept_groups_ = groups;
  }

  bool weigh_classes() const { return program_.loss == cross_entropy && program_.weights; }

  // How many images the mean is over: each counts what its class does.
  double counted(const Batch& batch) const {
    if (!weigh_classes()) return double(batch.size);
    double sum = 0;
    for (int64_t i = 0; i < batch.size; i++) sum += program_.weights[batch.labels[i]];
    return sum;
  }

  // Before a batch: weights in the order of the tiles, and the threads' gradients of them 0.
  void begin_batch(const Real* const* weights, bool training) {
    crew_.run([&](int thread) {
      if (training) gradients_[thread].clear();
      for (int i = 0; i < program_.count; i++)
        if (operations_[i].kind == convolution)
          convolution_at(i).pack(weights[operations_[i].weight], thread, crew_.size());
    });
  }

  // Thread t of T takes groups t G / T to (t + 1) G / T, in order.
  template <class F>
  void each_group(const Batch& batch, F&& f) {
    const int64_t groups = groups_of(batch);
    crew_.run([&](int thread) {
      for (int64_t g = groups * thread / crew_.size(); g < groups * (thread + 1) / crew_.size(); g++)
        f(thread, Group{g, g * group, int(std::min<int64_t>(group, batch.size - g * group)), buffers_[thread].get(),
                        kept_of(g)});
    });
  }

  // Calls f(part, parts) so that all parts are done: by all threads where there is enough to do for it.
  template <class F>
  void share(int64_t work, F&& f) {
    if (work < 20000 || crew_.size() == 1)
      f(0, 1);
    else
      crew_.run([&](int thread) { f(thread, crew_.size()); });
  }

  void merge(const Batch& batch, int pass, const State<Real>& state) {
    const Operation& op = operations_[ends_[pass]];
    share(groups_of(batch) * op.channels, [&](int part, int parts) {
      norm_at(ends_[pass])
          .merge(batch.size, weight_of(op, state.weights), bias_of(op, state.weights), state.running[2 * op.number],
                 state.running[2 * op.number + 1], part, parts);
    });
  }

  void merge_back(const Batch& batch, int pass, Real* const* gradients) {
    const Operation& op = operations_[ends_[pass]];
    if (op.output_gradient < 0) return;
    share(groups_of(batch) * op.channels, [&](int part, int parts) {
      norm_at(ends_[pass])
          .merge_back(batch.size, op.weight >= 0 ? gradients[op.weight] : nullptr,
                      op.bias >= 0 ? gradients[op.bias] : nullptr, part, parts);
    });
  }

  void read(const Batch& batch, const Group& images) {
    V* input = at(images, program_.input);
    if (batch.bytes)
      read_images(static_cast<const uint8_t*>(batch.x), batch.rows + images.first, images.count, program_.input_size,
                  input, [](uint8_t value) { return Real(value) / Real(255); });  // as torch: x.float().div_(255)
    else
      read_images(static_cast<const Real*>(batch.x), batch.rows + images.first, images.count, program_.input_size,
                  input, [](Real value) { return value; });
  }

  void write(const V* values, const Group& images, Real* outputs) const {
    write_outputs(values, images.count, program_.outputs, outputs + images.first * program_.outputs);
  }

  void forward(const Batch& batch, int pass, const Group& images, const Real* const* weights, bool training) {
    if (pass == 0) read(batch, images);
    for (int i = begin(pass); i < ends_[pass]; i++) forward_one(batch, i, images, weights, training);
  }

  void forward_one(const Batch& batch, int i, const Group& images, const Real* const* weights, bool training) {
    const Operation& op = operations_[i];
    const V* in = at(images, op.input);
    V* out = at(images, op.output);
    switch (op.kind) {
      case convolution: convolution_at(i).forward(in, bias_of(op, weights), out); break;
      case pad: pad_forward(op, in, out); break;
      case max_pool:
      case average_pool:
      case adaptive_pool: pooling_at(i).forward(in, out); break;
      case activation: activation_forward(op, in, out); break;
      case softmax: softmax_forward(op, in, out); break;
      case log_softmax: log_softmax_forward(op, in, out); break;
      case add: add_forward(in, at(images, op.other), input_size(op), out); break;
      case batch_norm: norm_at(i).forward(in, out); break;
      case layer_norm:
      case group_norm: sample_norm_forward(op, in, weight_of(op, weights), bias_of(op, weights), out); break;
      case join: std::copy(in, in + input_size(op), out + op.number); break;
      case dropout:
      case dropout_channels:
        if (training)
          drop(op, batch.key, images.first, in, out, false);
        else if (in != out)
          std::copy(in, in + input_size(op), out);
        break;
    }
  }

  void backward(const Batch& batch, int pass, const Group& images, const Real* const* weights, int thread) {
    for (int i = ends_[pass] - 1; i >= begin(pass); i--) backward_one(batch, i, images, weights, thread);
  }

  void backward_one(const Batch& batch, int i, const Group& images, const Real* const* weights, int thread) {
    const Operation& op = operations_[i];
    if (op.output_gradient < 0) return;  // nothing before it learns
    const V* in = at(images, op.input);
    const V* out = at(images, op.output);
    const V* gradient = at(images, op.output_gradient);
    V* to = op.input_gradient < 0 ? nullptr : at(images, op.input_gradient);
    const bool adds =
        op.kind == convolution || op.kind == max_pool || op.kind == average_pool || op.kind == adaptive_pool;
    if (to && adds && !op.accumulate) std::fill(to, to + input_size(op), V{});
    switch (op.kind) {
      case convolution: {
        const Convolution<Real>& layer = convolution_at(i);
        layer.weight_gradient(in, gradient, at(images, op.scratch), gradient_of(thread, op.weight));
        if (op.bias >= 0)
          layer.bias_gradient(gradient, op.out_channels, op.out_height * op.out_width, gradient_of(thread, op.bias));
        if (to) layer.backward(gradient, at(images, op.scratch), to);
        break;
      }
      case pad: pad_backward(op, gradient, to); break;
      case max_pool:
      case average_pool:
      case adaptive_pool: pooling_at(i).backward(in, out, gradient, to); break;
      case activation: activation_backward(op, in, out, gradient, to); break;
      case softmax: softmax_backward(op, out, gradient, to); break;
      case log_softmax: log_softmax_backward(op, out, gradient, to); break;
      case add:
        if (op.other_gradient >= 0)
          add_backward(gradient, input_size(op), op.accumulate_other, at(images, op.other_gradient));
        if (to && to != gradient) add_backward(gradient, input_size(op), op.accumulate, to);
        break;
      case batch_norm:  // the rest of its way back is `backward_norm`, once the sums of all groups are there
        norm_at(i).backward_sums(in, gradient, op.between < 0 ? nullptr : at(images, op.between), images.number,
                                 images.count);
        break;
      case dropout:
      case dropout_channels:
        if (to) drop(op, batch.key, images.first, gradient, to, op.accumulate);
        break;
      case layer_norm:
      case group_norm:
        sample_norm_backward(op, in, gradient, weight_of(op, weights), gradient_of(thread, op.weight),
                             gradient_of(thread, op.bias), to);
        break;
      case join:
        if (to) add_backward(gradient + op.number, input_size(op), op.accumulate, to);
        break;
    }
  }

  void backward_norm(int i, const Group& images) {
    const Operation& op = operations_[i];
    if (op.output_gradient >= 0 && op.input_gradient >= 0)
      norm_at(i).backward(at(images, op.input), at(images, op.between), at(images, op.input_gradient), op.accumulate,
                          images.count);
  }

  static int64_t input_size(const Operation& op) { return int64_t(op.channels) * op.height * op.width; }

  Real* gradient_of(int thread, int parameter) {
    if (parameter < 0) return nullptr;
    return reinterpret_cast<Real*>(gradients_[thread].get() + gradient_at_[parameter]);
  }

  void collect(Real* const* gradients, int thread) {
    const int threads = crew_.size();
    std::vector<const Real*> parts(threads);
    const auto parts_of = [&](int parameter) {
      for (int t = 0; t < threads; t++) parts[t] = gradient_of(t, parameter);
      return parts.data();
    };
    const auto add_up = [&](int parameter) {
      if (parameter < 0) return;
      const Real* const* own = parts_of(parameter);
      const int64_t size = program_.sizes[parameter];
      for (int64_t o = size * thread / threads; o < size * (thread + 1) / threads; o++) {
        gradients[parameter][o] = own[0][o];
        for (int t = 1; t < threads; t++) gradients[parameter][o] += own[t][o];
      }
    };
    for (int i = 0; i < program_.count; i++) {
      const Operation& op = operations_[i];
      if (op.kind == convolution) {
        convolution_at(i).collect(parts_of(op.weight), threads, gradients[op.weight], thread, threads);
        add_up(op.bias);
      } else if (op.kind == layer_norm || op.kind == group_norm) {
        add_up(op.weight);
        add_up(op.bias);
      }
    }
  }
};

}  // namespace archsearch
