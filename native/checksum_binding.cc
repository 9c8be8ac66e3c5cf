// Checksums for JavaScript. Results are signed 32-bit integers, because a stored uint32 is boxed by V8.
#include "call.h"
#include "checksum.h"

namespace emberlog {
namespace {

// crc32c(array, offset, length, seed): int32
napi_value crc32cCall(napi_env env, napi_callback_info info) {
  Call<4> call(env, info);
  const Bytes bytes = call.range(0);
  const int32_t seed = call.int32(3);
  if (!call.ok()) return nullptr;
  return call.returnInt32(static_cast<int32_t>(crc32c(bytes.data, bytes.length, static_cast<uint32_t>(seed))));
}

// crc64(array, offset, length, sum: Int32Array): continues the sum in sum[0] (low word) and sum[1] (high word).
napi_value crc64Call(napi_env env, napi_callback_info info) {
  Call<4> call(env, info);
  const Bytes bytes = call.range(0);
  size_t words = 0;
  uint32_t* sum = call.arrayOf<uint32_t>(3, napi_int32_array, &words);
  if (call.ok() && words < 2) call.failRange("the sum needs two words");
  if (!call.ok()) return nullptr;
  const uint64_t seed = (static_cast<uint64_t>(sum[1]) << 32) | sum[0];
  const uint64_t result = crc64(bytes.data, bytes.length, seed);
  sum[0] = static_cast<uint32_t>(result);
  sum[1] = static_cast<uint32_t>(result >> 32);
  return nullptr;
}

napi_value backingCall(napi_env env, napi_callback_info info) {
  Call<0> call(env, info);
  return call.returnText(checksumBacking());
}

}  // namespace

void exportChecksum(napi_env env, napi_value exports) {
  setFunction(env, exports, "crc32c", crc32cCall);
  setFunction(env, exports, "crc64", crc64Call);
  setFunction(env, exports, "checksumBacking", backingCall);
}

}  // namespace emberlog
