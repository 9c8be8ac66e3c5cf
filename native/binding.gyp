# The addon is Linux only: elsewhere src/platform takes its portable fallbacks and install.mjs does not come here.
# Plain N-API, so one binary serves every Node from 20 on; uv.h is used through the symbols Node exports.
{
  "targets": [
    {
      "target_name": "emberlog",
      "sources": [
        "module.cc",
        "checksum.cc",
        "checksum_binding.cc",
        "cipher_binding.cc",
        "log_threads.cc",
        "log_binding.cc",
        "output_queue.cc",
        "listener.cc",
        "reactor.cc",
        "reactor_binding.cc",
        "system_binding.cc"
      ],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc": ["-std=c++17", "-O3", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fvisibility=hidden"],
      "cflags_cc!": ["-fno-omit-frame-pointer"],
      "ldflags": ["-Wl,-z,now"]
    }
  ]
}
