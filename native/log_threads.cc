#include "log_threads.h"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace emberlog {
namespace {

// The shortest that the kernel grants.
constexpr uint64_t kSliceNs = 100 * 1000;

double nowUs() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3;
}

// struct sched_attr of linux/sched/types.h, its first version; libc has none.
struct SchedulingAttributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtimeNs;
  uint64_t deadlineNs;
  uint64_t periodNs;
};

// What the calling thread does is mostly to begin the disk's work. Since Linux 6.6 a thread that wakes up does not interrupt another one within
// its time slice of some milliseconds, unless its own is shorter (6.12): on a core that is shared with the engine's thread a sync would begin
// when that has nothing left to do. Where it has more to do it gives the core back just as soon. Kernels before that ignore the request.
void askForShortSlices() {
#ifdef SYS_sched_setattr
  SchedulingAttributes attributes = {};
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0 || attributes.policy != SCHED_OTHER) return;
  attributes.size = sizeof(attributes);
  attributes.flags = 0;
  attributes.runtimeNs = kSliceNs;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
#endif
}

}  // namespace

size_t writeFully(int fd, const uint8_t* bytes, size_t length, uint64_t position, int* error) {
  size_t done = 0;
  *error = 0;
  while (done < length) {
    const ssize_t count = pwrite(fd, bytes + done, length - done, static_cast<off_t>(position + done));
    if (count > 0) {
      done += static_cast<size_t>(count);
    } else if (count == 0) {
      *error = ENOSPC;
      break;
    } else if (errno != EINTR) {
      *error = errno;
      break;
    }
  }
  return done;
}

LogThreads::LogThreads() {
  eventDescriptor_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (eventDescriptor_ < 0) openError_ = errno;
}

LogThreads::~LogThreads() {
  close();
  if (eventDescriptor_ >= 0) ::close(eventDescriptor_);
}

void LogThreads::start(Lane* lane, bool writes) {
  if (lane->thread.joinable()) return;
  // Signals belong to the main thread: a new thread inherits the mask, so it is blocked around its birth.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  lane->thread = std::thread([this, lane, writes] { work(lane, writes); });
  pthread_setname_np(lane->thread.native_handle(), writes ? "log-write" : "log-sync");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void LogThreads::push(Lane* lane, bool writes, const Job& job) {
  start(lane, writes);
  {
    std::lock_guard<std::mutex> lock(lane->mutex);
    lane->jobs.push_back(job);
  }
  lane->wake.notify_one();
}

void LogThreads::write(int fd, const uint8_t* bytes, size_t length, uint64_t position, double ticket, void* keep) {
  push(&writer_, true, Job{fd, bytes, length, position, ticket, keep});
}

void LogThreads::sync(size_t lane, int fd, double ticket) {
  push(&syncers_[lane], false, Job{fd, nullptr, 0, 0, ticket, nullptr});
}

void LogThreads::work(Lane* lane, bool writes) {
  askForShortSlices();
  std::unique_lock<std::mutex> lock(lane->mutex);
  for (;;) {
    while (lane->jobs.empty()) {
      if (lane->ending) return;
      lane->wake.wait(lock);
    }
    const Job job = lane->jobs.front();
    lane->jobs.pop_front();
    const bool discard = lane->progress.error != 0;
    int error = 0;
    size_t written = 0;
    double us = 0;
    if (!discard) {
      lock.unlock();
      const double begin = nowUs();
      if (writes) {
        written = writeFully(job.fd, job.bytes, job.length, job.position, &error);  // D7
      } else {
        error = fdatasync(job.fd) == 0 ? 0 : errno;  // D9: never retried
      }
      us = nowUs() - begin;
      lock.lock();
      lane->progress.lastUs = us;
      lane->progress.totalUs += us;
      if (error == 0) {
        lane->progress.doneTicket = job.ticket;
      } else {
        lane->progress.error = error;
        lane->progress.failedTicket = job.ticket;
        lane->progress.failedBytes = static_cast<double>(written);
      }
    }
    lane->progress.settledTicket = job.ticket;
    if (job.keep != nullptr) lane->keeps.push_back(job.keep);
    settled_.fetch_add(1, std::memory_order_release);
    lock.unlock();
    eventfd_write(eventDescriptor_, 1);
    lock.lock();
  }
}

bool LogThreads::collect(LogProgress* written, LogProgress* synced, std::vector<void*>* keeps) {
  const uint64_t settled = settled_.load(std::memory_order_acquire);
  if (settled == collected_) return false;
  collected_ = settled;
  {
    std::lock_guard<std::mutex> lock(writer_.mutex);
    *written = writer_.progress;
    keeps->swap(writer_.keeps);
  }
  for (size_t i = 0; i < kSyncLanes; i++) {
    std::lock_guard<std::mutex> lock(syncers_[i].mutex);
    synced[i] = syncers_[i].progress;
  }
  return true;
}

void LogThreads::clearError(bool ofSync) {
  if (ofSync) {
    for (Lane& lane : syncers_) forget(&lane);
  } else {
    forget(&writer_);
  }
  settled_.fetch_add(1, std::memory_order_release);
}

void LogThreads::forget(Lane* lane) {
  std::lock_guard<std::mutex> lock(lane->mutex);
  lane->progress.error = 0;
  lane->progress.failedTicket = 0;
  lane->progress.failedBytes = 0;
}

void LogThreads::end(Lane* lane) {
  if (!lane->thread.joinable()) return;
  {
    std::lock_guard<std::mutex> lock(lane->mutex);
    lane->ending = true;
  }
  lane->wake.notify_one();
  lane->thread.join();
}

void LogThreads::close() {
  if (closed_) return;
  closed_ = true;
  end(&writer_);
  for (Lane& lane : syncers_) end(&lane);
}

}  // namespace emberlog
