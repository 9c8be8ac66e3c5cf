// A load client that costs less than the servers it measures: one thread, requests made beforehand, replies counted where they lie.
//
//   load PORT [--seconds S] [--warmup S] [--wait] [--server-pid PID]
//        [--group NAME [--clients 50] [--pipeline 1] [--keys 1000000] [--data 32] [--requests N] [--rate N] -- WORD...]...
//
// Why not redis-benchmark: its core is full at 1.6 M requests a second, and at 300 k replies of 100 elements, where the servers are not.
//
// A group is a number of connections that send one command. `__rand_int__` in a word becomes twelve digits drawn below --keys,
// `__rand_int:N__` twelve digits drawn below N, anew in every request; `__data__` becomes --data bytes. Groups run side by side and are
// measured apart. The run ends after --seconds (those of --warmup before them are not measured), or when every group has sent its
// --requests. With --rate a group begins so many requests a second, evenly, whatever the server does; else a connection sends its next
// pipeline as soon as the replies of the one before are there.
//
// A latency reaches from the sending of a pipeline to the last byte of its last reply; with --rate it begins when the pipeline was DUE,
// so that a server that stands still is charged with all who would have come meanwhile.
//
// Polls without sleeping, so that no server pays for waking it up; `busyShare` is the part of the time that found something to do, which
// tells whether client or server was the limit. With --wait it sleeps when there is nothing to do, and is woken as other clients are:
// for a machine that has other work to do, and `busyShare` is its share of the processor then.
//
// Prints one JSON object. An error reply, a reply that nobody asked for, a closed connection or no reply for ten seconds ends the run with
// status 1. Must not parse more of a reply than where it ends: nothing is copied, an element is skipped by its length.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define GROUPS_MAX 16
#define SLOTS_MAX 256
#define EVENTS 256
#define STALLED_NS 10000000000ull
#define NEVER UINT64_MAX

// ---------------------------------------------------------------------------------------------------------------- latencies
// Buckets of 1/128 of their power of two: a percentile is known to 0.8 %.
#define SUB_BITS 7
#define BUCKETS ((64 - SUB_BITS + 1) << SUB_BITS)

static unsigned bucketOf(uint64_t ns) {
  if (ns < (1u << SUB_BITS)) return (unsigned)ns;
  const unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - SUB_BITS;
  return ((shift + 1) << SUB_BITS) + (unsigned)((ns >> shift) & ((1u << SUB_BITS) - 1));
}

// The upper end of a bucket.
static double bucketNs(unsigned bucket) {
  if (bucket < (1u << SUB_BITS)) return bucket;
  const unsigned shift = (bucket >> SUB_BITS) - 1;
  return (double)(((uint64_t)(1u << SUB_BITS) + (bucket & ((1u << SUB_BITS) - 1)) + 1) << shift);
}

// ------------------------------------------------------------------------------------------------------------------- groups
struct slot {
  uint32_t offset;  // of the twelve digits in a request
  uint64_t range;
};

struct connection;

struct group {
  const char* name;
  unsigned clients, pipeline, dataBytes;
  uint64_t keys;
  uint64_t requestsMax;  // 0: until the time is over
  double rate;           // 0: as fast as the replies come
  char* request;
  size_t requestBytes;
  struct slot slots[SLOTS_MAX];
  unsigned slotCount;

  uint64_t begun;  // requests sent or being sent, since the start
  uint64_t ended;  // requests answered, since the start
  uint64_t dueNs, intervalNs;
  struct connection** idle;
  unsigned idleCount;

  // Of the measured time alone.
  uint64_t done, nulls, bytes, maxNs;
  uint64_t* histogram;
};

