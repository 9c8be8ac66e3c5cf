/*
 * A witness of what the machine itself does to a server: standstill CORE PID
 *
 * The host of a virtual machine stops its processors now and then, and what ran on one is charged for the time: its thread's clock goes on
 * although no instruction is executed. And it takes the guest's memory away, page by page, to see which pages are written or to copy
 * them: for some tens of milliseconds the first write to each page then costs 20 to 60 microseconds, and everything runs fifty times slower.
 * A thread's time on the processor can't tell either from a long turn.
 *
 * This program sleeps on the core that it watches and wakes every half millisecond. It asks for the highest priority and the shortest
 * slice, so that whatever runs there is interrupted for it.
 *
 * - When it wakes late by LATE_MS and more, while the thread PID alone was charged for that time, neither ran: the core stood still.
 * - When it writes to PAGES pages that it has written to long before, which takes two or three microseconds, and needs SLOW_MS and more for
 *   that, memory is slow. The time from one wake to the next counts.
 *
 * A line of input ends a period and prints "stops longestMs totalMs slowMs" of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_MS 0.5
#define LATE_MS 1.0
#define SLICE_NS 100000
#define PAGES 16
#define PAGE_BYTES 4096
#define MEMORY_PAGES 8192
#define SLOW_MS 0.1

struct scheduling {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

static double now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* Time that the watched thread was charged for, ms; -1 when it has ended. */
static double charged_ms(int fd) {
  char text[96];
  const ssize_t length = pread(fd, text, sizeof(text) - 1, 0);
  if (length <= 0) return -1;
  text[length] = 0;
  return strtod(text, NULL) / 1e6;
}

static unsigned char *memory;

/* Writes to a few pages here and there; returns how long that took, ms. */
static double write_pages(void) {
  static uint64_t state = 88172645463325252u;
  const double begin = now_ms();
  for (int i = 0; i < PAGES; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    ((volatile unsigned char *)memory)[(state % MEMORY_PAGES) * PAGE_BYTES]++;
  }
  return now_ms() - begin;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(atoi(argv[1]), &cores);
  if (sched_setaffinity(0, sizeof(cores), &cores) != 0) return 1;
  /* Both are wishes: without the right to them the witness sees less, and says that less often. */
  setpriority(PRIO_PROCESS, 0, -20);
  struct scheduling wanted = {.size = sizeof(wanted), .nice = getpriority(PRIO_PROCESS, 0), .runtime = SLICE_NS};
  syscall(SYS_sched_setattr, 0, &wanted, 0);

  char path[96];
  snprintf(path, sizeof(path), "/proc/%s/task/%s/schedstat", argv[2], argv[2]);
  const int fd = open(path, O_RDONLY);
  if (fd < 0) return 1;
  memory = malloc((size_t)MEMORY_PAGES * PAGE_BYTES);
  if (memory == NULL) return 1;
  memset(memory, 1, (size_t)MEMORY_PAGES * PAGE_BYTES);
  int stops = 0;
  double longest = 0, total = 0, slow = 0;
  double charged = charged_ms(fd);
  double at = now_ms();
  for (;;) {
    const struct timespec pause = {.tv_nsec = (long)(PERIOD_MS * 1e6)};
    nanosleep(&pause, NULL);
    /* From wake to wake, so that nothing falls between. */
    const double charged_before = charged;
    const double before = at;
    charged = charged_ms(fd);
    at = now_ms();
    const double late = at - before - PERIOD_MS;
    const double stop = charged - charged_before < late ? charged - charged_before : late;
    if (stop >= LATE_MS) {
      stops++;
      total += stop;
      if (stop > longest) longest = stop;
    }
    if (write_pages() >= SLOW_MS) slow += now_ms() - before;
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (poll(&input, 1, 0) <= 0) continue;
    char line[64];
    if (read(0, line, sizeof(line)) <= 0) return 0;
    printf("%d %.2f %.2f %.1f\n", stops, longest, total, slow);
    fflush(stdout);
    stops = 0;
    longest = total = slow = 0;
  }
}
