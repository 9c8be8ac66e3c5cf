// The addon's door: everything it offers is hung on one exports object. The addon keeps no state of its own outside of
// the objects it hands out, so that every worker thread may load it.
#include "call.h"

static napi_value initialise(napi_env env, napi_value exports) {
  emberlog::exportChecksum(env, exports);
  emberlog::exportCipher(env, exports);
  emberlog::exportSystem(env, exports);
  emberlog::exportLog(env, exports);
  emberlog::exportReactor(env, exports);
  return exports;
}

NAPI_MODULE(NODE_GYP_MODULE_NAME, initialise)
