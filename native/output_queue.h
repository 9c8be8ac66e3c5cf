// Bytes that the kernel has not taken yet, of one connection: a chain of blocks, freed as they drain.
//
//   head ──> [ ....start####end ] ──> [ start########end ] ──> [ start###end..... ] <── tail
//
// Most connections never have one; an empty queue owns no memory.
#ifndef EMBERLOG_OUTPUT_QUEUE_H
#define EMBERLOG_OUTPUT_QUEUE_H

#include <cstddef>
#include <cstdint>
#include <sys/uio.h>

namespace emberlog {

class OutputQueue {
 public:
  OutputQueue() = default;
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;
  ~OutputQueue() { clear(); }

  size_t bytes() const { return bytes_; }

  // False when there is no memory; what was appended so far stays.
  bool append(const uint8_t* bytes, size_t length);

  // The first blocks, for one sendmsg. Returns how many.
  int gather(iovec* parts, int partsMax) const;

  // Drops the first `length` bytes.
  void consume(size_t length);

  void clear();

 private:
  struct Block {
    Block* next;
    uint32_t start;
    uint32_t end;
    uint32_t capacity;
    uint8_t* data() { return reinterpret_cast<uint8_t*>(this + 1); }
    const uint8_t* data() const { return reinterpret_cast<const uint8_t*>(this + 1); }
  };

  Block* head_ = nullptr;
  Block* tail_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace emberlog

#endif
