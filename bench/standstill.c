/*
 * A witness of the machine's own pauses: standstill CORE PID
 *
 * A virtual machine's processors are stopped now and then by their host, and what ran on one is charged for the time: its thread's clock
 * goes on although no instruction is executed. A thread's time on the processor therefore can't tell a long turn from a stop.
 *
 * This program sleeps on the core that it watches and wakes every half millisecond. It asks for the highest priority and the shortest
 * slice, so that whatever runs there is interrupted for it. When it wakes late by LATE_MS and more, while the thread PID alone was charged for
 * that time, neither ran: the processor stood still. A line of input ends a period and prints "stops longestMs totalMs" of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_MS 0.5
#define LATE_MS 1.0
#define SLICE_NS 100000

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
  int stops = 0;
  double longest = 0, total = 0;
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
    struct pollfd input = {.fd = 0, .events = POLLIN};
    if (poll(&input, 1, 0) <= 0) continue;
    char line[64];
    if (read(0, line, sizeof(line)) <= 0) return 0;
    printf("%d %.2f %.2f\n", stops, longest, total);
    fflush(stdout);
    stops = 0;
    longest = total = 0;
  }
}
