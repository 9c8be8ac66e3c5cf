#include "listener.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace emberlog {
namespace {

int closeWith(int fd, int error) {
  close(fd);
  return -error;
}

// True when a socket file is left over: it is a socket, and connecting is refused.
bool isStaleSocket(const char* path, const sockaddr_un& address) {
  struct stat status;
  if (lstat(path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return false;
  const bool refused = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 &&
                       errno == ECONNREFUSED;
  close(probe);
  return refused;
}

int listenOn(const addrinfo* found, int backlog) {
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));  // inherited by what is accepted
  if (found->ai_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (bind(fd, found->ai_addr, found->ai_addrlen) != 0) return closeWith(fd, errno);
  if (listen(fd, backlog) != 0) return closeWith(fd, errno);
  return fd;
}

}  // namespace

int openTcpListener(const char* host, int port, int backlog) {
  char service[16];
  snprintf(service, sizeof(service), "%d", port);
  addrinfo hints;
  memset(&hints, 0, sizeof(hints));
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const bool everywhere = host[0] == 0 || strcmp(host, "*") == 0;
  if (everywhere) hints.ai_family = AF_INET;
  addrinfo* found = nullptr;
  if (getaddrinfo(everywhere ? nullptr : host, service, &hints, &found) != 0) return -EADDRNOTAVAIL;
  int result = -EADDRNOTAVAIL;
  for (addrinfo* next = found; next != nullptr && result < 0; next = next->ai_next) result = listenOn(next, backlog);
  freeaddrinfo(found);
  return result;
}

int openUnixListener(const char* path, int mode, int backlog) {
  sockaddr_un address;
  memset(&address, 0, sizeof(address));
  address.sun_family = AF_UNIX;
  if (path[0] == 0) return -EINVAL;
  if (strlen(path) >= sizeof(address.sun_path)) return -ENAMETOOLONG;
  strcpy(address.sun_path, path);
  if (isStaleSocket(path, address)) unlink(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) return closeWith(fd, errno);
  if ((mode != 0 && chmod(path, static_cast<mode_t>(mode)) != 0) || listen(fd, backlog) != 0) {
    const int error = errno;
    unlink(path);  // bound just now, so it is ours
    return closeWith(fd, error);
  }
  return fd;
}

int portOf(int fd) {
  sockaddr_storage address;
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return -errno;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
  if (address.ss_family == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port);
  return 0;
}

void setListenerKeepAlive(int fd, int seconds) {
  const int on = seconds > 0 ? 1 : 0;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  if (on == 0) return;
  const int interval = seconds / 3 > 0 ? seconds / 3 : 1;
  const int probes = 3;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

void addressText(int fd, bool peer, char* text, size_t capacity) {
  text[0] = 0;
  if (fd < 0) return;
  sockaddr_storage address;
  memset(&address, 0, sizeof(address));
  socklen_t length = sizeof(address);
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (getsockname(fd, any, &length) != 0) return;
  if (address.ss_family == AF_UNIX) {
    // The peer of a unix socket has no name: both ends are called by the listener's path, as Redis does.
    const char* path = reinterpret_cast<const sockaddr_un*>(&address)->sun_path;
    snprintf(text, capacity, "%.*s:0", static_cast<int>(sizeof(sockaddr_un::sun_path)), path);
    return;
  }
  length = sizeof(address);
  if (peer && getpeername(fd, any, &length) != 0) return;
  char host[INET6_ADDRSTRLEN] = "";
  if (address.ss_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&address);
    inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
    snprintf(text, capacity, "%s:%d", host, ntohs(v4->sin_port));
  } else {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&address);
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
    snprintf(text, capacity, "[%s]:%d", host, ntohs(v6->sin6_port));
  }
}

}  // namespace emberlog
