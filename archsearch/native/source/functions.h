// exp, tanh, log(1 + x) and erf on vectors. Errors were measured against double over the whole range (tests/native):
// exp 2 ulp for x <= 0, tanh 5 ulp, log1p on [0, 1] 3 ulp, erf 2e-7 absolute. Not-a-number stays not a number: a run that
// diverges must be seen to. In double they are the library's, lane by lane: that build is for tests.
#pragma once

#include <cmath>

#include "lanes.h"

namespace archsearch {

template <class V>
inline V absolute(V x) {
  return x < 0 ? -x : x;
}

template <class V, class F>
inline V each_lane(V x, F f) {
  V y{};
  for (int i = 0; i < int(sizeof(V) / sizeof(Scalar<V>)); i++) y[i] = f(x[i]);
  return y;
}

// exp(x) for x <= 0 (above 88 it is wrong): 2^n * exp(r), |r| <= ln(2) / 2, by the polynomial of Cephes' expf.
template <class V>
inline V exp_negative(V x) {
  if constexpr (std::is_same_v<Scalar<V>, double>) {
    return each_lane(x, [](double v) { return std::exp(v); });
  } else {
    x = x < -87.0f ? broadcast<V>(-87.0f) : x;
    const V shift = broadcast<V>(12582912.0f);  // 1.5 * 2^23: adding it rounds to a whole number, kept in the low bits
    const V shifted = x * 1.44269504088896341f + shift;
    const V n = shifted - shift;
    const V r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
    V y = broadcast<V>(1.9875691500e-4f);
    y = y * r + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * (r * r) + r + 1.0f;
    Mask<V> bits;
    static_assert(sizeof bits == sizeof shifted);
    __builtin_memcpy(&bits, &shifted, sizeof bits);
    bits = (bits << 23) + (127 << 23);  // the shift's own bits fall out at the top
    V scale;
    __builtin_memcpy(&scale, &bits, sizeof scale);
    return y * scale;
  }
}

// tanh(x) as an odd over an even polynomial, x cut off where the result is 1 in float (the coefficients are Eigen's).
template <class V>
inline V tanh_of(V x) {
  if constexpr (std::is_same_v<Scalar<V>, double>) {
    return each_lane(x, [](double v) { return std::tanh(v); });
  } else {
    const V limit = broadcast<V>(7.90531110763549805f);
    x = x > limit ? limit : x;
    x = x < -limit ? -limit : x;
    const V s = x * x;
    V p = s * -2.76076847742355e-16f + 2.00018790482477e-13f;
    p = p * s + -8.60467152213735e-11f;
    p = p * s + 5.12229709037114e-08f;
    p = p * s + 1.48572235717979e-05f;
    p = p * s + 6.37261928875436e-04f;
    p = p * s + 4.89352455891786e-03f;
    V q = s * 1.19825839466702e-06f + 1.18534705686654e-04f;
    q = q * s + 2.26843463243900e-03f;
    q = q * s + 4.89352518554385e-03f;
    return x * p / q;
  }
}

// log(1 + x) for 0 <= x <= 1, as 2 atanh(x / (2 + x)): the odd series in s <= 1/3, cut off below 1e-9.
template <class V>
inline V log1p_of(V x) {
  if constexpr (std::is_same_v<Scalar<V>, double>) {
    return each_lane(x, [](double v) { return std::log1p(v); });
  } else {
    const V s = x / (x + 2.0f), t = s * s;
    V y = t * (2.0f / 17) + 2.0f / 15;
    y = y * t + 2.0f / 13;
    y = y * t + 2.0f / 11;
    y = y * t + 2.0f / 9;
    y = y * t + 2.0f / 7;
    y = y * t + 2.0f / 5;
    y = y * t + 2.0f / 3;
    return s * (y * t + 2.0f);
  }
}

// erf(x), Abramowitz & Stegun 7.1.26; `gauss` is exp(-x * x), which callers need anyway.
template <class V>
inline V erf_of(V x, V gauss) {
  if constexpr (std::is_same_v<Scalar<V>, double>) {
    return each_lane(x, [](double v) { return std::erf(v); });
  } else {
    const V t = 1.0f / (absolute(x) * 0.3275911f + 1.0f);
    V y = t * 1.061405429f - 1.453152027f;
    y = y * t + 1.421413741f;
    y = y * t - 0.284496736f;
    y = y * t + 0.254829592f;
    const V e = 1.0f - y * t * gauss;
    return x < 0 ? -e : e;
  }
}

template <class V>
inline V sigmoid_of(V x) {
  const V e = exp_negative(-absolute(x));  // of the negative side, so that nothing overflows
  const V y = 1 / (e + 1);
  return x < 0 ? e * y : y;
}

// log(1 + exp(x)), by the larger of 0 and x.
template <class V>
inline V softplus_of(V x) {
  return (x < 0 ? V{} : x) + log1p_of(exp_negative(-absolute(x)));
}

}  // namespace archsearch