struct connection {
  struct group* group;
  int fd;
  unsigned expected;  // replies still to come
  uint32_t sent;      // bytes of the pipeline that the kernel has taken
  uint64_t startNs;
  char* requests;
  // Where the last read ended inside a reply.
  char type;      // of the line begun, 0 at its beginning
  bool negative;  // its number, as far as read
  uint64_t number;
  uint64_t skip;   // bytes left of a bulk string and its line end
  uint64_t items;  // elements left of the reply, itself included
};

static struct group groups[GROUPS_MAX];
static unsigned groupCount;
static struct connection* connections;
static unsigned connectionCount;
static bool measuring, stopping;
static char input[1 << 18];

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static void failGroup(const struct group* group, const char* what) {
  fprintf(stderr, "load: group %s: %s\n", group->name, what);
  exit(1);
}

static uint64_t nowNs(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

// ----------------------------------------------------------------------------------------------------------------- requests
static uint64_t randomState = 0x9e3779b97f4a7c15ull;

static uint64_t randomBelow(uint64_t range) {
  randomState ^= randomState << 13;
  randomState ^= randomState >> 7;
  randomState ^= randomState << 17;
  return (uint64_t)(((unsigned __int128)randomState * range) >> 64);
}

static char pairs[200];

static void writePair(char* at, uint32_t value) { memcpy(at, pairs + 2 * value, 2); }

// Twelve digits.
static void writeDigits(char* at, uint64_t value) {
  const uint32_t low = (uint32_t)(value % 1000000), high = (uint32_t)(value / 1000000);
  writePair(at, high / 10000);
  writePair(at + 2, high / 100 % 100);
  writePair(at + 4, high % 100);
  writePair(at + 6, low / 10000);
  writePair(at + 8, low / 100 % 100);
  writePair(at + 10, low % 100);
}

static void append(struct group* group, const char* bytes, size_t length) {
  group->request = realloc(group->request, group->requestBytes + length);
  memcpy(group->request + group->requestBytes, bytes, length);
  group->requestBytes += length;
}

static void appendWord(struct group* group, const char* word) {
  char* text = malloc(strlen(word) * 2 + group->dataBytes * (strlen(word) / 8 + 1) + 64);
  size_t length = 0;
  const unsigned firstSlot = group->slotCount;
  while (*word != 0) {
    uint64_t range = 0;
    if (strncmp(word, "__data__", 8) == 0) {
      memset(text + length, 'x', group->dataBytes);
      length += group->dataBytes;
      word += 8;
      continue;
    }
    if (strncmp(word, "__rand_int__", 12) == 0) {
      range = group->keys;
      word += 12;
    } else if (strncmp(word, "__rand_int:", 11) == 0) {
      char* end;
      range = strtoull(word + 11, &end, 10);
      if (strncmp(end, "__", 2) != 0) failGroup(group, "__rand_int:N__ is not ended by __");
      word = end + 2;
    }
    if (range == 0) {
      text[length++] = *word++;
      continue;
    }
    if (range > 1000000000000ull) failGroup(group, "random numbers have twelve digits");
    if (group->slotCount == SLOTS_MAX) failGroup(group, "too many random numbers in a request");
    group->slots[group->slotCount++] = (struct slot){.offset = (uint32_t)length, .range = range};
    memset(text + length, '0', 12);
    length += 12;
  }
  char head[32];
  append(group, head, (size_t)sprintf(head, "$%zu\r\n", length));
  for (unsigned i = firstSlot; i < group->slotCount; i++) group->slots[i].offset += (uint32_t)group->requestBytes;
  append(group, text, length);
  append(group, "\r\n", 2);
  free(text);
}

static void writeRandoms(struct connection* connection) {
  const struct group* group = connection->group;
  char* request = connection->requests;
  for (unsigned i = 0; i < group->pipeline; i++, request += group->requestBytes) {
    for (unsigned k = 0; k < group->slotCount; k++) {
      writeDigits(request + group->slots[k].offset, randomBelow(group->slots[k].range));
    }
  }
}

// -------------------------------------------------------------------------------------------------------- sending, receiving
static void sendMore(struct connection* connection) {
  const size_t total = connection->group->pipeline * connection->group->requestBytes;
  while (connection->sent < total) {
    const ssize_t count = send(connection->fd, connection->requests + connection->sent, total - connection->sent, MSG_NOSIGNAL);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count < 0) fail("send");
    connection->sent += (uint32_t)count;
  }
}

