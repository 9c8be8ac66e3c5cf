// AES-256-GCM for frames, into memory that is there already: what node:crypto does, without a cipher object and a fresh
// buffer per frame. It is Node's own OpenSSL that does the work; nothing is linked, and where a Node exports none of it
// (symbols are looked up when the first cipher is made) JavaScript goes on with node:crypto.
//
// A Cipher has one key for its life and keeps a context for each direction, so that a frame costs setting a nonce.
#include <dlfcn.h>

#include <cstring>

#include "call.h"

namespace emberlog {
namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
// Frames are far smaller; OpenSSL counts in int.
constexpr size_t kFrameBytesMax = 1u << 30;
// EVP_CTRL_AEAD_GET_TAG and EVP_CTRL_AEAD_SET_TAG, part of OpenSSL's stable interface.
constexpr int kGetTag = 0x10;
constexpr int kSetTag = 0x11;

struct OpenSsl {
  void* (*newContext)() = nullptr;
  void (*freeContext)(void*) = nullptr;
  const void* (*aes256Gcm)() = nullptr;
  int (*init)(void*, const void*, void*, const uint8_t*, const uint8_t*, int) = nullptr;
  int (*update)(void*, uint8_t*, int*, const uint8_t*, int) = nullptr;
  int (*final)(void*, uint8_t*, int*) = nullptr;
  int (*control)(void*, int, int, void*) = nullptr;
  bool complete = false;

  OpenSsl() {
    complete = find("EVP_CIPHER_CTX_new", &newContext) && find("EVP_CIPHER_CTX_free", &freeContext) &&
               find("EVP_aes_256_gcm", &aes256Gcm) && find("EVP_CipherInit_ex", &init) &&
               find("EVP_CipherUpdate", &update) && find("EVP_CipherFinal_ex", &final) &&
               find("EVP_CIPHER_CTX_ctrl", &control);
  }

  template <typename Function>
  static bool find(const char* name, Function* function) {
    void* symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, sizeof(symbol));
    return symbol != nullptr;
  }
};

const OpenSsl& openSsl() {
  static const OpenSsl found;
  return found;
}

struct CipherObject {
  void* sealing = nullptr;
  void* opening = nullptr;

  bool start(const uint8_t* key) {
    const OpenSsl& ssl = openSsl();
    if (!ssl.complete) return false;
    sealing = ssl.newContext();
    opening = ssl.newContext();
    return sealing != nullptr && opening != nullptr &&
           ssl.init(sealing, ssl.aes256Gcm(), nullptr, key, nullptr, 1) == 1 &&
           ssl.init(opening, ssl.aes256Gcm(), nullptr, key, nullptr, 0) == 1;
  }

  ~CipherObject() {
    if (sealing != nullptr) openSsl().freeContext(sealing);
    if (opening != nullptr) openSsl().freeContext(opening);
  }

  static void finalize(napi_env, void* data, void*) { delete static_cast<CipherObject*>(data); }
};

// The frame's number as a little-endian u64, then zeros.
void nonceOf(uint64_t number, uint8_t* nonce) {
  memset(nonce, 0, kNonceBytes);
  for (int i = 0; i < 8; i++) nonce[i] = static_cast<uint8_t>(number >> (8 * i));
}

bool begin(void* context, uint64_t number, const Bytes& associated) {
  const OpenSsl& ssl = openSsl();
  uint8_t nonce[kNonceBytes];
  nonceOf(number, nonce);
  int length = 0;
  if (ssl.init(context, nullptr, nullptr, nullptr, nonce, -1) != 1) return false;
  return associated.length == 0 ||
         ssl.update(context, nullptr, &length, associated.data, static_cast<int>(associated.length)) == 1;
}

bool transform(void* context, uint8_t* to, const uint8_t* from, size_t length) {
  int written = 0;
  return length == 0 || (openSsl().update(context, to, &written, from, static_cast<int>(length)) == 1 &&
                         static_cast<size_t>(written) == length);
}

