#include "reactor.h"

#include <cerrno>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "listener.h"

namespace emberlog {
namespace {

constexpr int kPolledMax = 1024;
// Turns before libuv gets its share, and the time after which no further turn begins.
constexpr int kTurnsMax = 64;
constexpr uint64_t kBusyNs = 1000 * 1000;
constexpr int kAcceptsMax = 256;
// A turn with less room than this left in the input region takes no further connection: the rest leads the next turn.
constexpr size_t kInputBytesLeast = 1024;
constexpr int kPartsMax = 64;
// sendmsg calls for one connection's queue before the others get their turn.
constexpr int kFlushesMax = 8;

enum Kind : uint32_t { kConnection = 0, kListener = 1, kLogEvent = 2, kTimer = 3 };

uint64_t tagOf(Kind kind, int index) {
  return (static_cast<uint64_t>(kind) << 32) | static_cast<uint32_t>(index);
}

uint64_t nowNs() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1000000000ULL + static_cast<uint64_t>(time.tv_nsec);
}

}  // namespace

Reactor::Reactor(ReactorHost* host, const Regions& regions)
    : host_(host), regions_(regions), connections_(static_cast<size_t>(regions.connectionsMax)) {
  for (int32_t slot = regions.connectionsMax - 1; slot >= 0; slot--) freeSlots_.push_back(slot);
  ready_.resize(static_cast<size_t>(regions.connectionsMax));
  polled_.resize(kPolledMax);
}

Reactor::~Reactor() { closeAll(); }

int Reactor::open() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (epoll_ < 0 || timer_ < 0) return -errno;
  epoll_event event;
  event.events = EPOLLIN | EPOLLET;  // each expiry is an edge, so that the counter need never be read
  event.data.u64 = tagOf(kTimer, timer_);
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, timer_, &event) == 0 ? 0 : -errno;
}

void Reactor::pushReady(int32_t slot) {
  Connection& c = connections_[slot];
  if (c.inReady) return;
  c.inReady = true;
  int32_t position = readyStart_ + readyCount_;
  if (position >= regions_.connectionsMax) position -= regions_.connectionsMax;
  ready_[position] = slot;
  readyCount_++;
}

int32_t Reactor::popReady() {
  const int32_t slot = ready_[readyStart_];
  readyStart_++;
  if (readyStart_ == regions_.connectionsMax) readyStart_ = 0;
  readyCount_--;
  connections_[slot].inReady = false;
  return slot;
}

// ---- listeners

int Reactor::addListener(int fd, const char* unixPath) {
  size_t index = 0;
  while (index < listeners_.size() && listeners_[index].fd >= 0) index++;
  if (index == listeners_.size()) listeners_.emplace_back();
  epoll_event event;
  event.events = accepting_ ? static_cast<uint32_t>(EPOLLIN) : 0u;
  event.data.u64 = tagOf(kListener, static_cast<int>(index));
  if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    const int error = errno;
    ::close(fd);
    if (unixPath[0] != 0) unlink(unixPath);
    return -error;
  }
  listeners_[index].fd = fd;
  listeners_[index].unixPath = unixPath;
  if (unixPath[0] == 0) setListenerKeepAlive(fd, keepAliveSeconds_);
  return static_cast<int>(index);
}

int Reactor::listenerDescriptor(int index) const {
  return index >= 0 && static_cast<size_t>(index) < listeners_.size() ? listeners_[index].fd : -1;
}

void Reactor::closeListener(int index) {
  if (listenerDescriptor(index) < 0) return;
  Listener& listener = listeners_[index];
  ::close(listener.fd);
  if (!listener.unixPath.empty()) unlink(listener.unixPath.c_str());
  listener.fd = -1;
  listener.unixPath.clear();
}

void Reactor::setKeepAlive(int seconds) {
  keepAliveSeconds_ = seconds;
  for (const Listener& listener : listeners_) {
    if (listener.fd >= 0 && listener.unixPath.empty()) setListenerKeepAlive(listener.fd, seconds);
  }
}

