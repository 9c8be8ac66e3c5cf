// CRC-32C (Castagnoli) and CRC-64 (Jones, as Redis uses it), with the machine's instructions where it has them.
// Both are reflected. CRC-32C inverts before and after; CRC-64 starts from its seed and inverts nothing.
#ifndef EMBERLOG_CHECKSUM_H
#define EMBERLOG_CHECKSUM_H

#include <cstddef>
#include <cstdint>

namespace emberlog {

// Continues `seed`, the CRC-32C of what came before (0 at the beginning).
uint32_t crc32c(const uint8_t* bytes, size_t length, uint32_t seed);

// Continues `seed`, the CRC-64 of what came before (0 at the beginning).
uint64_t crc64(const uint8_t* bytes, size_t length, uint64_t seed);

// What computes them here: "pclmul", "armv8-crc" or "table".
const char* checksumBacking();

}  // namespace emberlog

#endif
