// The engine as a program that another one speaks to: commands on stdin, answers on stdout, all as the processor holds
// them. emulated.py is the other side. For processors that the tests only have an emulator of.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "batch.h"
#include "program.h"

using archsearch::Batch;
using archsearch::Operation;
using archsearch::Program;

extern "C" {
int archsearch_lanes(int doubles);
int archsearch_size(int which);
int64_t archsearch_scratch(const Operation* op, int doubles);
void* archsearch_create(const Program* program, int threads, int doubles);
void archsearch_destroy(void* handle);
int archsearch_train(void* handle, const Batch* batch, const void* const* weights, void* const* running,
                     void* const* gradients, double* loss, int64_t* correct);
int archsearch_evaluate(void* handle, const Batch* batch, const void* const* weights, void* const* running,
                        void* outputs);
}

namespace {

using Bytes = std::vector<char>;

void take(void* to, size_t size) {
  if (size && std::fread(to, size, 1, stdin) != 1) std::exit(0);  // the other side has gone
}

template <class T>
T take() {
  T value;
  take(&value, sizeof value);
  return value;
}

Bytes bytes() {
  Bytes read(take<int64_t>());
  take(read.data(), read.size());
  return read;
}

std::vector<Bytes> many() {
  std::vector<Bytes> read(take<int64_t>());
  for (Bytes& one : read) one = bytes();
  return read;
}

template <class T>
void give(const T& value) {
  std::fwrite(&value, sizeof value, 1, stdout);
}

void give(const Bytes& values) { std::fwrite(values.data(), 1, values.size(), stdout); }

char* at(Bytes& values) { return values.empty() ? nullptr : values.data(); }

std::vector<void*> all(std::vector<Bytes>& values) {
  std::vector<void*> addresses;
  for (Bytes& one : values) addresses.push_back(one.data());
  return addresses;
}

std::vector<void*> engines;  // known to the other side by their places here: what it sends can be kept and sent again

void*& engine() { return engines.at(take<int64_t>()); }

// An engine copies what a program points to.
void create() {
  Program program = take<Program>();
  Bytes operations = bytes(), sizes = bytes(), weights = bytes();
  program.operations = reinterpret_cast<const Operation*>(at(operations));
  program.sizes = reinterpret_cast<const int64_t*>(at(sizes));
  program.weights = reinterpret_cast<const double*>(at(weights));
  const int threads = take<int32_t>(), doubles = take<int32_t>();
  engines.push_back(archsearch_create(&program, threads, doubles));
  give(int64_t(engines.back() ? engines.size() - 1 : -1));
}

void step(bool training) {
  void* handle = engine();
  Batch batch = take<Batch>();
  Bytes x = bytes(), rows = bytes(), labels = bytes(), targets = bytes(), weights = bytes(), outputs = bytes();
  std::vector<Bytes> parameters = many(), running = many(), gradients = parameters;
  batch.x = at(x);
  batch.rows = reinterpret_cast<const int64_t*>(at(rows));
  batch.labels = reinterpret_cast<const int64_t*>(at(labels));
  batch.targets = at(targets);
  batch.weights = reinterpret_cast<const double*>(at(weights));
  batch.outputs = training ? at(outputs) : nullptr;
  double loss = 0;
  int64_t correct = 0;
  const std::vector<void*> p = all(parameters), r = all(running), g = all(gradients);
  give(int32_t(training ? archsearch_train(handle, &batch, p.data(), r.data(), g.data(), &loss, &correct)
                        : archsearch_evaluate(handle, &batch, p.data(), r.data(), outputs.data())));
  give(loss);
  give(correct);
  give(outputs);
  for (const Bytes& one : running) give(one);
  for (const Bytes& one : gradients) give(one);
}

}  // namespace

int main() {
  for (;;) {
    switch (take<char>()) {
      case 'l': give(int32_t(archsearch_lanes(take<int32_t>()))); break;
      case 'z': give(int32_t(archsearch_size(take<int32_t>()))); break;
      case 's': {
        const Operation op = take<Operation>();
        give(archsearch_scratch(&op, take<int32_t>()));
        break;
      }
      case 'c': create(); break;
      case 'd': {
        void*& gone = engine();
        archsearch_destroy(gone);
        gone = nullptr;
        break;
      }
      case 't': step(true); break;
      case 'e': step(false); break;
    }
    std::fflush(stdout);
  }
}