void Reactor::setAccepting(bool accepting) {
  if (accepting == accepting_) return;
  accepting_ = accepting;
  for (size_t index = 0; index < listeners_.size(); index++) {
    if (listeners_[index].fd < 0) continue;
    epoll_event event;
    event.events = accepting ? static_cast<uint32_t>(EPOLLIN) : 0u;
    event.data.u64 = tagOf(kListener, static_cast<int>(index));
    epoll_ctl(epoll_, EPOLL_CTL_MOD, listeners_[index].fd, &event);
  }
}

void Reactor::resumeAccepting() {
  if (acceptPausedByError_ && !freeSlots_.empty()) setAccepting(true);
  acceptPausedByError_ = false;
}

void Reactor::acceptFrom(int index) {
  const Listener& listener = listeners_[index];
  for (int count = 0; count < kAcceptsMax && listener.fd >= 0; count++) {
    if (freeSlots_.empty()) {
      setAccepting(false);  // the rest waits in the backlog until a slot is released
      return;
    }
    const int fd = accept4(listener.fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (acceptError_ != errno) turnFlags_ |= kAcceptFailed;  // reported once, until an accept succeeds
      acceptError_ = errno;
      acceptPausedByError_ = true;
      setAccepting(false);
      host_->acceptPaused();
      return;
    }
    acceptError_ = 0;
    const int32_t slot = freeSlots_.back();
    epoll_event event;
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.u64 = tagOf(kConnection, slot);
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
      ::close(fd);
      continue;
    }
    freeSlots_.pop_back();
    Connection& c = connections_[slot];
    c.fd = fd;
    c.listener = index;
    c.events = kOpened;
    c.used = true;
    c.readable = c.writable = c.hungUp = c.ended = c.reported = false;
    c.paused = c.blocked = c.closing = c.wantsWritable = false;
    c.unixSocket = !listener.unixPath.empty();
    pushReady(slot);
  }
}

// ---- readiness

int Reactor::watchLog(int fd) {
  epoll_event event;
  event.events = EPOLLIN | EPOLLET;  // each completion is an edge, so that the counter need never be read
  event.data.u64 = tagOf(kLogEvent, fd);
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

void Reactor::unwatchLog(int fd) {
  epoll_event event;
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, &event);
}

void Reactor::wakeAfter(uint32_t us) {
  const itimerspec when = {{}, {us / 1000000, us % 1000000 * 1000 + 1}};  // zero would disarm it
  timerfd_settime(timer_, 0, &when, nullptr);
}

void Reactor::notePoll(int32_t slot, uint32_t events) {
  Connection& c = connections_[slot];
  if (c.fd < 0) return;
  const bool hungUp = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (hungUp) c.hungUp = true;
  if (hungUp || (events & EPOLLIN) != 0) c.readable = true;
  if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0) c.writable = true;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 && c.ended) {
    drop(slot);  // nothing is left to be read, and nothing can be sent any more
    return;
  }
  if (hungUp && c.paused && !c.ended) {
    // A paused connection is not read, yet its end should be noticed when nothing stands before it.
    int unread = 0;
    if (ioctl(c.fd, FIONREAD, &unread) == 0 && unread == 0) {
      c.ended = true;
      reportClosed(c);
    }
  }
  if (hasWork(c)) pushReady(slot);
}

void Reactor::collect() {
  const int count = epoll_wait(epoll_, polled_.data(), kPolledMax, 0);
  for (int i = 0; i < count; i++) {
    const uint64_t tag = polled_[i].data.u64;
    const int index = static_cast<int>(static_cast<uint32_t>(tag));
    switch (static_cast<Kind>(tag >> 32)) {
      case kConnection: notePoll(index, polled_[i].events); break;
      case kListener: acceptFrom(index); break;
      case kTimer: wake(kWoken); break;
      case kLogEvent: break;  // asked for in each turn anyway
    }
  }
}

// ---- input

