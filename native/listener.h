// Listening sockets, and the names of socket ends.
#ifndef EMBERLOG_LISTENER_H
#define EMBERLOG_LISTENER_H

#include <cstddef>

namespace emberlog {

// Each returns a non-blocking descriptor, or -errno. A host is an address or a name; "" and "*" are all addresses.
int openTcpListener(const char* host, int port, int backlog);

// Replaces a socket file that nobody listens on any more. `mode` 0 leaves the permissions as the umask makes them.
int openUnixListener(const char* path, int mode, int backlog);

// The port of a bound socket, 0 for a unix socket, or -errno.
int portOf(int fd);

// Accepted sockets inherit this on Linux, so it costs nothing for each of them. 0 switches it off.
void setListenerKeepAlive(int fd, int seconds);

// "127.0.0.1:6379", "[::1]:6379" or "/path:0". Empty when the socket is gone.
void addressText(int fd, bool peer, char* text, size_t capacity);

}  // namespace emberlog

#endif
