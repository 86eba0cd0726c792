// Convolution and linear layers: three sums over the same table of taps and pixels.
//
//   out[o][p]           = bias[o] + sum over j     of w[o][j] * in[tap[j] + pixel[p]]
//   d in[tap[j] + pixel[p]]      += sum over o     of w[o][j] * g[o][p]
//   d w[o][j]           = sum over p and images    of g[o][p] * in[tap[j] + pixel[p]]
//
// j runs over (input channel, kernel row, kernel column), as torch lays a weight out; p over output pixels. Stride and
// dilation live in the two tables, padding is copied beforehand (padding.h), and a linear layer is a convolution with
// one pixel whose taps are its inputs. No product with a zero outside the map is ever computed.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "lanes.h"
#include "program.h"

namespace archsearch {

// out[OB][XB] in registers. AVX-512 and NEON: 6 x 4 = 24 accumulators + 4 inputs + 1 weight = 29 of 32 registers,
// (4 + 6) / 24 = 0.42 loads per FMA. AVX2: 4 x 3 = 12 + 3 + 1 = 16 of 16, (3 + 4) / 12 = 0.58. Without FMA 4 x 2.
template <int OB, int XB, class V>
inline void forward_tile(const V* in, const int32_t* tap, int taps, const int32_t* pixel, const Scalar<V>* w,
                         const Scalar<V>* bias, V* out, int pixels) {
  V sum[OB][XB];
#pragma GCC unroll 32
  for (int o = 0; o < OB; o++)
#pragma GCC unroll 32
    for (int b = 0; b < XB; b++) sum[o][b] = broadcast<V>(bias ? bias[o] : 0);
  const V* base[XB];
#pragma GCC unroll 32
  for (int b = 0; b < XB; b++) base[b] = in + pixel[b];
  for (int j = 0; j < taps; j++, w += OB) {
    V value[XB];
#pragma GCC unroll 32
    for (int b = 0; b < XB; b++) value[b] = base[b][tap[j]];
#pragma GCC unroll 32
    for (int o = 0; o < OB; o++) {
      const V weight = broadcast<V>(w[o]);
#pragma GCC unroll 32
      for (int b = 0; b < XB; b++) sum[o][b] += weight * value[b];
    }
  }
#pragma GCC unroll 32
  for (int o = 0; o < OB; o++)
#pragma GCC unroll 32
    for (int b = 0; b < XB; b++) out[int64_t(o) * pixels + b] = sum[o][b];
}

// JB taps x XB pixels of the input's gradient, summed over the outputs in registers, then added where they belong; the
// same registers and loads as forward_tile.
template <int JB, int XB, class V>
inline void backward_tile(const V* gradient, int outputs, int pixels, const Scalar<V>* w, const int32_t* tap,
                          const int32_t* pixel, V* input_gradient) {
  V sum[JB][XB];
#pragma GCC unroll 32
  for (int i = 0; i < JB * XB; i++) sum[i / XB][i % XB] = V{};
  for (int o = 0; o < outputs; o++, w += JB, gradient += pixels) {
    V value[XB];
#pragma GCC unroll 32
    for (int b = 0; b < XB; b++) value[b] = gradient[b];
#pragma GCC unroll 32
    for (int j = 0; j < JB; j++) {
      const V weight = broadcast<V>(w[j]);
#pragma GCC unroll 32
      for (int b = 0; b < XB; b++) sum[j][b] += weight * value[b];
    }
  }
#pragma GCC unroll 32
  for (int j = 0; j < JB; j++)
#pragma GCC unroll 32
    for (int b = 0; b < XB; b++) input_gradient[tap[j] + pixel[b]] += sum[j][b];
}

// OB outputs x JB taps of the weight's gradient, summed over pixels in registers, over the lanes at the end. AVX-512 and
// NEON: 5 x 5 = 25 accumulators + 5 inputs + 1 gradient = 31 registers, 10 / 25 = 0.4 loads per FMA. AVX2: 4 x 3 + 3 + 1,
// or 3 x 4 + 3 + 1: the fewer of both are held, the others come one by one, or a register is too few (half the rate).
// A function of its own, so that the compiler gives it all registers: inlined, some tiles spill (three quarters).
template <int OB, int JB, class V>
__attribute__((noinline)) void weight_tile(const V* in, const V* gradient, int pixels, int from, int to, const int32_t* tap, int taps,
                        const int32_t* pixel, Scalar<V>* dw) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
  V sum[OB * JB];
#pragma GCC unroll 32
  for (int i = 0; i < OB * JB; i++) sum[i] = V{};
  const V* base[JB];
#pragma GCC unroll 32
  for (int j = 0; j < JB; j++) base[j] = in + tap[j];
  for (int p = from; p < to; p++) {
    if constexpr (OB >= JB) {
      V value[JB];
#pragma GCC unroll 32
      for (int j = 0; j < JB; j++) value[j] = base[j][pixel[p]];
#pragma GCC unroll 32
      for (int o = 0; o < OB; o++) {
        const V g = gradient[int64_t(o) * pixels + p];
#pragma GCC unroll 32
        for (int j = 0; j < JB; j++) sum[o * JB + j] += g * value[j];
      }
    } else {
      V g[OB];
#pragma GCC unroll 32
      for (int o = 0; o < OB; o++) g[o] = gradient[int64_t(o) * pixels + p];
#pragma GCC unroll 32
      for (int j = 0; j < JB; j++) {
        const V value = base[j][pixel[p]];
#pragma GCC unroll 32
        for (int o = 0; o < OB; o++) sum[o * JB + j] += g[o] * value;
      }
    }
  }
  V sums[(OB * JB + n - 1) / n];
  sum_lanes<OB * JB>(sum, sums);
#pragma GCC unroll 32
  for (int o = 0; o < OB; o++)
#pragma GCC unroll 32
    for (int j = 0; j < JB; j++) dw[int64_t(o) * taps + j] += sums[(o * JB + j) / n][(o * JB + j) % n];
}

