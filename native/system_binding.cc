// Calls of the system that Node does not offer: locks, space, memory advice, niceness and clocks of one thread.
// Each returns a number from 0 on, or -errno; nothing here decides anything.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"

namespace emberlog {
namespace {

constexpr uintptr_t kPageBytes = 4096;

// flock(fd): an exclusive lock, without waiting. -EWOULDBLOCK when somebody else holds it.
napi_value flockCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  const int fd = call.int32(0);
  if (!call.ok()) return nullptr;
  return call.returnInt32(flock(fd, LOCK_EX | LOCK_NB) == 0 ? 0 : -errno);
}

// fallocate(fd, keepSize, offset, length)
napi_value fallocateCall(napi_env env, napi_callback_info info) {
  Call<4> call(env, info);
  const int fd = call.int32(0);
  const bool keepSize = call.boolean(1);
  const uint64_t offset = call.size(2);
  const uint64_t length = call.size(3);
  if (!call.ok()) return nullptr;
  int result;
  do {
    result = fallocate(fd, keepSize ? FALLOC_FL_KEEP_SIZE : 0, static_cast<off_t>(offset), static_cast<off_t>(length));
  } while (result != 0 && errno == EINTR);
  return call.returnInt32(result == 0 ? 0 : -errno);
}

// fdatasync(fd)
napi_value fdatasyncCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  const int fd = call.int32(0);
  if (!call.ok()) return nullptr;
  return call.returnInt32(fdatasync(fd) == 0 ? 0 : -errno);
}

// adviseHugePages(array, offset, length): pages wholly inside of the range, so any range will do.
napi_value adviseHugePagesCall(napi_env env, napi_callback_info info) {
  Call<3> call(env, info);
  const Bytes bytes = call.range(0);
  if (!call.ok()) return nullptr;
  const uintptr_t start = (reinterpret_cast<uintptr_t>(bytes.data) + kPageBytes - 1) & ~(kPageBytes - 1);
  const uintptr_t end = (reinterpret_cast<uintptr_t>(bytes.data) + bytes.length) & ~(kPageBytes - 1);
  if (end <= start) return call.returnInt32(0);
  return call.returnInt32(madvise(reinterpret_cast<void*>(start), end - start, MADV_HUGEPAGE) == 0 ? 0 : -errno);
}

// Pages that a thread of libuv's pool gets from the system. Nothing keeps the array alive: on memory that is gone the call fails, and on
// memory that has become something else it does no harm, since it changes no byte.
struct Population {
  void* data;
  size_t length;
  napi_async_work work;
};

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

void populate(napi_env, void* data) {
  const auto* population = static_cast<const Population*>(data);
  // A kernel before 5.14 doesn't know the advice: the pages then come when they are written.
  (void)madvise(population->data, population->length, MADV_POPULATE_WRITE);
}

void populated(napi_env env, napi_status, void* data) {
  auto* population = static_cast<Population*>(data);
  napi_delete_async_work(env, population->work);
  delete population;
}

// populateAhead(array, offset, length): the range's pages are made present on another thread, soon. It must be made of whole pages.
napi_value populateAheadCall(napi_env env, napi_callback_info info) {
  Call<3> call(env, info);
  const Bytes bytes = call.range(0);
  if (!call.ok()) return nullptr;
  if (((reinterpret_cast<uintptr_t>(bytes.data) | bytes.length) & (kPageBytes - 1)) != 0) {
    return call.returnInt32(-EINVAL);
  }
  if (bytes.length == 0) return call.returnInt32(0);
  auto* population = new Population{bytes.data, bytes.length, nullptr};
  napi_value name;
  if (napi_create_string_utf8(env, "populateAhead", NAPI_AUTO_LENGTH, &name) != napi_ok ||
      napi_create_async_work(env, nullptr, name, populate, populated, population, &population->work) != napi_ok) {
    delete population;
    return call.returnInt32(-ENOMEM);
  }
  if (napi_queue_async_work(env, population->work) != napi_ok) {
    napi_delete_async_work(env, population->work);
    delete population;
    return call.returnInt32(-EAGAIN);
  }
  return call.returnInt32(0);
}

// returnPages(array, offset, length): gives the memory back; it reads as zeros afterwards. The range must be made of
// whole pages, because rounding it would leave bytes that are not zero: -EINVAL otherwise.
napi_value returnPagesCall(napi_env env, napi_callback_info info) {
  Call<3> call(env, info);
  const Bytes bytes = call.range(0);
  if (!call.ok()) return nullptr;
  if (((reinterpret_cast<uintptr_t>(bytes.data) | bytes.length) & (kPageBytes - 1)) != 0) {
    return call.returnInt32(-EINVAL);
  }
  if (bytes.length == 0) return call.returnInt32(0);
  return call.returnInt32(madvise(bytes.data, bytes.length, MADV_DONTNEED) == 0 ? 0 : -errno);
}

