// Reading the arguments of one call from JavaScript.
//
// A Call reads each argument with its type checked; the first mistake throws a TypeError or RangeError in JavaScript and
// makes ok() false, and later reads then return zeros, so that a binding reads everything first and tests once.
// Nothing is allocated: some of these calls happen every turn.
#ifndef EMBERLOG_CALL_H
#define EMBERLOG_CALL_H

#include <node_api.h>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace emberlog {

struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;
};

inline size_t elementBytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    default:
      return 8;
  }
}

template <size_t N>
class Call {
 public:
  Call(napi_env env, napi_callback_info info) : env_(env) {
    size_t count = N;
    if (napi_get_cb_info(env, info, &count, values_, &self_, nullptr) != napi_ok) fail("the call has no arguments");
  }

  bool ok() const { return ok_; }
  napi_value value(size_t index) const { return values_[index]; }

  int32_t int32(size_t index) {
    int32_t result = 0;
    if (napi_get_value_int32(env_, values_[index], &result) != napi_ok) fail("a number is expected");
    return result;
  }

  bool boolean(size_t index) {
    bool result = false;
    if (napi_get_value_bool(env_, values_[index], &result) != napi_ok) fail("a boolean is expected");
    return result;
  }

  double number(size_t index) {
    double result = 0;
    if (napi_get_value_double(env_, values_[index], &result) != napi_ok) fail("a number is expected");
    return result;
  }

  // A whole number from 0 to 2^53: an offset, a length or a position in a file.
  uint64_t size(size_t index) {
    const double result = number(index);
    if (!(result >= 0 && result <= 9007199254740992.0 && result == std::floor(result))) {
      failRange("a whole number from 0 on is expected");
      return 0;
    }
    return static_cast<uint64_t>(result);
  }

  // All of a typed array, whatever its element type. Length in bytes.
  Bytes array(size_t index) {
    Bytes result;
    napi_typedarray_type type;
    void* data = nullptr;
    size_t length = 0;
    if (napi_get_typedarray_info(env_, values_[index], &type, &length, &data, nullptr, nullptr) != napi_ok) {
      fail("a typed array is expected");
      return result;
    }
    result.data = static_cast<uint8_t*>(data);
    result.length = length * elementBytes(type);
    return result;
  }

  // A typed array of one element type. Length in elements.
  template <typename T>
  T* arrayOf(size_t index, napi_typedarray_type expected, size_t* length) {
    napi_typedarray_type type;
    void* data = nullptr;
    *length = 0;
    if (napi_get_typedarray_info(env_, values_[index], &type, length, &data, nullptr, nullptr) != napi_ok ||
        type != expected) {
      fail("a typed array of another type is expected");
      return nullptr;
    }
    return static_cast<T*>(data);
  }

  // The bytes [offset, offset + length) of a typed array, as three arguments from `index` on.
  Bytes range(size_t index) {
    Bytes whole = array(index);
    const uint64_t offset = size(index + 1);
    const uint64_t length = size(index + 2);
    if (!ok_) return Bytes();
    if (offset > whole.length || length > whole.length - offset) {
      failRange("the range lies outside of the array");
      return Bytes();
    }
    return Bytes{whole.data + offset, static_cast<size_t>(length)};
  }

  // A string argument, cut to the buffer. Returns its length.
  size_t text(size_t index, char* buffer, size_t capacity) {
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, values_[index], buffer, capacity, &length) != napi_ok) {
      fail("a string is expected");
      buffer[0] = 0;
      return 0;
    }
    return length;
  }

  template <typename T>
  T* self() {
    void* native = nullptr;
    if (napi_unwrap(env_, self_, &native) != napi_ok) {
      fail("the receiver is not one of the addon's objects");
      return nullptr;
    }
    return static_cast<T*>(native);
  }
  napi_value receiver() const { return self_; }

  void fail(const char* message) {
    if (ok_) napi_throw_type_error(env_, "ERR_INVALID_ARG_TYPE", message);
    ok_ = false;
  }

  void failRange(const char* message) {
    if (ok_) napi_throw_range_error(env_, "ERR_OUT_OF_RANGE", message);
    ok_ = false;
  }

  napi_value returnInt32(int32_t number) {
    napi_value result = nullptr;
    napi_create_int32(env_, number, &result);
    return result;
  }

  napi_value returnNumber(double number) {
    napi_value result = nullptr;
    napi_create_double(env_, number, &result);
    return result;
  }

  napi_value returnText(const char* text) {
    napi_value result = nullptr;
    napi_create_string_utf8(env_, text, NAPI_AUTO_LENGTH, &result);
    return result;
  }

 private:
  napi_env env_;
  napi_value values_[N > 0 ? N : 1] = {};
  napi_value self_ = nullptr;
  bool ok_ = true;
};

// Runs JavaScript's `function` inside an open callback scope; an exception surfaces as uncaughtException.
inline bool callFunction(napi_env env, napi_value receiver, napi_value function, size_t count, const napi_value* values,
                         napi_value* result) {
  const napi_status status = napi_call_function(env, receiver, function, count, values, result);
  if (status == napi_ok) return true;
  bool pending = false;
  napi_value exception = nullptr;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending &&
      napi_get_and_clear_last_exception(env, &exception) == napi_ok) {
    napi_fatal_exception(env, exception);
  }
  return false;
}

inline void setFunction(napi_env env, napi_value target, const char* name, napi_callback callback) {
  napi_value function = nullptr;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
  napi_set_named_property(env, target, name, function);
}

#define EMBERLOG_METHOD(name, callback) \
  napi_property_descriptor { name, nullptr, callback, nullptr, nullptr, nullptr, napi_default_method, nullptr }

void exportChecksum(napi_env env, napi_value exports);
void exportCipher(napi_env env, napi_value exports);
void exportSystem(napi_env env, napi_value exports);
void exportLog(napi_env env, napi_value exports);
void exportReactor(napi_env env, napi_value exports);

}  // namespace emberlog

#endif