// The same gradient where pixels are few or outputs fill vectors: outputs lie side by side in the lanes (the gradient is
// transposed for it), one image at a time, and nothing is left to sum over lanes. OV vectors of outputs x JB taps:
// AVX-512 3 x 8 = 24 accumulators + 3 gradients + 1 = 28 registers, (3 + 8) / 24 = 0.46 loads per FMA; AVX2 2 x 6 + 2 + 1.
template <int OV, int JB, class V>
inline void wide_tile(const V* in, const V* transposed, int pixels, const int32_t* tap, const int32_t* pixel, V* dw,
                      int stride) {
  constexpr int n = int(sizeof(V) / sizeof(Scalar<V>));
  V sum[JB][OV];
#pragma GCC unroll 32
  for (int i = 0; i < JB * OV; i++) sum[i / OV][i % OV] = V{};
  for (int p = 0; p < pixels; p++) {
    const Scalar<V>* value[JB];
#pragma GCC unroll 32
    for (int j = 0; j < JB; j++) value[j] = reinterpret_cast<const Scalar<V>*>(in + tap[j] + pixel[p]);
    for (int image = 0; image < n; image++, transposed += OV) {
      V g[OV];
#pragma GCC unroll 32
      for (int v = 0; v < OV; v++) g[v] = transposed[v];
#pragma GCC unroll 32
      for (int j = 0; j < JB; j++) {
        const V x = broadcast<V>(value[j][image]);
#pragma GCC unroll 32
        for (int v = 0; v < OV; v++) sum[j][v] += x * g[v];
      }
    }
  }
#pragma GCC unroll 32
  for (int j = 0; j < JB; j++)
#pragma GCC unroll 32
    for (int v = 0; v < OV; v++) dw[int64_t(j) * stride + v] += sum[j][v];
}

