// The log's threads: one writes, several sync, each on a lane of its own, and none ever waits for another.
//
//   main thread ──write()────> queue ──> write thread: pwrite ────┐
//               ──sync(lane)─> queue ──> sync threads: fdatasync ─┴─> results ──eventfd──> main thread: collect()
//
// Invariants:
// - Jobs of one thread run in the order in which they were queued. A thread begins with its first job.
// - After the first error of a thread its later jobs are discarded, not run, until clearError(): nothing is ever written
//   behind a hole, and a sync that fails is final (the kernel may have dropped the pages).
// - Results are copied out by collect() on the main thread; the threads never touch memory that JavaScript reads.
// - A job's bytes are the caller's until the job is settled; collect() hands its `keep` back then.
// It must not decide anything: when to sync and what an error means is the caller's business.
#ifndef EMBERLOG_LOG_THREADS_H
#define EMBERLOG_LOG_THREADS_H

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace emberlog {

constexpr size_t kSyncLanes = 8;

// What one thread has to show. A ticket is a number chosen by the caller, growing; 0 means none.
struct LogProgress {
  double doneTicket = 0;     // the last job done without an error
  double settledTicket = 0;  // the last job done, failed or discarded
  int error = 0;             // errno of the first failure
  double failedTicket = 0;
  double failedBytes = 0;    // bytes of the failed write that had reached the file
  double lastUs = 0;         // duration of the last job
  double totalUs = 0;
};

class LogThreads {
 public:
  LogThreads();
  ~LogThreads();
  LogThreads(const LogThreads&) = delete;
  LogThreads& operator=(const LogThreads&) = delete;

  // errno when the eventfd could not be made, 0 otherwise.
  int openError() const { return openError_; }
  // Becomes readable when something completes. Owned by this object.
  int descriptor() const { return eventDescriptor_; }

  void write(int fd, const uint8_t* bytes, size_t length, uint64_t position, double ticket, void* keep);
  // `lane` is below kSyncLanes.
  void sync(size_t lane, int fd, double ticket);

  // Copies the progress of all, of kSyncLanes in `synced`; `keeps` takes those of the settled writes. False when nothing has changed.
  bool collect(LogProgress* written, LogProgress* synced, std::vector<void*>* keeps);

  // Forgets the errors of one kind of threads, so that their new jobs run again. Only when all of their jobs are settled.
  void clearError(bool ofSync);

  // Finishes what is queued and ends the threads.
  void close();

 private:
  struct Job {
    int fd;
    const uint8_t* bytes;
    size_t length;
    uint64_t position;
    double ticket;
    void* keep;
  };
  struct Lane {
    std::thread thread;
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<Job> jobs;
    LogProgress progress;
    std::vector<void*> keeps;
    bool ending = false;
  };

  void start(Lane* lane, bool writes);
  void push(Lane* lane, bool writes, const Job& job);
  void work(Lane* lane, bool writes);
  void forget(Lane* lane);
  static void end(Lane* lane);

  Lane writer_;
  Lane syncers_[kSyncLanes];
  int eventDescriptor_ = -1;
  int openError_ = 0;
  bool closed_ = false;
  // Counts settled jobs, so that collect() costs one load when nothing has happened.
  std::atomic<uint64_t> settled_{0};
  uint64_t collected_ = 0;
};

// pwrite until all is written: the bytes written, and errno in `error` when that is not all.
size_t writeFully(int fd, const uint8_t* bytes, size_t length, uint64_t position, int* error);

}  // namespace emberlog

#endif
