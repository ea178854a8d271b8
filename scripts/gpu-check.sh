#!/usr/bin/env bash
# Checks the GPU part on a machine with nothing but a CUDA toolkit, cmake, a C compiler and python3 (with torch for the
# peer): builds what needs no other library, runs all tests, those on the GPU, compute-sanitizer where it is present, and
# the GPU benchmark.
#
#   scripts/gpu-check.sh [STEP...]    of: build host gpu memcheck racecheck bench; all of them unless named
#
# BENCH_FLAGS go to bench/compare_gpu.py; RANKKV_COMMIT is the commit where git does not know it. Ends with 0 when all is
# well, with 77 when there is no GPU and all else is well.
set -uo pipefail
cd "$(dirname -- "$0")/.." || exit 1

steps=("$@")
((${#steps[@]})) || steps=(build host gpu memcheck racecheck bench)
for step in "${steps[@]}"; do
  case $step in
    build | host | gpu | memcheck | racecheck | bench) ;;
    *)
      echo "usage: scripts/gpu-check.sh [build|host|gpu|memcheck|racecheck|bench ...]" >&2
      exit 2
      ;;
  esac
done

build=build/gpu
# Where toolkits put what may not be on the PATH.
PATH=$PATH:${CUDA_HOME:-/usr/local/cuda}/bin:${CUDA_HOME:-/usr/local/cuda}/compute-sanitizer
export OMP_WAIT_POLICY=passive

build_all() {
  local generator=()
  command -v ninja > /dev/null && generator=(-G Ninja)
  cmake -S . -B "$build" "${generator[@]}" -DCMAKE_BUILD_TYPE=Release -DRANKKV_STANDALONE=ON -DRANKKV_CUDA=ON \
    -DRANKKV_BENCH=ON > "$build.log" 2>&1 && cmake --build "$build" -j "$(nproc)" >> "$build.log" 2>&1
  local status=$?
  ((status == 0)) || tail -n 40 "$build.log"
  return $status
}

test_host() {
  ctest --test-dir "$build" -LE gpu -j "$(nproc)" --output-on-failure --no-tests=error
}

test_gpu() {
  ctest --test-dir "$build" -L gpu --output-on-failure --no-tests=error
}

# Every operation on the device, ranks of ugly matrices, rows of caches and attention to them, under one tool of
# compute-sanitizer. Under memcheck also what has several streams, a model, its sessions and copies between devices, where
# memory that one stream gives and another still uses is looked for.
sanitize() {
  local test status flags=() tests=(backend cuda_rank rows rows_device rows_together entries cached_attention)
  if ! command -v compute-sanitizer > /dev/null; then
    echo "compute-sanitizer is not here"
    return 77
  fi
  # Races are looked for in our kernels, whose tasks are rkv_*: those of CUDA's libraries order their threads by means that
  # racecheck does not know, and take minutes under it.
  [[ $1 == racecheck ]] && flags=(--kernel-name kns=rkv_)
  if [[ $1 == memcheck ]]; then
    tests+=(cuda_model cuda_prompts cuda_session cuda_several)
    if [[ $(compute-sanitizer --help) == *--track-stream-ordered-races* ]]; then
      flags=(--track-stream-ordered-races all)
    fi
  fi
  for test in "${tests[@]}"; do
    status=0
    compute-sanitizer --tool "$1" "${flags[@]}" --error-exitcode 9 "$build/tests/test_$test" cuda || status=$?
    ((status == 0 || status == 77)) || return "$status"
  done
}

benchmark() {
  local flags
  read -ra flags <<< "${BENCH_FLAGS-}"
  python3 bench/compare_gpu.py --build "$build" "${flags[@]}"
}

# yes, no, or failed: that there is no GPU is 69, and only true where nvidia-smi lists none; all else is a fault.
look_for_gpu() {
  local status=0
  "$build/bench/bench_gpu" rank --tokens 16 --heads 1 --repeat 1 > /dev/null || status=$?
  if ((status == 0)); then
    echo yes
  elif ((status == 69)) && ! nvidia-smi -L > /dev/null 2>&1; then
    echo no
  else
    echo "failed ($status)"
  fi
}

# Runs a step; notes how it ended and how long it took.
results=()
failed=0
run() {
  local name=$1 start=$SECONDS status=0 word=passed
  shift
  echo "== $name"
  "$@" || status=$?
  ((status == 77)) && word=skipped
  ((status != 0 && status != 77)) && word="FAILED ($status)" && failed=1
  results+=("$name: $word, $((SECONDS - start)) s")
  return $status
}

machine() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null || echo "no nvidia-smi"
  nvcc --version 2> /dev/null | tail -n 1
  echo "$(date -u +%F), commit ${RANKKV_COMMIT:-$(git describe --always --dirty 2> /dev/null || echo unknown)}"
}

mkdir -p build
machine
gpu=unknown
for step in "${steps[@]}"; do
  case $step in
    build) run build build_all || break ;;
    host) run "tests on the host" test_host ;;
    *)
      if [[ $gpu == unknown ]]; then
        gpu=$(look_for_gpu)
      fi
      if [[ $gpu == failed* ]]; then
        results+=("$step: a first rank on the GPU $gpu")
        failed=1
        continue
      fi
      if [[ $gpu == no ]]; then
        results+=("$step: skipped, no GPU")
        continue
      fi
      case $step in
        gpu) run "tests on the GPU" test_gpu ;;
        bench) run benchmark benchmark ;;
        *) run "$step" sanitize "$step" ;;
      esac
      ;;
  esac
done

echo "== results"
printf '%s\n' "${results[@]}"
((failed)) && exit 1
[[ $gpu == no ]] && exit 77
exit 0