// Depthwise, stride 1: out[y][x] = bias + sum of w[t] * in[y][x + tap[t]], XB neighbours of a row at a time, whose loads
// have one address. The gradient of the input is the same sum over the gradient with a border of zeros, the taps backwards.
template <int XB, class V>
inline void row_tile(const V* in, const int32_t* tap, int taps, const Scalar<V>* w, Scalar<V> bias, V* out, bool adds) {
  V sum[XB];
#pragma GCC unroll 32
  for (int b = 0; b < XB; b++) sum[b] = broadcast<V>(bias);
  for (int j = 0; j < taps; j++) {
    const V weight = broadcast<V>(w[j]);
    const V* from = in + tap[j];
#pragma GCC unroll 32
    for (int b = 0; b < XB; b++) sum[b] += weight * from[b];
  }
#pragma GCC unroll 32
  for (int b = 0; b < XB; b++) out[b] = adds ? out[b] + sum[b] : sum[b];
}

template <class V>
inline void convolve_plane(const V* in, int in_width, const int32_t* tap, int taps, const Scalar<V>* w, Scalar<V> bias,
                           V* out, int height, int width, bool adds) {
  const Pieces tiles(width, Tile::neighbours);
  for (int y = 0; y < height; y++, in += in_width, out += width)
    for (int t = 0; t < tiles.pieces; t++)
      with_constant<Tile::neighbours>(tiles.size(t), [&](auto xb) {
        row_tile<xb.value>(in + tiles.begin(t), tap, taps, w, bias, out + tiles.begin(t), adds);
      });
}

// One layer: its tables, its weights packed in the order in which the tiles read them, and how it is cut into tiles.
template <class Real>
class Convolution {
 public:
  using V = Vector<Real>;

  explicit Convolution(const Operation& op)
      : groups_(op.groups), outputs_(op.out_channels / op.groups), pixels_(op.out_height * op.out_width) {
    const int channels = op.channels / op.groups, plane = op.height * op.width;
    for (int c = 0; c < channels; c++)
      for (int y = 0; y < op.kernel[0]; y++)
        for (int x = 0; x < op.kernel[1]; x++)
          tap_.push_back(c * plane + y * op.dilation[0] * op.width + x * op.dilation[1]);
    for (int y = 0; y < op.out_height; y++)
      for (int x = 0; x < op.out_width; x++) pixel_.push_back(y * op.stride[0] * op.width + x * op.stride[1]);
    taps_ = int(tap_.size());
    input_step_ = int64_t(channels) * plane;
    // The way back adds to the input's gradient: channels follow each other there, so that the values of a tile are all
    // different places and no addition waits for the one before.
    const int area = op.kernel[0] * op.kernel[1];
    for (int k = 0; k < area; k++)
      for (int c = 0; c < channels; c++) back_.push_back(c * area + k);
    for (int j : back_) back_tap_.push_back(tap_[j]);
    forward_.resize(size_t(groups_) * outputs_ * taps_);
    backward_.resize(op.input_gradient >= 0 ? forward_.size() : 0);
    choose_gradient();
    plane_ = channels == 1 && outputs_ == 1 && op.stride[0] == 1 && op.stride[1] == 1 && pixels_ > 1;
    if (!plane_) return;
    height_ = op.height;
    width_ = op.width;
    out_width_ = op.out_width;
    border_[0] = (op.kernel[0] - 1) * op.dilation[0];
    border_[1] = (op.kernel[1] - 1) * op.dilation[1];
    for (int y = op.kernel[0] - 1; y >= 0; y--)
      for (int x = op.kernel[1] - 1; x >= 0; x--)
        turned_.push_back(y * op.dilation[0] * bordered_width() + x * op.dilation[1]);
  }

  int64_t weights() const { return int64_t(groups_) * outputs_ * taps_; }

  // How many Reals a thread's weight gradient takes.
  int64_t gradient_size() const { return wide_ ? int64_t(groups_) * taps_ * vectors_ * lanes<Real> : weights(); }

  // Vectors of room for the transposed gradient, or for that of a channel with its border.
  int64_t scratch_size() const {
    const int64_t wide = wide_ ? int64_t(pixels_) * lanes<Real> * vectors_ : 0;
    return std::max(wide, plane_ ? int64_t(bordered_width()) * (out_height() + 2 * border_[0]) : 0);
  }

