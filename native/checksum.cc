// Three ways to the same sums:
//
//   table   slicing by eight; anywhere
//   x86     carry-less multiplication folds four lanes of 128 bits; the last 16 bytes go through the table or crc32
//   ARMv8   the crc32c instruction (CRC-64 keeps the table)
//
// Folding, in the reflected domain (bit i of a 64-bit word is the coefficient of x^(63-i)): a lane holds 16 bytes of the
// message, low word first, that is low * x^64 + high. Moving it D bits towards the end of the message multiplies it by
// x^D modulo the polynomial P: low by x^(D+64) mod P, high by x^D mod P, and the two products are added to the bytes
// that stand there. A carry-less product of two reflected words comes out multiplied by x, so the constants are one
// power smaller. They are computed at compile time from P, nothing here is a number copied from somewhere.
#include "checksum.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace emberlog {
namespace {

// The reflected polynomials. CRC-32C's occupies the upper half of the word, x^31 at bit 32.
constexpr uint64_t kPolynomial32c = 0x82f63b78ULL;
constexpr uint64_t kPolynomial64 = 0x95ac9329ac4bc9b5ULL;

template <int Bits>
struct Tables {
  uint64_t rows[8][256];
  constexpr explicit Tables(uint64_t polynomial) : rows() {
    for (int i = 0; i < 256; i++) {
      uint64_t crc = static_cast<uint64_t>(i);
      for (int bit = 0; bit < 8; bit++) crc = (crc & 1) ? (crc >> 1) ^ polynomial : crc >> 1;
      rows[0][i] = crc;
    }
    for (int row = 1; row < 8; row++) {
      for (int i = 0; i < 256; i++) {
        const uint64_t before = rows[row - 1][i];
        rows[row][i] = (before >> 8) ^ rows[0][before & 255];
      }
    }
  }
};

constexpr Tables<32> kTables32c(kPolynomial32c);
constexpr Tables<64> kTables64(kPolynomial64);

inline uint64_t load64(const uint8_t* bytes) {
  uint64_t word;
  memcpy(&word, bytes, 8);
  return word;
}

template <int Bits>
uint64_t byTable(const Tables<Bits>& tables, const uint8_t* bytes, size_t length, uint64_t crc) {
  const auto& rows = tables.rows;
  for (; length >= 8; bytes += 8, length -= 8) {
    const uint64_t word = crc ^ load64(bytes);
    crc = rows[7][word & 255] ^ rows[6][(word >> 8) & 255] ^ rows[5][(word >> 16) & 255] ^
          rows[4][(word >> 24) & 255] ^ rows[3][(word >> 32) & 255] ^ rows[2][(word >> 40) & 255] ^
          rows[1][(word >> 48) & 255] ^ rows[0][word >> 56];
  }
  for (; length > 0; bytes++, length--) crc = (crc >> 8) ^ rows[0][(crc ^ *bytes) & 255];
  return crc;
}

#if defined(__x86_64__)

// x^power mod P as a reflected 64-bit word. `one` is x^0: bit 63, and the polynomial is shifted up to match.
constexpr uint64_t powerOfX(int power, uint64_t polynomial, int bits) {
  const uint64_t aligned = polynomial << (64 - bits);
  const uint64_t lowestBit = 1ULL << (64 - bits);
  uint64_t value = 1ULL << 63;
  for (int i = 0; i < power; i++) {
    const bool overflow = (value & lowestBit) != 0;
    value = overflow ? ((value >> 1) & ~(lowestBit - 1)) ^ aligned : value >> 1;
  }
  return value;
}

struct Folding {
  uint64_t low512, high512, low128, high128;
};

constexpr Folding foldingOf(uint64_t polynomial, int bits) {
  return Folding{powerOfX(512 + 63, polynomial, bits), powerOfX(511, polynomial, bits),
                 powerOfX(128 + 63, polynomial, bits), powerOfX(127, polynomial, bits)};
}

constexpr Folding kFolding32c = foldingOf(kPolynomial32c, 32);
constexpr Folding kFolding64 = foldingOf(kPolynomial64, 64);

#define FOLD_TARGET __attribute__((target("sse4.2,pclmul")))

FOLD_TARGET inline __m128i foldLane(__m128i lane, __m128i constants, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(lane, constants, 0x00);
  const __m128i high = _mm_clmulepi64_si128(lane, constants, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

FOLD_TARGET inline __m128i loadLane(const uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

// Folds the first multiple of 16 bytes (64 at least) into `residue`, whose sum from zero is the sum of them all.
// Returns the bytes folded.
FOLD_TARGET size_t fold(const uint8_t* bytes, size_t length, uint64_t crc, const Folding& folding,
                        uint8_t residue[16]) {
  const __m128i by512 = _mm_set_epi64x(static_cast<int64_t>(folding.high512), static_cast<int64_t>(folding.low512));
  const __m128i by128 = _mm_set_epi64x(static_cast<int64_t>(folding.high128), static_cast<int64_t>(folding.low128));
  __m128i lane0 = _mm_xor_si128(loadLane(bytes), _mm_set_epi64x(0, static_cast<int64_t>(crc)));
  __m128i lane1 = loadLane(bytes + 16);
  __m128i lane2 = loadLane(bytes + 32);
  __m128i lane3 = loadLane(bytes + 48);
  size_t done = 64;
  for (; length - done >= 64; done += 64) {
    lane0 = foldLane(lane0, by512, loadLane(bytes + done));
    lane1 = foldLane(lane1, by512, loadLane(bytes + done + 16));
    lane2 = foldLane(lane2, by512, loadLane(bytes + done + 32));
    lane3 = foldLane(lane3, by512, loadLane(bytes + done + 48));
  }
  __m128i lane = foldLane(lane0, by128, lane1);
  lane = foldLane(lane, by128, lane2);
  lane = foldLane(lane, by128, lane3);
  for (; length - done >= 16; done += 16) lane = foldLane(lane, by128, loadLane(bytes + done));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(residue), lane);
  return done;
}

FOLD_TARGET uint64_t crc32cByInstruction(const uint8_t* bytes, size_t length, uint64_t crc) {
  for (; length >= 8; bytes += 8, length -= 8) crc = _mm_crc32_u64(crc, load64(bytes));
  for (; length > 0; bytes++, length--) crc = _mm_crc32_u8(static_cast<uint32_t>(crc), *bytes);
  return crc;
}

// Below this many bytes the crc32 instruction alone is faster than folding.
constexpr size_t kFold32cBytesMin = 256;

uint64_t hardware32c(const uint8_t* bytes, size_t length, uint64_t crc) {
  if (length >= kFold32cBytesMin) {
    uint8_t residue[16];
    const size_t done = fold(bytes, length, crc, kFolding32c, residue);
    crc = crc32cByInstruction(residue, 16, 0);
    bytes += done;
    length -= done;
  }
  return crc32cByInstruction(bytes, length, crc);
}

uint64_t hardware64(const uint8_t* bytes, size_t length, uint64_t crc) {
  if (length >= 128) {
    uint8_t residue[16];
    const size_t done = fold(bytes, length, crc, kFolding64, residue);
    crc = byTable(kTables64, residue, 16, 0);
    bytes += done;
    length -= done;
  }
  return byTable(kTables64, bytes, length, crc);
}

bool hardwareThere() { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }
constexpr const char* kHardwareName = "pclmul";

#elif defined(__aarch64__)

__attribute__((target("+crc"))) uint64_t hardware32c(const uint8_t* bytes, size_t length, uint64_t crc) {
  uint32_t sum = static_cast<uint32_t>(crc);
  for (; length >= 8; bytes += 8, length -= 8) sum = __crc32cd(sum, load64(bytes));
  for (; length > 0; bytes++, length--) sum = __crc32cb(sum, *bytes);
  return sum;
}

uint64_t hardware64(const uint8_t* bytes, size_t length, uint64_t crc) {
  return byTable(kTables64, bytes, length, crc);
}

bool hardwareThere() { return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0; }
constexpr const char* kHardwareName = "armv8-crc";

#else

uint64_t hardware32c(const uint8_t* bytes, size_t length, uint64_t crc) {
  return byTable(kTables32c, bytes, length, crc);
}
uint64_t hardware64(const uint8_t* bytes, size_t length, uint64_t crc) {
  return byTable(kTables64, bytes, length, crc);
}
bool hardwareThere() { return false; }
constexpr const char* kHardwareName = "table";

#endif

const bool kHardware = hardwareThere();

}  // namespace

uint32_t crc32c(const uint8_t* bytes, size_t length, uint32_t seed) {
  const uint64_t start = static_cast<uint32_t>(~seed);
  const uint64_t end = kHardware ? hardware32c(bytes, length, start) : byTable(kTables32c, bytes, length, start);
  return ~static_cast<uint32_t>(end);
}

uint64_t crc64(const uint8_t* bytes, size_t length, uint64_t seed) {
  return kHardware ? hardware64(bytes, length, seed) : byTable(kTables64, bytes, length, seed);
}

const char* checksumBacking() { return kHardware ? kHardwareName : "table"; }

}  // namespace emberlog
