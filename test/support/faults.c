/* Preloaded into a server, it fails its syncs and writes, cuts them short and sets its clock, as a file mapped by the test says. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct faults {
  int32_t sync_errno;
  int32_t write_errno;
  int32_t write_bytes_max;
  int32_t syncs_failed;
  int32_t writes_failed;
  int32_t writes_cut;
  int64_t clock_offset_ms;
};

static volatile struct faults none;
static volatile struct faults *faults = &none;

__attribute__((constructor)) static void map(void) {
  const char *path = getenv("EMBERLOG_FAULTS");
  int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *shared = mmap(NULL, sizeof(struct faults), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (shared != MAP_FAILED) faults = shared;
  close(fd);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int sync_fails(void) {
  if (faults->sync_errno == 0) return 0;
  __atomic_add_fetch(&faults->syncs_failed, 1, __ATOMIC_SEQ_CST);
  errno = faults->sync_errno;
  return 1;
}

int fdatasync(int fd) { return sync_fails() ? -1 : REAL(fdatasync)(fd); }
int fsync(int fd) { return sync_fails() ? -1 : REAL(fsync)(fd); }

static ssize_t write_at(int fd, const void *bytes, size_t length, off64_t offset) {
  if (faults->write_errno != 0) {
    __atomic_add_fetch(&faults->writes_failed, 1, __ATOMIC_SEQ_CST);
    errno = faults->write_errno;
    return -1;
  }
  size_t most = (size_t)faults->write_bytes_max;
  if (most > 0 && length > most) {
    __atomic_add_fetch(&faults->writes_cut, 1, __ATOMIC_SEQ_CST);
    length = most;
  }
  return REAL(pwrite64)(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) { return write_at(fd, bytes, length, offset); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return write_at(fd, bytes, length, offset); }

int clock_gettime(clockid_t id, struct timespec *now) {
  int result = REAL(clock_gettime)(id, now);
  int64_t offset = faults->clock_offset_ms;
  if (result == 0 && id == CLOCK_REALTIME && offset != 0) now->tv_sec += offset / 1000;
  return result;
}

int gettimeofday(struct timeval *now, void *zone) {
  struct timespec time;
  if (clock_gettime(CLOCK_REALTIME, &time) != 0) return -1;
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  (void)zone;
  return 0;
}