  // Copies the part of the weights that `part` of `parts` threads is to copy.
  void pack(const Real* w, int part, int parts) {
    const Pieces outputs = output_pieces(), back = back_pieces();
    for (int g = 0; g < groups_; g++, w += int64_t(outputs_) * taps_) {
      for (int piece = part; piece < outputs.pieces; piece += parts) {
        const int begin = outputs.begin(piece), size = outputs.size(piece);
        Real* to = forward_.data() + (int64_t(g) * outputs_ + begin) * taps_;
        for (int o = 0; o < size; o++)
          for (int j = 0; j < taps_; j++) to[int64_t(j) * size + o] = w[int64_t(begin + o) * taps_ + j];
      }
      if (backward_.empty()) continue;
      for (int piece = part; piece < back.pieces; piece += parts) {
        const int begin = back.begin(piece), size = back.size(piece);
        Real* to = backward_.data() + (int64_t(g) * taps_ + begin) * outputs_;
        for (int o = 0; o < outputs_; o++)
          for (int j = 0; j < size; j++) to[int64_t(o) * size + j] = w[int64_t(o) * taps_ + back_[begin + j]];
      }
    }
  }

  void forward(const V* in, const Real* bias, V* out) const {
    if (plane_) {
      for (int g = 0; g < groups_; g++, in += input_step_, out += pixels_)
        convolve_plane(in, width_, tap_.data(), taps_, forward_.data() + int64_t(g) * taps_, bias ? bias[g] : Real(0),
                       out, out_height(), out_width_, false);
      return;
    }
    const Pieces outputs = output_pieces();
    for (int g = 0; g < groups_; g++, in += input_step_, out += int64_t(outputs_) * pixels_)
      for (int piece = 0; piece < outputs.pieces; piece++) {
        const int begin = outputs.begin(piece);
        const Real* w = forward_.data() + (int64_t(g) * outputs_ + begin) * taps_;
        const Real* b = bias ? bias + int64_t(g) * outputs_ + begin : nullptr;
        V* to = out + int64_t(begin) * pixels_;
        if (pixels_ == 1) {
          with_constant<Tile::rows>(outputs.size(piece), [&](auto ob) {
            forward_tile<ob.value, 1>(in, tap_.data(), taps_, pixel_.data(), w, b, to, 1);
          });
        } else {
          with_constant<Tile::outputs>(outputs.size(piece), [&](auto ob) {
            constexpr int most = Tile::pixels_beside(ob.value);
            const Pieces tiles(pixels_, most);
            for (int t = 0; t < tiles.pieces; t++)
              with_constant<most>(tiles.size(t), [&](auto xb) {
                const int p = tiles.begin(t);
                forward_tile<ob.value, xb.value>(in, tap_.data(), taps_, pixel_.data() + p, w, b, to + p, pixels_);
              });
          });
        }
      }
  }

  // Adds to the gradient of the input.
  void backward(const V* gradient, V* scratch, V* input_gradient) const {
    if (plane_) return backward_planes(gradient, scratch, input_gradient);
    const Pieces back = back_pieces();
    const Pieces tiles(pixels_, Tile::pixels);
    for (int g = 0; g < groups_; g++, gradient += int64_t(outputs_) * pixels_, input_gradient += input_step_) {
      const Real* weights = backward_.data() + int64_t(g) * taps_ * outputs_;
      for (int t = 0; t < tiles.pieces; t++)
        for (int piece = 0; piece < back.pieces; piece++) {
          const int begin = back.begin(piece), p = tiles.begin(t);
          const Real* w = weights + int64_t(begin) * outputs_;
          const int32_t* tap = back_tap_.data() + begin;
          if (pixels_ == 1)
            with_constant<Tile::rows>(back.size(piece), [&](auto jb) {
              backward_tile<jb.value, 1>(gradient, outputs_, 1, w, tap, pixel_.data(), input_gradient);
            });
          else
            with_constant<Tile::outputs>(back.size(piece), [&](auto jb) {
              with_constant<Tile::pixels>(tiles.size(t), [&](auto xb) {
                backward_tile<jb.value, xb.value>(gradient + p, outputs_, pixels_, w, tap, pixel_.data() + p,
                                                  input_gradient);
              });
            });
        }
    }
  }

