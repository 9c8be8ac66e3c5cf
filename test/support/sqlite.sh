#!/usr/bin/env bash
# Installs better-sqlite3 for the tests of the catalogue, in a folder of its own: it is an optional peer of the package, compiled for a minute, and `npm ci` does
# not know it. .ci/run lets this run beside everything else, and the tests wait for it as long as .sqlite/installing is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ ! -e .sqlite/node_modules/better-sqlite3/build/Release/better_sqlite3.node ] || exit 0
mkdir -p .sqlite
touch .sqlite/installing
trap 'rm -f .sqlite/installing' EXIT
echo '{ "private": true }' > .sqlite/package.json
# Unoptimised: it compiles in a quarter of the time, and tests ask little of it.
CFLAGS=-O0 CXXFLAGS=-O0 npm install --prefix .sqlite --no-audit --no-fund --save-exact better-sqlite3@12.11.1 > .sqlite/install.log 2>&1