// addressOf(array): where its data lies. User addresses are below 2^57; a double is exact to 2^53, and x86-64 and ARM64
// hand out more than 47 bits only to those who ask.
napi_value addressOfCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  const Bytes bytes = call.array(0);
  if (!call.ok()) return nullptr;
  return call.returnNumber(static_cast<double>(reinterpret_cast<uintptr_t>(bytes.data)));
}

// residentBytes(): resident memory of the process, or -errno.
napi_value residentBytesCall(napi_env env, napi_callback_info info) {
  Call<0> call(env, info);
  char text[128];
  const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return call.returnNumber(-errno);
  const ssize_t length = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (length <= 0) return call.returnNumber(-EIO);
  text[length] = 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  if (sscanf(text, "%lu %lu", &total, &resident) != 2) return call.returnNumber(-EIO);
  return call.returnNumber(static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)));
}

// setThreadNice(nice): of the calling thread; Linux keeps niceness by thread.
napi_value setThreadNiceCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  const int nice = call.int32(0);
  if (!call.ok()) return nullptr;
  const id_t thread = static_cast<id_t>(syscall(SYS_gettid));
  return call.returnInt32(setpriority(PRIO_PROCESS, thread, nice) == 0 ? 0 : -errno);
}

// threadNice(): of the calling thread.
napi_value threadNiceCall(napi_env env, napi_callback_info info) {
  Call<0> call(env, info);
  return call.returnInt32(getpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid))));
}

// threadCpuUs(): processor time of the calling thread, microseconds.
napi_value threadCpuUsCall(napi_env env, napi_callback_info info) {
  Call<0> call(env, info);
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return call.returnNumber(static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_nsec) / 1e3);
}

// threadUsage(times): user and system time of the calling thread, microseconds, into a Float64Array of two.
napi_value threadUsageCall(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  const Bytes times = call.array(0);
  if (!call.ok()) return nullptr;
  rusage usage{};
  if (times.length < 2 * sizeof(double) || getrusage(RUSAGE_THREAD, &usage) != 0) return call.returnInt32(-EINVAL);
  const double values[2] = {
      static_cast<double>(usage.ru_utime.tv_sec) * 1e6 + static_cast<double>(usage.ru_utime.tv_usec),
      static_cast<double>(usage.ru_stime.tv_sec) * 1e6 + static_cast<double>(usage.ru_stime.tv_usec),
  };
  memcpy(times.data, values, sizeof(values));
  return call.returnInt32(0);
}

// moveBytes(target, to, source, from, length): memmove from one array to another or inside one. V8 copies out of and into shared memory
// a byte at a time where source and target lie differently in their words.
napi_value moveBytesCall(napi_env env, napi_callback_info info) {
  Call<5> call(env, info);
  const Bytes target = call.array(0);
  const Bytes source = call.array(2);
  const int32_t to = call.int32(1);
  const int32_t from = call.int32(3);
  const int32_t length = call.int32(4);
  if (!call.ok()) return nullptr;
  if (to < 0 || from < 0 || length < 0 || static_cast<int64_t>(to) + length > static_cast<int64_t>(target.length) ||
      static_cast<int64_t>(from) + length > static_cast<int64_t>(source.length)) {
    call.failRange("the range lies outside of the array");
    return nullptr;
  }
  memmove(target.data + to, source.data + from, static_cast<size_t>(length));
  return nullptr;
}

}  // namespace

void exportSystem(napi_env env, napi_value exports) {
  setFunction(env, exports, "flock", flockCall);
  setFunction(env, exports, "fallocate", fallocateCall);
  setFunction(env, exports, "fdatasync", fdatasyncCall);
  setFunction(env, exports, "adviseHugePages", adviseHugePagesCall);
  setFunction(env, exports, "populateAhead", populateAheadCall);
  setFunction(env, exports, "moveBytes", moveBytesCall);
  setFunction(env, exports, "returnPages", returnPagesCall);
  setFunction(env, exports, "addressOf", addressOfCall);
  setFunction(env, exports, "residentBytes", residentBytesCall);
  setFunction(env, exports, "setThreadNice", setThreadNiceCall);
  setFunction(env, exports, "threadNice", threadNiceCall);
  setFunction(env, exports, "threadCpuUs", threadCpuUsCall);
  setFunction(env, exports, "threadUsage", threadUsageCall);
}

}  // namespace emberlog
