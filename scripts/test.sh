#!/usr/bin/env bash
# Runs every test: installs what is missing, builds the dev preset and runs ctest on it; then, built with
# AddressSanitizer and UndefinedBehaviorSanitizer, all tests again but for what runs the whole model; then the build that
# needs no foreign library, and its tests.
set -euo pipefail

if (($# > 0)); then
  echo "usage: scripts/test.sh" >&2
  exit 2
fi
cd "$(dirname -- "$0")/.."

scripts/install-packages.sh --tests
if ! scripts/fetch-model.sh; then
  if [[ ${CI-} == true ]]; then
    echo "test: continuous integration does not pass without the default model" >&2
    exit 1
  fi
  echo "test: going on without the default model: the tests that need it are skipped" >&2
fi

# Two threads in each test, so that parallel code is run in parallel, and as many tests at once as there are cores.
# Threads that wait give their core away, since there are more threads than cores.
export OMP_NUM_THREADS=2 OMP_WAIT_POLICY=passive
jobs=$(nproc)
failed=()

scripts/build.sh dev
# A toolkit that lacks something leaves the module out in silence, and nothing would have compiled it.
if ! PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin command -v nvcc > /dev/null; then
  echo "test: there is no nvcc here: the module for NVIDIA GPUs is not compiled, its sources run on the host alone" >&2
elif ! grep -q librankkv-cuda.so build/dev/build.ninja && ! grep -q '^RANKKV_CUDA:.*=OFF$' build/dev/CMakeCache.txt; then
  echo "test: nvcc is here, yet the module for NVIDIA GPUs was not built: it takes CUDA 12.6 Update 2 or later with cuBLAS" \
    "and cuSOLVER (cmake --preset dev -DRANKKV_CUDA=ON says what is missing, =OFF does without)" >&2
  failed+=("the module for NVIDIA GPUs")
fi
ctest --preset dev -j "$jobs" || failed+=(dev)

scripts/build.sh asan
# The whole model would take minutes here: tests do not find it and skip what needs it.
RANKKV_TEST_MODEL=not-under-the-sanitizers ctest --preset asan -j "$jobs" || failed+=(asan)

# What a machine without any of the libraries can build.
scripts/build.sh standalone
ctest --preset standalone -j "$jobs" || failed+=(standalone)

if ((${#failed[@]} > 0)); then
  echo "test: failures under: ${failed[*]}" >&2
  exit 1
fi
