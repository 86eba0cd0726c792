// Runs a program: every thread takes its groups of images, one after the other, forward and backward through the whole
// network in its own buffer, and adds to its own weight gradients; those are added up thread by thread. So the order of
// every sum depends on the batch and the number of threads only.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>
#include <variant>
#include <vector>

#include "activation.h"
#include "convolution.h"
#include "copying.h"
#include "crew.h"
#include "loss.h"
#include "pooling.h"
#include "softmax.h"

namespace archsearch {

// What a batch is read from: rows of x (bytes 0 to 255, meant as value / 255, or Reals), and their labels.
struct Batch {
  const void* x;
  int32_t bytes;
  const int64_t* rows;
  const int64_t* labels;
  int64_t size;
};

template <class V>
class Memory {
 public:
  explicit Memory(int64_t vectors)
      : size_(vectors), values_(static_cast<V*>(std::aligned_alloc(64, (vectors * sizeof(V) + 63) / 64 * 64 + 64))) {
    if (!values_) throw std::bad_alloc();
    std::fill(values_.get(), values_.get() + vectors, V{});
  }
  V* get() const { return values_.get(); }
  void clear() { std::fill(values_.get(), values_.get() + size_, V{}); }

 private:
  struct Free {
    void operator()(V* values) const { std::free(values); }
  };
  int64_t size_;
  std::unique_ptr<V, Free> values_;
};

template <class Real>
class Engine {
 public:
  using V = Vector<Real>;
  static constexpr int group = lanes<Real>;

