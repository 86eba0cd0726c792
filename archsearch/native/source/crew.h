// The threads of an engine: they wait, all do one job, and wait again. The caller is one of them.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace archsearch {

// Numbers too small for a normalised float count as zero while this lives: they are up to 100 times slower.
class FlushDenormals {
 public:
#if defined(__SSE__)
  FlushDenormals() : before_(_mm_getcsr()) { _mm_setcsr(before_ | 0x8040); }
  ~FlushDenormals() { _mm_setcsr(before_); }

 private:
  unsigned before_;
#elif defined(__aarch64__)
  FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(before_));
    asm volatile("msr fpcr, %0" : : "r"(before_ | (uint64_t(1) << 24)));
  }
  ~FlushDenormals() { asm volatile("msr fpcr, %0" : : "r"(before_)); }

 private:
  uint64_t before_;
#endif
};

class Crew {
 public:
  explicit Crew(int threads) : threads_(threads) {
    for (int t = 1; t < threads; t++) others_.emplace_back([this, t] { serve(t); });
  }

  ~Crew() {
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      leaving_ = true;
      job_number_++;
    }
    begin_.notify_all();
    for (auto& thread : others_) thread.join();
  }

  int size() const { return threads_; }

  // Calls job(thread) once on every thread; returns when all are done.
  void run(const std::function<void(int)>& job) {
    {
      const std::lock_guard<std::mutex> hold(mutex_);
      job_ = &job;
      busy_ = threads_ - 1;
      job_number_++;
    }
    begin_.notify_all();
    work(0);
    std::unique_lock<std::mutex> hold(mutex_);
    done_.wait(hold, [this] { return busy_ == 0; });
  }

 private:
  int threads_;
  std::vector<std::thread> others_;
  std::mutex mutex_;
  std::condition_variable begin_, done_;
  const std::function<void(int)>* job_ = nullptr;
  long job_number_ = 0;
  int busy_ = 0;
  bool leaving_ = false;

  void work(int thread) {
    const FlushDenormals flush;
    (*job_)(thread);
  }

  void serve(int thread) {
    for (long seen = 0;;) {
      {
        std::unique_lock<std::mutex> hold(mutex_);
        begin_.wait(hold, [&] { return job_number_ != seen; });
        seen = job_number_;
        if (leaving_) return;
      }
      work(thread);
      const std::lock_guard<std::mutex> hold(mutex_);
      if (--busy_ == 0) done_.notify_one();
    }
  }
};

}  // namespace archsearch