napi_value construct(napi_env env, napi_callback_info info) {
  Call<1> call(env, info);
  const Bytes key = call.array(0);
  if (call.ok() && key.length != kKeyBytes) call.failRange("a key has 32 bytes");
  if (!call.ok()) return nullptr;
  auto* cipher = new CipherObject();
  if (!cipher->start(key.data)) {
    delete cipher;
    napi_throw_error(env, "NATIVE_UNAVAILABLE", "this Node exports no OpenSSL that does AES-256-GCM");
    return nullptr;
  }
  napi_wrap(env, call.receiver(), cipher, CipherObject::finalize, nullptr, nullptr);
  return call.receiver();
}

// seal(number, associated, plain, out, at): ciphertext and tag go to out[at, at + plain.length + 16)
napi_value sealCall(napi_env env, napi_callback_info info) {
  Call<5> call(env, info);
  auto* cipher = call.self<CipherObject>();
  const uint64_t number = call.size(0);
  const Bytes associated = call.array(1);
  const Bytes plain = call.array(2);
  const Bytes out = call.array(3);
  const uint64_t at = call.size(4);
  if (call.ok() && (plain.length > kFrameBytesMax || associated.length > kFrameBytesMax)) {
    call.failRange("the frame is too large");
  }
  if (call.ok() && (at > out.length || plain.length + kTagBytes > out.length - at)) {
    call.failRange("the frame does not fit");
  }
  if (!call.ok()) return nullptr;
  uint8_t* to = out.data + at;
  uint8_t none[kTagBytes];
  int length = 0;
  if (!begin(cipher->sealing, number, associated) || !transform(cipher->sealing, to, plain.data, plain.length) ||
      openSsl().final(cipher->sealing, none, &length) != 1 ||
      openSsl().control(cipher->sealing, kGetTag, kTagBytes, to + plain.length) != 1) {
    napi_throw_error(env, "NATIVE_UNAVAILABLE", "OpenSSL could not encrypt");
  }
  return nullptr;
}

// open(number, associated, sealed, out): true: out holds the plain bytes; false: they are not what was sealed
napi_value openCall(napi_env env, napi_callback_info info) {
  Call<4> call(env, info);
  auto* cipher = call.self<CipherObject>();
  const uint64_t number = call.size(0);
  const Bytes associated = call.array(1);
  const Bytes sealed = call.array(2);
  const Bytes out = call.array(3);
  if (call.ok() && (sealed.length < kTagBytes || sealed.length > kFrameBytesMax || associated.length > kFrameBytesMax)) {
    call.failRange("a sealed frame has a tag, and is not too large");
  }
  if (call.ok() && out.length < sealed.length - kTagBytes) call.failRange("the frame does not fit");
  if (!call.ok()) return nullptr;
  const size_t plain = sealed.length - kTagBytes;
  uint8_t none[kTagBytes];
  int length = 0;
  const bool opened = begin(cipher->opening, number, associated) &&
                      transform(cipher->opening, out.data, sealed.data, plain) &&
                      openSsl().control(cipher->opening, kSetTag, kTagBytes, sealed.data + plain) == 1 &&
                      openSsl().final(cipher->opening, none, &length) == 1;
  napi_value result = nullptr;
  napi_get_boolean(env, opened, &result);
  return result;
}

}  // namespace

void exportCipher(napi_env env, napi_value exports) {
  const napi_property_descriptor methods[] = {
      EMBERLOG_METHOD("seal", sealCall),
      EMBERLOG_METHOD("open", openCall),
  };
  napi_value constructor = nullptr;
  napi_define_class(env, "Cipher", NAPI_AUTO_LENGTH, construct, nullptr, sizeof(methods) / sizeof(methods[0]), methods,
                    &constructor);
  napi_set_named_property(env, exports, "Cipher", constructor);
}

}  // namespace emberlog