  // Adds to a thread's gradient of the weights (in its own layout, see `collect`).
  void weight_gradient(const V* in, const V* gradient, V* scratch, Real* dw) const {
    for (int g = 0; g < groups_; g++, in += input_step_, gradient += int64_t(outputs_) * pixels_) {
      if (wide_)
        wide_gradient(in, gradient, scratch, dw + int64_t(g) * taps_ * vectors_ * lanes<Real>);
      else
        lane_gradient(in, gradient, dw + int64_t(g) * outputs_ * taps_);
    }
  }

  // Adds up the threads' gradients, thread by thread, into torch's tensor: outputs `part`, `part + parts`, ...
  void collect(const Real* const* gradients, int threads, Real* out, int part, int parts) const {
    const int64_t stride = wide_ ? int64_t(vectors_) * lanes<Real> : 1;
    for (int row = part; row < groups_ * outputs_; row += parts) {
      const int group = row / outputs_, o = row % outputs_;
      const int64_t begin = wide_ ? group * taps_ * stride + o : int64_t(row) * taps_;
      Real* to = out + int64_t(row) * taps_;
      for (int j = 0; j < taps_; j++) {
        Real sum = gradients[0][begin + j * stride];
        for (int t = 1; t < threads; t++) sum += gradients[t][begin + j * stride];
        to[j] = sum;
      }
    }
  }

  static void bias_gradient(const V* gradient, int outputs, int pixels, Real* db) {
    for (int o = 0; o < outputs; o++, gradient += pixels) {
      V sum[4] = {};
      int p = 0;
      for (; p + 4 <= pixels; p += 4)
        for (int k = 0; k < 4; k++) sum[k] += gradient[p + k];
      for (; p < pixels; p++) sum[0] += gradient[p];
      V total[1];
      sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
      sum_lanes<1>(sum, total);
      db[o] += total[0][0];
    }
  }

 private:
  int groups_, outputs_, pixels_, taps_ = 0;
  int64_t input_step_ = 0;
  std::vector<int32_t> tap_, pixel_, back_, back_tap_;
  std::vector<Real> forward_, backward_;
  bool wide_ = false, plane_ = false;  // plane_: depthwise, stride 1
  int height_ = 0, width_ = 0, out_width_ = 0, border_[2] = {};
  std::vector<int32_t> turned_;
  int vectors_ = 0, output_block_ = 1, tap_block_ = 1;

  int out_height() const { return pixels_ / out_width_; }
  int bordered_width() const { return out_width_ + 2 * border_[1]; }

  void backward_planes(const V* gradient, V* scratch, V* input_gradient) const {
    const int width = bordered_width();
    std::fill(scratch, scratch + int64_t(width) * (out_height() + 2 * border_[0]), V{});
    for (int g = 0; g < groups_; g++, gradient += pixels_, input_gradient += input_step_) {
      for (int y = 0; y < out_height(); y++)
        std::copy(gradient + int64_t(y) * out_width_, gradient + int64_t(y + 1) * out_width_,
                  scratch + int64_t(y + border_[0]) * width + border_[1]);
      convolve_plane(scratch, width, turned_.data(), taps_, forward_.data() + int64_t(g) * taps_, Real(0),
                     input_gradient, height_, width_, true);
    }
  }

  Pieces output_pieces() const { return {outputs_, pixels_ == 1 ? Tile::rows : Tile::outputs}; }
  Pieces back_pieces() const { return {taps_, pixels_ == 1 ? Tile::rows : Tile::outputs}; }