static void begin(struct connection* connection, uint64_t startNs) {
  struct group* group = connection->group;
  group->begun += group->pipeline;
  connection->startNs = startNs;
  connection->expected = group->pipeline;
  connection->sent = 0;
  if (group->slotCount != 0) writeRandoms(connection);
  sendMore(connection);
}

static bool mayBegin(const struct group* group) {
  return !stopping && (group->requestsMax == 0 || group->begun + group->pipeline <= group->requestsMax);
}

// Pipelines of a group with a rate that are due.
static void beginDue(struct group* group, uint64_t now) {
  while (group->idleCount > 0 && group->dueNs <= now && mayBegin(group)) {
    begin(group->idle[--group->idleCount], group->dueNs);
    group->dueNs += group->intervalNs;
  }
}

static void ended(struct connection* connection) {
  struct group* group = connection->group;
  const uint64_t now = nowNs();
  group->ended += group->pipeline;
  if (measuring) {
    const uint64_t ns = now - connection->startNs;
    group->done += group->pipeline;
    group->histogram[bucketOf(ns)] += group->pipeline;
    if (ns > group->maxNs) group->maxNs = ns;
  }
  if (group->rate != 0) {
    group->idle[group->idleCount++] = connection;
    beginDue(group, now);
  } else if (mayBegin(group)) {
    begin(connection, now);
  }
}

// An error, or what is no reply of RESP2; `p` is behind its first byte.
static void failReply(const struct group* group, char type, const char* p, const char* end) {
  char text[256];
  int length = 0;
  while (length < 200 && p + length < end && p[length] >= ' ') length++;
  snprintf(text, sizeof(text), "%s: %c%.*s", type == '-' ? "error reply" : "not RESP2", type, length, p);
  failGroup(group, text);
}

// Counts the replies that end in the bytes given.
static void count(struct connection* connection, const char* p, const char* end) {
  uint64_t skip = connection->skip, items = connection->items, number = connection->number;
  char type = connection->type;
  bool negative = connection->negative;
  unsigned replies = 0;
  while (p < end) {
    if (skip > 0) {
      if ((uint64_t)(end - p) < skip) {
        skip -= (uint64_t)(end - p);
        break;
      }
      p += skip;
      skip = 0;
    } else {
      if (type == 0) {
        type = *p++;
        number = 0;
        negative = false;
      }
      if (type == '$' || type == '*') {
        while (p < end && *p != '\n') {
          if (*p >= '0' && *p <= '9') number = number * 10 + (uint64_t)(*p - '0');
          else if (*p == '-') negative = true;
          p++;
        }
      } else if (type == '+' || type == ':') {
        while (p < end && *p != '\n') p++;
      } else {
        failReply(connection->group, type, p, end);
      }
      if (p == end) break;
      p++;
      const char kind = type;
      type = 0;
      if (kind == '$' || kind == '*') {
        if (negative) {
          if (measuring) connection->group->nulls++;
        } else if (kind == '$') {
          skip = number + 2;
          continue;
        } else {
          items += number;
        }
      }
    }
    if (--items == 0) {
      replies++;
      items = 1;
    }
  }
  connection->skip = skip;
  connection->items = items;
  connection->number = number;
  connection->type = type;
  connection->negative = negative;
  if (replies == 0) return;
  if (replies > connection->expected) failGroup(connection->group, "more replies than requests");
  connection->expected -= replies;
  if (connection->expected == 0) ended(connection);
}