uint32_t Reactor::receive(Connection& c, uint32_t offset, uint32_t limit) {
  uint32_t length = 0;
  while (length < limit) {
    const ssize_t count = recv(c.fd, regions_.input + offset + length, limit - length, 0);
    if (count > 0) {
      const bool full = static_cast<uint32_t>(count) == limit - length;
      length += static_cast<uint32_t>(count);
      if (full) return length;
      if (c.hungUp) continue;  // the end stands behind the data
      c.readable = false;      // a short read has emptied the socket; what comes later is a new edge
      return length;
    }
    if (count == 0) {
      c.ended = true;
      c.readable = false;
      reportClosed(c);
      return length;
    }
    if (errno == EINTR) continue;
    c.readable = false;
    if (errno != EAGAIN && errno != EWOULDBLOCK) drop(static_cast<int32_t>(&c - connections_.data()));
    return length;
  }
  return length;
}

int32_t Reactor::compose() {
  int32_t rows = 0;
  uint32_t used = 0;
  if (host_->logAdvanced()) turnFlags_ |= kLog;
  if (turnFlags_ != 0) {
    int32_t* row = regions_.inputTable;
    row[0] = -1;
    row[1] = 0;
    row[2] = 0;
    row[3] = static_cast<int32_t>(turnFlags_);
    turnFlags_ = 0;
    rows++;
  }
  for (int32_t visits = readyCount_; visits > 0 && rows < regions_.inputRowsMax; visits--) {
    if (regions_.inputBytes - used < kInputBytesLeast) break;
    const int32_t slot = popReady();
    Connection& c = connections_[slot];
    uint32_t length = 0;
    if (c.fd >= 0 && c.writable && c.queue.bytes() > 0) flushQueue(slot);
    if (mayRead(c)) {
      const uint32_t room = static_cast<uint32_t>(regions_.inputBytes) - used;
      length = receive(c, used, room < regions_.connectionBytesMax ? room : regions_.connectionBytesMax);
    }
    const uint32_t flags = c.events | (length > 0 ? kData : 0);
    c.events = 0;
    if (flags != 0) {
      int32_t* row = regions_.inputTable + 4 * rows;
      row[0] = slot;
      row[1] = static_cast<int32_t>(used);
      row[2] = static_cast<int32_t>(length);
      row[3] = static_cast<int32_t>(flags);
      used += length;
      rows++;
    }
    if (hasWork(c)) pushReady(slot);
  }
  return rows;
}

void Reactor::pauseReading(int32_t slot) { connections_[slot].paused = true; }

void Reactor::resumeReading(int32_t slot) {
  connections_[slot].paused = false;
  if (hasWork(connections_[slot])) pushReady(slot);
}

// ---- output

void Reactor::setInterest(int32_t slot, bool writable) {
  Connection& c = connections_[slot];
  if (c.wantsWritable == writable) return;
  c.wantsWritable = writable;
  epoll_event event;
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLET | (writable ? static_cast<uint32_t>(EPOLLOUT) : 0u);
  event.data.u64 = tagOf(kConnection, slot);
  epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
}

// After the queue has grown or shrunk: what JavaScript sees, and back-pressure.
void Reactor::queueChanged(int32_t slot) {
  Connection& c = connections_[slot];
  const size_t bytes = c.queue.bytes();
  const bool shrunk = static_cast<double>(bytes) < regions_.queuedBytes[slot];
  regions_.queuedBytes[slot] = static_cast<double>(bytes);
  if (bytes > regions_.queuedBytesMax) {
    c.blocked = true;
  } else if (c.blocked && bytes <= regions_.queuedBytesMax / 2) {
    c.blocked = false;
    c.events |= kDrained;
  }
  if (shrunk && bytes == 0) c.events |= kDrained;
  if (c.closing) c.events = 0;
  if (hasWork(c)) pushReady(slot);
}

