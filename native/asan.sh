#!/usr/bin/env bash
# Builds the addon with the address and the undefined-behaviour sanitizer, aside from the ordinary build, and runs the
# addon's own tests on it. Leaks are not looked for: node itself never frees what it holds at exit.
# Arguments go to vitest.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(uname)" != Linux ]; then
  echo "asan: skipped, the addon exists for Linux only"
  exit 0
fi
library="$(${CXX:-g++} -print-file-name=libasan.so)"
if [ ! -e "$library" ]; then
  echo "asan: skipped, the compiler has no libasan"
  exit 0
fi

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/native"
cp native/*.cc native/*.h native/binding.gyp "$work/native/"
flags="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1"
headers="$(dirname "$(dirname "$(command -v node)")")"
nodedir=()
[ -e "$headers/include/node/node_api.h" ] && nodedir=(--nodedir "$headers")
if ! CXXFLAGS="$flags" LDFLAGS="-fsanitize=address,undefined" \
  node_modules/.bin/node-gyp rebuild --directory "$work/native" "${nodedir[@]}" >"$work/build.log" 2>&1; then
  cat "$work/build.log"
  exit 1
fi

export EMBERLOG_NATIVE="$work/native/build/Release/emberlog.node"
export ASAN_OPTIONS="detect_leaks=0:abort_on_error=1:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1"
LD_PRELOAD="$library" node node_modules/vitest/vitest.mjs run test/native test/unit/platform "$@"
