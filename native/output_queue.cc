#include "output_queue.h"

#include <cstdlib>
#include <cstring>

namespace emberlog {

constexpr size_t kBlockBytesMin = 8 * 1024;
constexpr size_t kBlockBytesMax = 64 * 1024;

bool OutputQueue::append(const uint8_t* bytes, size_t length) {
  while (length > 0) {
    if (tail_ == nullptr || tail_->end == tail_->capacity) {
      size_t capacity = length;
      if (capacity < kBlockBytesMin) capacity = kBlockBytesMin;
      if (capacity > kBlockBytesMax) capacity = kBlockBytesMax;
      auto* block = static_cast<Block*>(malloc(sizeof(Block) + capacity));
      if (block == nullptr) return false;
      block->next = nullptr;
      block->start = 0;
      block->end = 0;
      block->capacity = static_cast<uint32_t>(capacity);
      if (tail_ == nullptr) {
        head_ = block;
      } else {
        tail_->next = block;
      }
      tail_ = block;
    }
    size_t room = tail_->capacity - tail_->end;
    if (room > length) room = length;
    memcpy(tail_->data() + tail_->end, bytes, room);
    tail_->end += static_cast<uint32_t>(room);
    bytes_ += room;
    bytes += room;
    length -= room;
  }
  return true;
}

int OutputQueue::gather(iovec* parts, int partsMax) const {
  int count = 0;
  for (Block* block = head_; block != nullptr && count < partsMax; block = block->next) {
    parts[count].iov_base = block->data() + block->start;
    parts[count].iov_len = block->end - block->start;
    count++;
  }
  return count;
}

void OutputQueue::consume(size_t length) {
  bytes_ -= length;
  while (length > 0) {
    Block* block = head_;
    const size_t held = block->end - block->start;
    if (length < held) {
      block->start += static_cast<uint32_t>(length);
      return;
    }
    length -= held;
    head_ = block->next;
    if (head_ == nullptr) tail_ = nullptr;
    free(block);
  }
}

void OutputQueue::clear() {
  while (head_ != nullptr) {
    Block* next = head_->next;
    free(head_);
    head_ = next;
  }
  tail_ = nullptr;
  bytes_ = 0;
}

}  // namespace emberlog
