// A disk whose syncs are slow, for a server that knows nothing of it: preload this library and every fdatasync and fsync first waits.
//
//   EMBERLOG_SLOW_SYNC_MS=2 EMBERLOG_SLOW_SYNC_COUNT=/tmp/count LD_PRELOAD=…/slow_sync.so redis-server …
//
// The file of EMBERLOG_SLOW_SYNC_COUNT holds eight bytes, the number of syncs begun so far: who measures reads it, because a server whose
// calls passed this library by would only seem to be fast. The wait comes before the sync and in the thread that syncs, as a slow disk's
// does; writes meanwhile go on. Must not sync less than it is asked to: the data is as safe as without it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static int (*realFdatasync)(int);
static int (*realFsync)(int);
static struct timespec delay;
static uint64_t* syncs;

__attribute__((constructor)) static void start(void) {
  realFdatasync = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  realFsync = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const char* ms = getenv("EMBERLOG_SLOW_SYNC_MS");
  const double seconds = ms == NULL ? 0 : atof(ms) / 1e3;
  delay.tv_sec = (time_t)seconds;
  delay.tv_nsec = (long)((seconds - (double)delay.tv_sec) * 1e9);
  const char* path = getenv("EMBERLOG_SLOW_SYNC_COUNT");
  if (path == NULL) return;
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  void* mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (mapped == MAP_FAILED) {
    perror(path);
    _exit(1);
  }
  close(fd);
  syncs = mapped;
}

static void waitFirst(void) {
  if (syncs != NULL) __atomic_add_fetch(syncs, 1, __ATOMIC_RELAXED);
  if (delay.tv_sec == 0 && delay.tv_nsec == 0) return;  // a sleep of no time takes the kernel's timer slack, 50 us and more
  // Not the kernel's 50 us later, and not together with other sleepers whose time comes within those.
  const int slackNs = prctl(PR_GET_TIMERSLACK);
  prctl(PR_SET_TIMERSLACK, 1);
  struct timespec left = delay;
  while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) continue;
  prctl(PR_SET_TIMERSLACK, slackNs);
}

int fdatasync(int fd) {
  waitFirst();
  return realFdatasync(fd);
}

int fsync(int fd) {
  waitFirst();
  return realFsync(fd);
}