static void receive(struct connection* connection) {
  for (;;) {
    const ssize_t length = recv(connection->fd, input, sizeof(input), 0);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length < 0) fail("recv");
    if (length == 0) failGroup(connection->group, "the server closed a connection");
    if (measuring) connection->group->bytes += (uint64_t)length;
    count(connection, input, input + length);
    // Edge-triggered: a read that does not fill the buffer has emptied the socket, and what comes later is told anew.
    if ((size_t)length < sizeof(input)) return;
  }
}

// ------------------------------------------------------------------------------------------------------- processor time, JSON
struct cpu {
  double user, system;
};

static struct cpu ownCpu(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (struct cpu){(double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6,
                      (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6};
}

// Of a whole process, all its threads.
static struct cpu cpuOf(long pid) {
  char path[64], text[2048];
  snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
  FILE* file = fopen(path, "r");
  if (file == NULL) fail(path);
  const size_t length = fread(text, 1, sizeof(text) - 1, file);
  fclose(file);
  text[length] = 0;
  unsigned long user = 0, system = 0;
  const char* rest = strrchr(text, ')');
  if (rest == NULL || sscanf(rest + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2) fail(path);
  const double ticks = (double)sysconf(_SC_CLK_TCK);
  return (struct cpu){(double)user / ticks, (double)system / ticks};
}

static double percentileMs(const struct group* group, double share) {
  const double wanted = (double)group->done * share;
  uint64_t seen = 0;
  for (unsigned i = 0; i < BUCKETS; i++) {
    seen += group->histogram[i];
    if (seen > 0 && (double)seen >= wanted) {
      const double ns = bucketNs(i);
      return (ns < (double)group->maxNs ? ns : (double)group->maxNs) / 1e6;
    }
  }
  return 0;
}

static void printGroup(const struct group* group, double seconds) {
  printf("{\"name\":\"%s\",\"clients\":%u,\"pipeline\":%u,\"requests\":%llu,\"requestsPerSecond\":%.1f,", group->name, group->clients,
         group->pipeline, (unsigned long long)group->done, (double)group->done / seconds);
  printf("\"p50Ms\":%.4f,\"p99Ms\":%.4f,\"p999Ms\":%.4f,\"maxMs\":%.4f,", percentileMs(group, 0.5), percentileMs(group, 0.99),
         percentileMs(group, 0.999), (double)group->maxNs / 1e6);
  printf("\"nulls\":%llu,\"bytes\":%llu}", (unsigned long long)group->nulls, (unsigned long long)group->bytes);
}

// ------------------------------------------------------------------------------------------------------------------ start, run
static void connectAll(struct connection* connection, struct group* group, int port, int epoll) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) fail("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  fcntl(fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  *connection = (struct connection){.group = group, .fd = fd, .items = 1};
  connection->requests = malloc(group->pipeline * group->requestBytes);
  for (unsigned i = 0; i < group->pipeline; i++) {
    memcpy(connection->requests + i * group->requestBytes, group->request, group->requestBytes);
  }
}

static void usage(void) {
  fprintf(stderr,
          "usage: load PORT [--seconds S] [--warmup S] [--wait] [--server-pid PID]\n"
          "            [--group NAME [--clients N] [--pipeline N] [--keys N] [--data N] [--requests N] [--rate N] -- WORD...]...\n");
  exit(2);
}

static double wantedSeconds = 5, warmupSeconds;
static bool waits;
static long serverPid;
static int port;

static void readArguments(int argc, char** argv) {
  if (argc < 2) usage();
  port = atoi(argv[1]);
  struct group* group = NULL;
  for (int i = 2; i < argc; i++) {
    const char* name = argv[i];
    if (strcmp(name, "--wait") == 0) {
      waits = true;
      continue;
    }
    if (strcmp(name, "--") == 0) {
      if (group == NULL) usage();
      int words = 0;
      while (i + 1 + words < argc && strcmp(argv[i + 1 + words], "--group") != 0) words++;
      if (words == 0) usage();
      char head[32];
      append(group, head, (size_t)sprintf(head, "*%d\r\n", words));
      for (int k = 0; k < words; k++) appendWord(group, argv[++i]);
      group = NULL;
      continue;
    }
    if (i + 1 == argc) usage();
    const char* value = argv[++i];
    if (strcmp(name, "--group") == 0) {
      if (group != NULL || groupCount == GROUPS_MAX) usage();
      group = &groups[groupCount++];
      *group = (struct group){.name = value, .clients = 50, .pipeline = 1, .keys = 1000000, .dataBytes = 32};
    } else if (group == NULL) {
      if (strcmp(name, "--seconds") == 0) wantedSeconds = atof(value);
      else if (strcmp(name, "--warmup") == 0) warmupSeconds = atof(value);
      else if (strcmp(name, "--server-pid") == 0) serverPid = atol(value);
      else usage();
    } else if (strcmp(name, "--clients") == 0) group->clients = (unsigned)atoi(value);
    else if (strcmp(name, "--pipeline") == 0) group->pipeline = (unsigned)atoi(value);
    else if (strcmp(name, "--keys") == 0) group->keys = strtoull(value, NULL, 10);
    else if (strcmp(name, "--data") == 0) group->dataBytes = (unsigned)atoi(value);
    else if (strcmp(name, "--requests") == 0) group->requestsMax = strtoull(value, NULL, 10);
    else if (strcmp(name, "--rate") == 0) group->rate = atof(value);
    else usage();
  }
  if (groupCount == 0 || group != NULL) usage();
  for (unsigned i = 0; i < groupCount; i++) {
    if (groups[i].clients == 0 || groups[i].pipeline == 0 || groups[i].keys == 0) usage();
    if (groups[i].requestBytes * groups[i].pipeline > UINT32_MAX) failGroup(&groups[i], "a pipeline of more than 4 GiB");
  }
}

// Wakes a client that sleeps when the next pipeline of a group with a rate is due and a connection is free for it.
static void setAlarm(int timer) {
  uint64_t due = NEVER;
  for (unsigned i = 0; i < groupCount; i++) {
    const struct group* group = &groups[i];
    if (group->rate != 0 && group->idleCount > 0 && group->dueNs < due && mayBegin(group)) due = group->dueNs;
  }
  struct itimerspec alarm = {0};
  if (due != NEVER) alarm.it_value = (struct timespec){(time_t)(due / 1000000000ull), (long)(due % 1000000000ull)};
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &alarm, NULL);
}

// What bounds the run, and what it has done so far.
static uint64_t startNs, beganNs, endNs = NEVER;
static struct cpu ownBefore, serverBefore;

static void beginMeasuring(uint64_t now) {
  measuring = true;
  beganNs = now;
  endNs = wantedSeconds == 0 ? NEVER : now + (uint64_t)(wantedSeconds * 1e9);
  ownBefore = ownCpu();
  if (serverPid != 0) serverBefore = cpuOf(serverPid);
}

// Is a reply still to come? A group with a low rate may have nothing on its way.
static bool anyUnanswered(void) {
  for (unsigned i = 0; i < groupCount; i++) {
    if (groups[i].ended < groups[i].begun) return true;
  }
  return false;
}

// Is nothing on its way, and nothing left to send?
static bool allAnswered(void) {
  for (unsigned i = 0; i < groupCount; i++) {
    if (mayBegin(&groups[i])) return false;
  }
  return !anyUnanswered();
}

int main(int argc, char** argv) {
  readArguments(argc, argv);
  for (unsigned i = 0; i < 100; i++) pairs[2 * i] = (char)('0' + i / 10), pairs[2 * i + 1] = (char)('0' + i % 10);
  const int epoll = epoll_create1(0);
  for (unsigned i = 0; i < groupCount; i++) connectionCount += groups[i].clients;
  connections = calloc(connectionCount, sizeof(*connections));
  struct connection* next = connections;
  bool rated = false, endless = false;
  for (unsigned i = 0; i < groupCount; i++) {
    struct group* group = &groups[i];
    group->histogram = calloc(BUCKETS, sizeof(uint64_t));
    group->idle = malloc(group->clients * sizeof(struct connection*));
    for (unsigned k = 0; k < group->clients; k++) connectAll(next++, group, port, epoll);
    if (group->rate != 0) rated = true;
    if (group->requestsMax == 0) endless = true;
  }
  // Where every group has a number of requests, that ends the run.
  if (!endless) wantedSeconds = 0;

  startNs = nowNs();
  const uint64_t warmNs = startNs + (uint64_t)(warmupSeconds * 1e9);
  if (warmupSeconds == 0) beginMeasuring(startNs);
  next = connections;
  for (unsigned i = 0; i < groupCount; i++) {
    struct group* group = &groups[i];
    group->dueNs = startNs;
    group->intervalNs = group->rate == 0 ? 0 : (uint64_t)(1e9 * group->pipeline / group->rate);
    for (unsigned k = 0; k < group->clients; k++, next++) {
      if (group->rate != 0) group->idle[group->idleCount++] = next;
      else if (mayBegin(group)) begin(next, nowNs());
    }
  }

  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event alarmEvent = {.events = EPOLLIN | EPOLLET, .data.ptr = NULL};
  if (timer < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &alarmEvent) != 0) fail("timerfd");
  struct epoll_event events[EVENTS];
  uint64_t now = nowNs(), lastEventNs = now, idleNs = 0;
  double seconds = 0;
  struct cpu own = {0}, server = {0};
  for (;;) {
    for (unsigned i = 0; rated && i < groupCount; i++) {
      if (groups[i].rate != 0) beginDue(&groups[i], now);
    }
    if (waits && rated) setAlarm(timer);
    const int ready = epoll_wait(epoll, events, EVENTS, waits ? 50 : 0);
    for (int i = 0; i < ready; i++) {
      struct connection* connection = events[i].data.ptr;
      if (connection == NULL) continue;
      if ((events[i].events & EPOLLOUT) != 0 && connection->expected != 0) sendMore(connection);
      if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) receive(connection);
    }
    const uint64_t then = now;
    now = nowNs();
    if (ready > 0) lastEventNs = now;
    else if (measuring) idleNs += now - then;
    if (!measuring && !stopping && now >= warmNs) beginMeasuring(now);
    if (!stopping && (now >= endNs || (wantedSeconds == 0 && allAnswered()))) {
      seconds = (double)(now - beganNs) / 1e9;
      own = ownCpu();
      if (serverPid != 0) server = cpuOf(serverPid);
      measuring = false;
      stopping = true;
    }
    if (stopping && allAnswered()) break;
    if (now - lastEventNs > STALLED_NS && anyUnanswered()) {
      fprintf(stderr, "load: no reply for %llu s\n", STALLED_NS / 1000000000ull);
      return 1;
    }
  }

  const double ownUser = own.user - ownBefore.user, ownSystem = own.system - ownBefore.system;
  printf("{\"seconds\":%.6f,\"userSeconds\":%.6f,\"systemSeconds\":%.6f,\"busyShare\":%.4f,", seconds, ownUser, ownSystem,
         waits ? (ownUser + ownSystem) / seconds : 1 - (double)idleNs / 1e9 / seconds);
  if (serverPid != 0) {
    printf("\"serverUserSeconds\":%.3f,\"serverSystemSeconds\":%.3f,", server.user - serverBefore.user,
           server.system - serverBefore.system);
  }
  printf("\"groups\":[");
  for (unsigned i = 0; i < groupCount; i++) {
    if (i > 0) printf(",");
    printGroup(&groups[i], seconds);
  }
  printf("]}\n");
  return 0;
}
