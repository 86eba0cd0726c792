// The activations, one struct each: `value` of x, and `slope` either of the value y (so that x need not be kept and the
// layer works in place) or, where that is not enough, of x. Adding one: a struct here, its name in program.h's Function,
// in `with_function` below and in program.py's table.
#pragma once

#include "functions.h"
#include "program.h"

namespace archsearch {

struct Same {
  static constexpr bool from_output = true;
  template <class V> V value(V x) const { return x; }
  template <class V> V slope(V) const { return V{} + 1; }
};

struct Tanh {
  static constexpr bool from_output = true;
  template <class V> V value(V x) const { return tanh_of(x); }
  template <class V> V slope(V y) const { return 1 - y * y; }
};

struct Relu {
  static constexpr bool from_output = true;
  template <class V> V value(V x) const { return x < 0 ? V{} : x; }
  template <class V> V slope(V y) const { return y > 0 ? V{} + 1 : V{}; }
};

// x above zero, else a * x. From x: a may be negative.
struct LeakyRelu {
  static constexpr bool from_output = false;
  double a;
  template <class V> V value(V x) const { return x > 0 ? x : x * Scalar<V>(a); }
  template <class V> V slope(V x) const { return x > 0 ? V{} + 1 : V{} + Scalar<V>(a); }
};

// scale * x above zero, else scale * a * (exp(x) - 1); SELU is one too.
struct Elu {
  static constexpr bool from_output = false;
  double a, scale;
  template <class V> V value(V x) const {
    const V below = x < 0 ? x : V{};
    return (x < 0 ? (expm1_negative(below)) * Scalar<V>(a) : x) * Scalar<V>(scale);
  }
  template <class V> V slope(V x) const {
    return (x > 0 ? V{} + 1 : exp_negative(x > 0 ? V{} : x) * Scalar<V>(a)) * Scalar<V>(scale);
  }
  // exp(x) - 1 without cancellation, through tanh: with t = tanh(x / 2) it is 2 t / (1 - t).
  template <class V> static V expm1_negative(V x) {
    if constexpr (std::is_same_v<Scalar<V>, double>) {
      return each_lane(x, [](double v) { return std::expm1(v); });
    } else {
      const V t = tanh_of(x * 0.5f);
      return x < -1.0f ? exp_negative(x) - 1.0f : 2.0f * t / (1.0f - t);
    }
  }
};

struct Gelu {
  static constexpr bool from_output = false;
  template <class V> V value(V x) const {
    const V z = x * Scalar<V>(0.70710678118654752440);
    return x * (Scalar<V>(0.5) * (1 + erf_of(z, exp_negative(-z * z))));
  }
  template <class V> V slope(V x) const {
    const V z = x * Scalar<V>(0.70710678118654752440), gauss = exp_negative(-z * z);
    return Scalar<V>(0.5) * (1 + erf_of(z, gauss)) + x * gauss * Scalar<V>(0.39894228040143267794);
  }
};

// 0.5 x (1 + tanh(u)) with u = c (x + k x^3), written as x * sigmoid(2 u), which keeps its digits far below zero.
struct GeluTanh {
  static constexpr bool from_output = false;
  static constexpr double c = 2 * 0.79788456080286535588, k = 0.044715;
  template <class V> V value(V x) const {
    return x * sigmoid_of(x * (1 + x * x * Scalar<V>(k)) * Scalar<V>(c));
  }
  template <class V> V slope(V x) const {
    const V s = sigmoid_of(x * (1 + x * x * Scalar<V>(k)) * Scalar<V>(c));
    return s + x * s * (1 - s) * (1 + x * x * Scalar<V>(3 * k)) * Scalar<V>(c);
  }
};

struct Silu {
  static constexpr bool from_output = false;
  template <class V> V value(V x) const { return x * sigmoid_of(x); }
  template <class V> V slope(V x) const {
    const V s = sigmoid_of(x);
    return s * (1 + x * (1 - s));
  }
};

// x * tanh(log(1 + exp(x))); the tanh is (e^2 + 2 e) / (e^2 + 2 e + 2) with e = exp(x), or, with e = exp(-x),
// (1 + 2 e) / (1 + 2 e + 2 e^2), which does not overflow.
struct Mish {
  static constexpr bool from_output = false;
  template <class V> static V inner(V x, V e) {
    const V up = x < 0 ? e * (e + 2) : 1 + 2 * e;
    return up / (up + (x < 0 ? V{} + 2 : 2 * e * e));
  }
  template <class V> V value(V x) const { return x * inner(x, exp_negative(-absolute(x))); }
  template <class V> V slope(V x) const {
    const V e = exp_negative(-absolute(x)), t = inner(x, e), s = (x < 0 ? e : V{} + 1) / (1 + e);
    return t + x * s * (1 - t * t);
  }
};

struct Hardtanh {
  static constexpr bool from_output = true;
  double low, high;
  template <class V> V value(V x) const {
    const V least = V{} + Scalar<V>(low), most = V{} + Scalar<V>(high);
    x = x < least ? least : x;
    return x > most ? most : x;
  }
  template <class V> V slope(V y) const { return ((y > Scalar<V>(low)) & (y < Scalar<V>(high))) ? V{} + 1 : V{}; }
};

struct Sigmoid {
  static constexpr bool from_output = true;
  template <class V> V value(V x) const { return sigmoid_of(x); }
  template <class V> V slope(V y) const { return y * (1 - y); }
};

struct Softplus {
  static constexpr bool from_output = false;
  double beta, threshold;
  template <class V> V value(V x) const {
    const V z = x * Scalar<V>(beta);
    return z > Scalar<V>(threshold) ? x : softplus_of(z) / Scalar<V>(beta);
  }
  template <class V> V slope(V x) const {
    const V z = x * Scalar<V>(beta);
    return z > Scalar<V>(threshold) ? V{} + 1 : sigmoid_of(z);
  }
};

template <class F>
inline void with_function(const Operation& op, F&& f) {
  if (op.function < 0) return f(Same{});
  switch (op.function) {
    case tanh_: return f(Tanh{});
    case relu: return f(Relu{});
    case leaky_relu: return f(LeakyRelu{op.a});
    case elu: return f(Elu{op.a, 1.0});
    case selu: return f(Elu{1.6732632423543772848170429916717, 1.0507009873554804934193349852946});
    case gelu: return f(Gelu{});
    case gelu_tanh: return f(GeluTanh{});
    case silu: return f(Silu{});
    case mish: return f(Mish{});
    case hardtanh: return f(Hardtanh{op.a, op.b});
    case sigmoid: return f(Sigmoid{});
    case softplus: return f(Softplus{op.a, op.b});
  }
}

template <class V>
inline void activation_forward(const Operation& op, const V* in, V* out) {
  const int64_t size = int64_t(op.channels) * op.height * op.width;
  with_function(op, [&](auto f) {
    for (int64_t i = 0; i < size; i++) out[i] = f.value(in[i]);
  });
}

template <class V>
inline void activation_backward(const Operation& op, const V* in, const V* out, const V* gradient, V* input_gradient) {
  const int64_t size = int64_t(op.channels) * op.height * op.width;
  with_function(op, [&](auto f) {
    const V* kept = decltype(f)::from_output ? out : in;
    if (op.accumulate)
      for (int64_t i = 0; i < size; i++) input_gradient[i] += gradient[i] * f.slope(kept[i]);
    else
      for (int64_t i = 0; i < size; i++) input_gradient[i] = gradient[i] * f.slope(kept[i]);
  });
}

}  // namespace archsearch