void Reactor::sendParts(int32_t slot, const iovec* parts, int count, size_t length) {
  Connection& c = connections_[slot];
  if (c.fd < 0 || length == 0) return;
  size_t sent = 0;
  if (c.queue.bytes() == 0) {
    ssize_t result;
    do {
      if (count == 1) {
        result = ::send(c.fd, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
      } else {
        msghdr message = {};
        message.msg_iov = const_cast<iovec*>(parts);
        message.msg_iovlen = static_cast<size_t>(count);
        result = sendmsg(c.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
      }
    } while (result < 0 && errno == EINTR);
    if (result < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      drop(slot);
      return;
    }
    sent = result > 0 ? static_cast<size_t>(result) : 0;
    if (sent == length) return;
  }
  for (int i = 0; i < count; i++) {
    const size_t partLength = parts[i].iov_len;
    if (sent >= partLength) {
      sent -= partLength;
      continue;
    }
    if (!c.queue.append(static_cast<const uint8_t*>(parts[i].iov_base) + sent, partLength - sent)) {
      drop(slot);
      return;
    }
    sent = 0;
  }
  setInterest(slot, true);
  queueChanged(slot);
}

void Reactor::send(int32_t slot, const uint8_t* bytes, size_t length) {
  const iovec part = {const_cast<uint8_t*>(bytes), length};
  sendParts(slot, &part, 1, length);
}

bool Reactor::sendRows(int32_t rows) {
  if (rows < 0 || rows > regions_.outputRowsMax) return false;
  iovec parts[kPartsMax];
  bool valid = true;
  int32_t row = 0;
  while (row < rows) {
    const int32_t slot = regions_.outputTable[3 * row];
    int count = 0;
    size_t length = 0;
    // Neighbouring rows of one connection go out together, and touching ranges as one.
    for (; row < rows && regions_.outputTable[3 * row] == slot && count < kPartsMax; row++) {
      const int64_t offset = regions_.outputTable[3 * row + 1];
      const int64_t bytes = regions_.outputTable[3 * row + 2];
      if (offset < 0 || bytes < 0 || static_cast<uint64_t>(offset + bytes) > regions_.outputBytes) {
        valid = false;
        continue;
      }
      uint8_t* start = regions_.output + offset;
      if (count > 0 && static_cast<uint8_t*>(parts[count - 1].iov_base) + parts[count - 1].iov_len == start) {
        parts[count - 1].iov_len += static_cast<size_t>(bytes);
      } else {
        parts[count].iov_base = start;
        parts[count].iov_len = static_cast<size_t>(bytes);
        count++;
      }
      length += static_cast<size_t>(bytes);
    }
    if (isSlot(slot)) {
      sendParts(slot, parts, count, length);
    } else {
      valid = false;
    }
  }
  return valid;
}

void Reactor::flushQueue(int32_t slot) {
  Connection& c = connections_[slot];
  iovec parts[kPartsMax];
  for (int round = 0; round < kFlushesMax && c.queue.bytes() > 0; round++) {
    msghdr message = {};
    message.msg_iov = parts;
    message.msg_iovlen = static_cast<size_t>(c.queue.gather(parts, kPartsMax));
    const ssize_t result = sendmsg(c.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (result < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        c.writable = false;
        break;
      }
      drop(slot);
      return;
    }
    c.queue.consume(static_cast<size_t>(result));
  }
  if (c.queue.bytes() == 0) {
    c.writable = false;
    // A unix socket reports each byte its peer takes, a TCP socket only that there is room after there was none.
    if (c.unixSocket) setInterest(slot, false);
    if (c.closing) {
      finishClose(slot);
      return;
    }
  }
  queueChanged(slot);
}

// ---- closing

void Reactor::reportClosed(Connection& c) {
  if (c.reported || c.closing || !c.used) return;
  c.reported = true;
  c.events |= kClosed;
}

// The connection is gone: the descriptor closed, the queue dropped.
void Reactor::drop(int32_t slot) {
  Connection& c = connections_[slot];
  if (c.fd < 0) return;
  ::close(c.fd);
  c.fd = -1;
  c.queue.clear();
  regions_.queuedBytes[slot] = 0;
  c.events &= ~kDrained;
  reportClosed(c);
  if (c.closing || !c.used) c.events = 0;
  if (c.events != 0) pushReady(slot);
  if (!c.used) recycle(slot);
}

// Everything is sent. Unread input would make the kernel reset the connection and the peer lose the last reply, so what
// has come until now is taken and thrown away.
void Reactor::finishClose(int32_t slot) {
  Connection& c = connections_[slot];
  shutdown(c.fd, SHUT_WR);
  uint8_t thrownAway[4096];
  for (int round = 0; round < 16; round++) {
    if (recv(c.fd, thrownAway, sizeof(thrownAway), MSG_DONTWAIT) <= 0) break;
  }
  drop(slot);
}

void Reactor::close(int32_t slot, bool afterFlush) {
  Connection& c = connections_[slot];
  if (c.fd < 0 || !c.used) return;
  c.events = 0;
  const bool again = c.closing;
  c.closing = true;
  if (!afterFlush) {
    drop(slot);
  } else if (again) {
    return;
  } else if (inTurn_) {
    closings_.push_back(slot);  // this turn's rows are still to be sent
  } else if (c.queue.bytes() == 0) {
    finishClose(slot);
  }
}

void Reactor::settleClosings() {
  for (const int32_t slot : closings_) {
    Connection& c = connections_[slot];
    if (c.fd < 0 || !c.closing) continue;
    if (c.queue.bytes() == 0) {
      finishClose(slot);
    } else if (!c.used) {
      linger(c);
    }
  }
  closings_.clear();
}

void Reactor::linger(Connection& c) {
  c.lingerBytes = c.queue.bytes() + 1;
  host_->lingerBegan();
}

void Reactor::freeReleased() {
  if (released_.empty()) return;
  for (const int32_t slot : released_) freeSlots_.push_back(slot);
  released_.clear();
  if (!acceptPausedByError_) setAccepting(true);
}

void Reactor::recycle(int32_t slot) {
  released_.push_back(slot);
  if (!inTurn_) freeReleased();
}

void Reactor::release(int32_t slot) {
  Connection& c = connections_[slot];
  if (!c.used) return;
  c.used = false;
  c.events = 0;
  if (c.fd < 0) {
    recycle(slot);
  } else if (!c.closing) {
    drop(slot);
  } else if (c.queue.bytes() > 0) {
    linger(c);
  }
}

bool Reactor::dropStuck() {
  bool left = false;
  for (int32_t slot = 0; slot < regions_.connectionsMax; slot++) {
    Connection& c = connections_[slot];
    if (c.used || c.fd < 0) continue;
    if (c.queue.bytes() >= c.lingerBytes) {
      drop(slot);
    } else {
      c.lingerBytes = c.queue.bytes();
      left = true;
    }
  }
  return left;
}

void Reactor::closeAll() {
  for (size_t index = 0; index < listeners_.size(); index++) closeListener(static_cast<int>(index));
  for (Connection& c : connections_) {
    if (c.fd >= 0) ::close(c.fd);
    c.fd = -1;
    c.queue.clear();
    c.events = 0;
  }
  readyCount_ = 0;
  turnFlags_ = 0;
  if (timer_ >= 0) ::close(timer_);
  if (epoll_ >= 0) ::close(epoll_);
  timer_ = -1;
  epoll_ = -1;
}

// ---- turns

void Reactor::run() {
  if (running_ || ending_ || epoll_ < 0) return;
  running_ = true;
  const uint64_t begin = nowNs();
  for (int turn = 0; turn < kTurnsMax; turn++) {
    collect();
    const int32_t rows = compose();
    if (rows == 0) {
      if (readyCount_ == 0) break;
      continue;
    }
    inTurn_ = true;
    const int32_t outputRows = host_->turn(rows);
    if (outputRows > 0) sendRows(outputRows);
    inTurn_ = false;
    settleClosings();
    freeReleased();
    if (ending_ || nowNs() - begin > kBusyNs) break;
  }
  running_ = false;
}

}  // namespace emberlog
