#!/usr/bin/env bash
# Configures and builds one preset of CMakePresets.json; says nothing unless it takes a while or fails.
#
#   scripts/build.sh dev|release|asan|standalone
set -euo pipefail

preset=${1:?usage: scripts/build.sh dev|release|asan|standalone}
cd "$(dirname -- "$0")/.."

mkdir -p "build/$preset"
log=build/$preset/build.log
[[ -f build/$preset/build.ninja ]] || echo "Building ($preset)" >&2
if ! { cmake --preset "$preset" && cmake --build --preset "$preset"; } > "$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "build: preset $preset failed; the whole log is $log" >&2
  exit 1
fi
