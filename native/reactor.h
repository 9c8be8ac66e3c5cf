// The reactor: all sockets of the server behind one epoll descriptor, handed to JavaScript a turn at a time.
//
//   epoll ──> ready list (first in, first out) ──> compose(): read into the input region, one row a connection
//                                                       │
//                                                  host->turn(rows)             the only crossing
//                                                       │
//   sockets <── sendRows(): output rows in order, what the kernel does not take is queued
//
// Events are edge-triggered: a connection's interest is never changed while it is served, so that a request costs one
// recv and one send and nothing else. `readable` and `writable` remember the edges; whoever has work left stays in the
// ready list, at its end, behind those that were not served in this turn.
//
// Invariants:
// - A connection is in the ready list at most once, and has at most one row a turn.
// - OPENED is its first event. CLOSED says once that the peer has ended its side or is gone, with or behind its last bytes;
//   what is sent afterwards still goes out where the peer is there to take it. After close() nothing is reported any more.
// - A slot is used again only after release(), when its queue is flushed, and never within the turn of its release.
// - Sending to a connection that is gone is silent: the bytes are dropped.
// It must not know what the bytes mean, and sets no limits beyond those given.
#ifndef EMBERLOG_REACTOR_H
#define EMBERLOG_REACTOR_H

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/epoll.h>
#include <vector>

#include "output_queue.h"

namespace emberlog {

// Flags of an input row. src/platform/transport.ts has the same. The last three come in a row of slot -1.
constexpr uint32_t kOpened = 1;
constexpr uint32_t kData = 2;
constexpr uint32_t kDrained = 4;
constexpr uint32_t kClosed = 8;
constexpr uint32_t kLog = 16;
constexpr uint32_t kWoken = 32;
constexpr uint32_t kAcceptFailed = 64;

// What the reactor needs of its surroundings.
class ReactorHost {
 public:
  virtual ~ReactorHost() = default;
  // Executes a turn; returns the output rows.
  virtual int32_t turn(int32_t rows) = 0;
  // True when the log has made progress since the last call.
  virtual bool logAdvanced() = 0;
  // Accepting has failed for want of descriptors or memory: call resumeAccepting() a little later.
  virtual void acceptPaused() = 0;
  // A released connection still has bytes to send: call dropStuck() now and then until it returns false.
  virtual void lingerBegan() = 0;
};

struct Regions {
  uint8_t* input;
  size_t inputBytes;
  int32_t* inputTable;  // slot, offset, length, flags
  int32_t inputRowsMax;
  uint8_t* output;
  size_t outputBytes;
  int32_t* outputTable;  // slot, offset, length
  int32_t outputRowsMax;
  double* queuedBytes;
  int32_t connectionsMax;
  uint32_t connectionBytesMax;  // input of one connection in a turn
  size_t queuedBytesMax;        // reading from a connection rests while more is queued
};

class Reactor {
 public:
  Reactor(ReactorHost* host, const Regions& regions);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  // Makes the epoll descriptor: 0 or -errno.
  int open();
  int descriptor() const { return epoll_; }

  // Turns until nothing is ready, the count or the time is up.
  void run();
  // True when run() should be called again without waiting for the descriptor.
  bool workLeft() const { return readyCount_ > 0 || turnFlags_ != 0; }
  // Drops the released connections whose peers have taken nothing since the last call. True while some are left.
  bool dropStuck();
  bool running() const { return running_; }
  // No further turn begins; the caller closes everything when run() has returned.
  void endRun() { ending_ = true; }

  // Takes over a listening descriptor: its index.
  int addListener(int fd, const char* unixPath);
  int listenerDescriptor(int index) const;
  void closeListener(int index);
  void setKeepAlive(int seconds);
  void resumeAccepting();
  int acceptError() const { return acceptError_; }

  int watchLog(int fd);
  void unwatchLog(int fd);
  void wake(uint32_t flags) { turnFlags_ |= flags; }
  // wake(kWoken) in so many microseconds, at least one; takes the place of what was asked before.
  void wakeAfter(uint32_t us);

  bool isSlot(int32_t slot) const { return slot >= 0 && slot < regions_.connectionsMax; }
  void send(int32_t slot, const uint8_t* bytes, size_t length);
  // The first `rows` rows of the output table. False when a row lies outside of the regions.
  bool sendRows(int32_t rows);
  void close(int32_t slot, bool afterFlush);
  void release(int32_t slot);
  void pauseReading(int32_t slot);
  void resumeReading(int32_t slot);
  int connectionDescriptor(int32_t slot) const { return connections_[slot].fd; }
  int connectionListener(int32_t slot) const { return connections_[slot].listener; }

  // Closes everything. Not to be called while running().
  void closeAll();

 private:
  struct Connection {
    int fd = -1;
    int32_t listener = -1;
    uint32_t events = 0;   // to be reported with the next row
    bool used = false;     // between accept and release
    bool inReady = false;
    bool readable = false;
    bool writable = false;
    bool hungUp = false;   // the peer has shut down: a short read is not the end
    bool ended = false;    // end of input seen
    bool reported = false; // CLOSED is under way or reported
    bool paused = false;   // by pauseReading
    bool blocked = false;  // by its queue
    bool closing = false;  // when flushed
    bool unixSocket = false;
    bool wantsWritable = false;
    size_t lingerBytes = 0;  // queued when dropStuck() looked last
    OutputQueue queue;
  };
  struct Listener {
    int fd = -1;
    std::string unixPath;
  };

  bool mayRead(const Connection& c) const {
    return c.fd >= 0 && c.readable && !c.ended && !c.paused && !c.blocked && !c.closing;
  }
  bool hasWork(const Connection& c) const {
    return c.events != 0 || mayRead(c) || (c.fd >= 0 && c.writable && c.queue.bytes() > 0);
  }
  void collect();
  void notePoll(int32_t slot, uint32_t events);
  void acceptFrom(int index);
  int32_t compose();
  uint32_t receive(Connection& c, uint32_t offset, uint32_t limit);
  void sendParts(int32_t slot, const iovec* parts, int count, size_t length);
  void flushQueue(int32_t slot);
  void queueChanged(int32_t slot);
  void setInterest(int32_t slot, bool writable);
  void settleClosings();
  void finishClose(int32_t slot);
  void reportClosed(Connection& c);
  void drop(int32_t slot);
  void recycle(int32_t slot);
  void linger(Connection& c);
  void freeReleased();
  void pushReady(int32_t slot);
  int32_t popReady();
  void setAccepting(bool accepting);

  ReactorHost* host_;
  Regions regions_;
  int epoll_ = -1;
  int timer_ = -1;  // a timerfd: libuv's timers count milliseconds
  std::vector<Connection> connections_;
  std::vector<int32_t> freeSlots_;
  std::vector<int32_t> released_;  // free at the end of the turn
  std::vector<int32_t> closings_;  // closed by this turn, to be seen to after its output
  std::vector<Listener> listeners_;
  std::vector<int32_t> ready_;  // a ring of connectionsMax
  int32_t readyStart_ = 0;
  int32_t readyCount_ = 0;
  uint32_t turnFlags_ = 0;
  int keepAliveSeconds_ = 0;
  int acceptError_ = 0;
  bool accepting_ = true;
  bool acceptPausedByError_ = false;
  bool running_ = false;
  bool ending_ = false;
  bool inTurn_ = false;
  std::vector<epoll_event> polled_;
};

}  // namespace emberlog

#endif
