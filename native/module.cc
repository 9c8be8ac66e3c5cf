// The addon's door: everything it offers is hung on one exports object. The addon keeps no state of its own outside of
// the objects it hands out, so that every worker thread may load it.
#include "call.h"

// What the calls mean; src/platform/native.ts has the same number. It goes up when a call of the same name changes: an old
// binary would do something else without a word.
static constexpr int kInterfaceVersion = 2;

static napi_value initialise(napi_env env, napi_value exports) {
  emberlog::exportChecksum(env, exports);
  emberlog::exportCipher(env, exports);
  emberlog::exportSystem(env, exports);
  emberlog::exportLog(env, exports);
  emberlog::exportReactor(env, exports);
  napi_value version;
  napi_create_int32(env, kInterfaceVersion, &version);
  napi_set_named_property(env, exports, "interfaceVersion", version);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, initialise)