  Engine(const Program& program, int threads)
      : program_(program), operations_(program.operations, program.operations + program.count), crew_(threads) {
    program_.operations = operations_.data();
    std::vector<int64_t> room(program.parameters);
    for (int i = 0; i < program.parameters; i++) room[i] = program.sizes[i];
    for (const Operation& op : operations_) {
      layers_.emplace_back();
      if (op.kind == convolution) {
        auto layer = std::make_unique<Convolution<Real>>(op);
        room[op.weight] = layer->gradient_size();
        layers_.back() = std::move(layer);
      } else if (op.kind == max_pool || op.kind == average_pool || op.kind == adaptive_pool) {
        layers_.back() = std::make_unique<Pooling<Real>>(op);
      }
    }
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

  void train(const Batch& batch, const Real* const* weights, Real* const* gradients, Score& score) {
    pack(weights);
    const int threads = crew_.size();
    std::vector<Score> scores(threads);
    crew_.run([&](int thread) {
      gradients_[thread].clear();
      V* buffer = buffers_[thread].get();
      each_group(batch, thread, [&](int64_t first, int images) {
        forward(batch, first, images, weights, buffer);
        add_loss(program_, buffer + program_.output, batch.labels + first, images, 1.0 / double(batch.size),
                 buffer + program_.output_gradient, scores[thread]);
        backward(buffer, thread);
      });
    });
    for (const Score& part : scores) {
      score.loss += part.loss;
      score.correct += part.correct;
    }
    crew_.run([&](int thread) { collect(gradients, thread); });
  }

  void evaluate(const Batch& batch, const Real* const* weights, Real* outputs) {
    pack(weights);
    crew_.run([&](int thread) {
      V* buffer = buffers_[thread].get();
      each_group(batch, thread, [&](int64_t first, int images) {
        forward(batch, first, images, weights, buffer);
        write_outputs(buffer + program_.output, images, program_.classes, outputs + first * program_.classes);
      });
    });
  }

 private:
  using Layer = std::variant<std::monostate, std::unique_ptr<Convolution<Real>>, std::unique_ptr<Pooling<Real>>>;

  Program program_;
  std::vector<Operation> operations_;
  std::vector<Layer> layers_;
  std::vector<int64_t> gradient_at_;  // of each parameter, in vectors
  std::vector<Memory<V>> buffers_, gradients_;
  Crew crew_;

  Convolution<Real>& convolution_at(int i) { return *std::get<1>(layers_[i]); }
  const Pooling<Real>& pooling_at(int i) { return *std::get<2>(layers_[i]); }

  void pack(const Real* const* weights) {
    crew_.run([&](int thread) {
      for (int i = 0; i < program_.count; i++)
        if (operations_[i].kind == convolution)
          convolution_at(i).pack(weights[operations_[i].weight], thread, crew_.size());
    });
  }

  // Thread t of T takes groups t G / T to (t + 1) G / T, in order.
  template <class F>
  void each_group(const Batch& batch, int thread, F&& f) {
    const int64_t groups = (batch.size + group - 1) / group;
    for (int64_t g = groups * thread / crew_.size(); g < groups * (thread + 1) / crew_.size(); g++)
      f(g * group, int(std::min<int64_t>(group, batch.size - g * group)));
  }

  void forward(const Batch& batch, int64_t first, int images, const Real* const* weights, V* buffer) {
    V* input = buffer + program_.input;
    if (batch.bytes)
      read_images(static_cast<const uint8_t*>(batch.x), batch.rows + first, images, program_.input_size, input,
                  [](uint8_t value) { return Real(value) / Real(255); });  // as torch does: x.float().div_(255)
    else
      read_images(static_cast<const Real*>(batch.x), batch.rows + first, images, program_.input_size, input,
                  [](Real value) { return value; });
    for (int i = 0; i < program_.count; i++) {
      const Operation& op = operations_[i];
      const V* in = buffer + op.input;
      V* out = buffer + op.output;
      switch (op.kind) {
        case convolution: convolution_at(i).forward(in, op.bias >= 0 ? weights[op.bias] : nullptr, out); break;
        case pad: pad_forward(op, in, out); break;
        case max_pool:
        case average_pool:
        case adaptive_pool: pooling_at(i).forward(in, out); break;
        case activation: activation_forward(op, in, out); break;
        case softmax: softmax_forward(op, in, out); break;
        case log_softmax: log_softmax_forward(op, in, out); break;
        case add:
          for (int64_t k = 0; k < input_size(op); k++) out[k] = in[k] + buffer[op.other + k];
          break;
      }
    }
  }

  void backward(V* buffer, int thread) {
    for (int i = program_.count - 1; i >= 0; i--) {
      const Operation& op = operations_[i];
      if (op.output_gradient < 0) continue;  // nothing before it learns
      const V* in = buffer + op.input;
      const V* out = buffer + op.output;
      const V* gradient = buffer + op.output_gradient;
      V* to = op.input_gradient < 0 ? nullptr : buffer + op.input_gradient;
      const bool adds = op.kind == convolution || op.kind == max_pool || op.kind == average_pool ||
                        op.kind == adaptive_pool;
      if (to && adds && !op.accumulate) std::fill(to, to + input_size(op), V{});
      switch (op.kind) {
        case convolution: {
          const Convolution<Real>& layer = convolution_at(i);
          layer.weight_gradient(in, gradient, buffer + op.scratch, gradient_of(thread, op.weight));
          if (op.bias >= 0)
            layer.bias_gradient(gradient, op.out_channels, op.out_height * op.out_width, gradient_of(thread, op.bias));
          if (to) layer.backward(gradient, to);
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
            add_backward(gradient, input_size(op), op.accumulate_other, buffer + op.other_gradient);
          if (to && to != gradient) add_backward(gradient, input_size(op), op.accumulate, to);
          break;
      }
    }
  }

  static int64_t input_size(const Operation& op) { return int64_t(op.channels) * op.height * op.width; }

  Real* gradient_of(int thread, int parameter) {
    return reinterpret_cast<Real*>(gradients_[thread].get() + gradient_at_[parameter]);
  }

  void collect(Real* const* gradients, int thread) {
    const int threads = crew_.size();
    std::vector<const Real*> parts(threads);
    const auto parts_of = [&](int parameter) {
      for (int t = 0; t < threads; t++) parts[t] = gradient_of(t, parameter);
      return parts.data();
    };
    for (int i = 0; i < program_.count; i++) {
      const Operation& op = operations_[i];
      if (op.kind != convolution) continue;
      convolution_at(i).collect(parts_of(op.weight), threads, gradients[op.weight], thread, threads);
      if (op.bias < 0 || thread != 0) continue;
      const Real* const* bias = parts_of(op.bias);
      for (int o = 0; o < op.out_channels; o++) {
        gradients[op.bias][o] = bias[0][o];
        for (int t = 1; t < threads; t++) gradients[op.bias][o] += bias[t][o];
      }
    }
  }
};

}  // namespace archsearch