  // What an FMA of use costs. Lanes: 3 instructions per weight and group for the sum over the lanes, beside `pixels` FMAs.
  // Outputs side by side: outputs padded to whole vectors, the addition to memory beside pixels x lanes FMAs, and, where
  // there is one vector of outputs only, more than one load per FMA.
  void choose_gradient() {
    vectors_ = (outputs_ + lanes<Real> - 1) / lanes<Real>;
    const double in_lanes = 1.0 + 6.0 / pixels_;
    const double in_outputs = (double(vectors_) * lanes<Real> / outputs_) * (1.0 + 2.0 / (pixels_ * lanes<Real>)) +
                              (vectors_ == 1 ? 0.2 : 0.05);
    wide_ = in_outputs < in_lanes;
    // A pixel of a tile takes as many steps as it has FMAs or loads, and at least the 8 FMAs that are under way at once;
    // more than 4 taps have more addresses than there are registers for, and load these too.
    int64_t fewest = INT64_MAX;
    for (int ob = std::min(Tile::sides, outputs_); ob >= 1; ob--) {
      const int jb = Tile::taps_beside(ob);
      const Pieces outputs(outputs_, ob), taps(taps_, jb);
      int64_t steps = 0;
      for (int o = 0; o < outputs.pieces; o++)
        for (int t = 0; t < taps.pieces; t++) {
          const int a = outputs.size(o), b = taps.size(t);
          steps += std::max({a * b, a + (b > 4 ? 2 : 1) * b, 8});
        }
      if (steps < fewest) {
        fewest = steps;
        output_block_ = ob;
        tap_block_ = jb;
      }
    }
  }

  void lane_gradient(const V* in, const V* gradient, Real* dw) const {
    const Pieces outputs(outputs_, output_block_), taps(taps_, tap_block_);
    for (int o = 0; o < outputs.pieces; o++)
      with_constant<Tile::sides>(outputs.size(o), [&](auto ob) {
        const V* g = gradient + int64_t(outputs.begin(o)) * pixels_;
        for (int t = 0; t < taps.pieces; t++)
          with_constant<Tile::taps_beside(ob.value)>(taps.size(t), [&](auto jb) {
            const int j = taps.begin(t);
            weight_tile<ob.value, jb.value>(in, g, pixels_, 0, pixels_, tap_.data() + j, taps_, pixel_.data(),
                                            dw + int64_t(outputs.begin(o)) * taps_ + j);
          });
      });
  }

  void wide_gradient(const V* in, const V* gradient, V* scratch, Real* dw) const {
    const Pieces blocks(vectors_, Tile::wide_vectors);
    V* sums = reinterpret_cast<V*>(dw);
    for (int block = 0; block < blocks.pieces; block++) {
      const int first = blocks.begin(block), size = blocks.size(block);
      lay_side_by_side(gradient, first, size, scratch);
      with_constant<Tile::wide_vectors>(size, [&](auto ov) {
        constexpr int most = std::min(Tile::wide / ov.value, 12);
        const Pieces taps(taps_, most);
        for (int t = 0; t < taps.pieces; t++)
          with_constant<most>(taps.size(t), [&](auto jb) {
            const int j = taps.begin(t);
            wide_tile<ov.value, jb.value>(in, scratch, pixels_, tap_.data() + j, pixel_.data(),
                                          sums + int64_t(j) * vectors_ + first, vectors_);
          });
      });
    }
  }

  // scratch[pixel][image][output]: `size` vectors of outputs from vector `first` on, zeros where there is no output.
  void lay_side_by_side(const V* gradient, int first, int size, V* scratch) const {
    constexpr int n = lanes<Real>;
    for (int p = 0; p < pixels_; p++)
      for (int v = 0; v < size; v++) {
        V rows[n];
        for (int i = 0; i < n; i++) {
          const int output = (first + v) * n + i;
          rows[i] = output < outputs_ ? gradient[int64_t(output) * pixels_ + p] : V{};
        }
        transpose(rows);
        for (int image = 0; image < n; image++) scratch[(int64_t(p) * n + image) * size + v] = rows[image];
      }
  }
};

}  // namespace archsearch
