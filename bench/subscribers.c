// The clients of bench/subscribers.ts: many connections that subscribe to one channel and count bytes, and one that publishes.
//
//   subscribers PORT CONNECTIONS PIPELINE SECONDS MESSAGE_BYTES
//
// A round is PIPELINE messages sent at once; the next one begins when every subscriber has got all of them, so that nothing piles up whose
// handling would fall out of the measurement. Prints: seconds, messages delivered.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char* what) {
  perror(what);
  exit(1);
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int connectTo(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, (struct sockaddr*)&address, sizeof(address)) != 0) fail("connect");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

static void sendAll(int fd, const char* bytes, size_t length) {
  while (length > 0) {
    const ssize_t count = send(fd, bytes, length, MSG_NOSIGNAL);
    if (count < 0) fail("send");
    bytes += count;
    length -= (size_t)count;
  }
}

static char buffer[256 * 1024];

static void readExactly(int fd, long long length) {
  while (length > 0) {
    const size_t wanted = length < (long long)sizeof(buffer) ? (size_t)length : sizeof(buffer);
    const ssize_t count = recv(fd, buffer, wanted, 0);
    if (count <= 0) fail("recv");
    length -= count;
  }
}

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const int port = atoi(argv[1]), connections = atoi(argv[2]), pipeline = atoi(argv[3]);
  const double seconds = atof(argv[4]);
  const int messageBytes = atoi(argv[5]);

  const char subscribe[] = "*2\r\n$9\r\nSUBSCRIBE\r\n$7\r\nchannel\r\n";
  const char subscribed[] = "*3\r\n$9\r\nsubscribe\r\n$7\r\nchannel\r\n:1\r\n";
  const int epoll = epoll_create1(0);
  for (int i = 0; i < connections; i++) {
    const int fd = connectTo(port);
    sendAll(fd, subscribe, sizeof(subscribe) - 1);
    readExactly(fd, sizeof(subscribed) - 1);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  char message[64 * 1024];
  memset(message, 'x', sizeof(message));
  char* requests = malloc((size_t)pipeline * ((size_t)messageBytes + 128));
  size_t requestBytes = 0;
  for (int i = 0; i < pipeline; i++) {
    requestBytes += (size_t)sprintf(requests + requestBytes, "*3\r\n$7\r\nPUBLISH\r\n$7\r\nchannel\r\n$%d\r\n%.*s\r\n",
                                    messageBytes, messageBytes, message);
  }
  char header[128], reply[64];
  const int headerBytes = sprintf(header, "*3\r\n$7\r\nmessage\r\n$7\r\nchannel\r\n$%d\r\n", messageBytes);
  const int replyBytes = sprintf(reply, ":%d\r\n", connections);
  const long long roundBytes = (long long)connections * pipeline * (headerBytes + messageBytes + 2);

  const int publisher = connectTo(port);
  struct epoll_event events[1024];
  long long rounds = 0;
  // The first second warms up.
  double began = now(), from = began + 1, at = began;
  int measuring = 0;
  while (at < from + seconds || !measuring) {
    if (!measuring && at >= from) {
      measuring = 1;
      rounds = 0;
      from = at;
      printf("begin\n");
      fflush(stdout);
    }
    sendAll(publisher, requests, requestBytes);
    for (long long left = roundBytes; left > 0;) {
      const int count = epoll_wait(epoll, events, 1024, -1);
      for (int i = 0; i < count; i++) {
        // A read that does not fill the buffer has emptied the socket.
        for (;;) {
          const ssize_t length = recv(events[i].data.fd, buffer, sizeof(buffer), 0);
          if (length < 0 && errno == EAGAIN) break;
          if (length <= 0) fail("a subscriber's connection ended");
          left -= length;
          if (length < (ssize_t)sizeof(buffer)) break;
        }
      }
    }
    readExactly(publisher, (long long)pipeline * replyBytes);
    rounds++;
    at = now();
  }
  printf("%f %lld\n", at - from, rounds * pipeline * connections);
  return 0;
}
