// The plain C interface that Python calls through ctypes; archsearch/native/library.py declares the same functions.
// No exception leaves it: a function that can fail gives nullptr or a number other than 0.

#include <memory>

#include "engine.h"

using namespace archsearch;

namespace {

struct Handle {
  std::unique_ptr<Engine<float>> single;
  std::unique_ptr<Engine<double>> precise;
};

template <class F>
int guarded(F&& f) {
  try {
    f();
    return 0;
  } catch (...) {
    return 1;
  }
}

template <class Real>
State<Real> state_of(const void* const* weights, void* const* running) {
  return {reinterpret_cast<const Real* const*>(weights), reinterpret_cast<Real* const*>(running)};
}

}  // namespace

#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

extern "C" {

EXPORT int archsearch_lanes(int doubles) { return doubles ? lanes<double> : lanes<float>; }

// Of the structs that Python fills: operation, program, batch.
EXPORT int archsearch_size(int which) {
  const int sizes[] = {int(sizeof(Operation)), int(sizeof(Program)), int(sizeof(Batch))};
  return sizes[which];
}

// Vectors of scratch that an operation needs on its way back.
EXPORT int64_t archsearch_scratch(const Operation* op, int doubles) {
  int64_t size = 0;
  if (op->kind != convolution) return 0;
  const int failed = guarded([&] {
    size = doubles ? Convolution<double>(*op).scratch_size() : Convolution<float>(*op).scratch_size();
  });
  return failed ? -1 : size;
}

EXPORT void* archsearch_create(const Program* program, int threads, int doubles) {
  try {
    auto handle = std::make_unique<Handle>();
    if (doubles)
      handle->precise = std::make_unique<Engine<double>>(*program, threads);
    else
      handle->single = std::make_unique<Engine<float>>(*program, threads);
    return handle.release();
  } catch (...) {
    return nullptr;
  }
}

EXPORT void archsearch_destroy(void* handle) { delete static_cast<Handle*>(handle); }

EXPORT int archsearch_train(void* handle, const Batch* batch, const void* const* weights, void* const* running,
                            void* const* gradients, double* loss, int64_t* correct) {
  return guarded([&] {
    Score score;
    const Handle& engine = *static_cast<Handle*>(handle);
    if (engine.precise)
      engine.precise->train(*batch, state_of<double>(weights, running), reinterpret_cast<double* const*>(gradients),
                            score);
    else
      engine.single->train(*batch, state_of<float>(weights, running), reinterpret_cast<float* const*>(gradients), score);
    *loss = score.loss;
    *correct = score.correct;
  });
}

EXPORT int archsearch_evaluate(void* handle, const Batch* batch, const void* const* weights, void* const* running,
                               void* outputs) {
  return guarded([&] {
    const Handle& engine = *static_cast<Handle*>(handle);
    if (engine.precise)
      engine.precise->evaluate(*batch, state_of<double>(weights, running), static_cast<double*>(outputs));
    else
      engine.single->evaluate(*batch, state_of<float>(weights, running), static_cast<float*>(outputs));
  });
}
}
