#!/usr/bin/env bash
# Installs RankKV into a scratch prefix, moves it, and builds a program against it through find_package and through
# pkg-config: for the static library of a finished build, then for a shared library built here.
#
#   check_install.sh SOURCE_DIR BUILD_DIR
set -Eeuo pipefail # E: the trap below holds in functions too

source_dir=$1
build_dir=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check_installed KIND BUILD_DIR
check_installed() {
  local kind=$1 prefix=$work/$1/moved config pc
  cmake --install "$2" --prefix "$work/$kind/first" > "$work/log"
  mv "$work/$kind/first" "$prefix"
  if grep -rlF "$work/$kind/first" "$prefix" --include='*.cmake' --include='*.pc'; then
    echo "FAILED ($kind): the files above name the prefix" >&2
    return 1
  fi
  # The module is the same for either library: it links to neither.
  if [[ $kind == shared && -e $build_dir/librankkv-cuda.so ]]; then
    cp "$build_dir/librankkv-cuda.so" "$(find "$prefix" -name librankkv.so -printf '%h')"
  fi
  config=$(find "$prefix" -name RankKVConfig.cmake -printf '%h')
  pc=$(find "$prefix" -name rankkv.pc -printf '%h')

  echo "$kind: find_package"
  cmake -S "$source_dir/tests/install" -B "$work/$kind/consumer" -DRankKV_DIR="$config" > "$work/log"
  cmake --build "$work/$kind/consumer" > "$work/log"
  "$work/$kind/consumer/consumer"

  echo "$kind: pkg-config"
  # Words on purpose: pkg-config prints several flags.
  # shellcheck disable=SC2046
  cc -std=c17 -Wall -Wextra -pedantic -Werror "$source_dir/tests/install/consumer.c" -o "$work/$kind/by-pkg-config" \
    $(PKG_CONFIG_PATH=$pc pkg-config --cflags --libs rankkv)
  LD_LIBRARY_PATH=$pc/.. "$work/$kind/by-pkg-config"

  echo "$kind: the program"
  "$prefix/bin/rankkv" --version

  # The module for GPUs, where it was built, is found where it was installed.
  if [[ -n $(find "$prefix" -name librankkv-cuda.so) ]]; then
    echo "$kind: the module"
    "$prefix/bin/rankkv" info --device cuda > "$work/log" 2>&1 || true
    if grep -F 'has no module' "$work/log"; then
      echo "FAILED ($kind): the installed module is not found" >&2
      return 1
    fi
  fi
}

# Every public header stands alone, in C and in C++.
check_headers() {
  local header
  echo "headers"
  for header in "$source_dir"/include/rankkv/*.h; do
    cc -std=c17 -Wall -Wextra -pedantic -Werror -fsyntax-only -I "$source_dir/include" -x c "$header"
    c++ -std=c++17 -Wall -Wextra -pedantic -Werror -fsyntax-only -I "$source_dir/include" -x c++ "$header"
  done
}

trap 'cat "$work/log" >&2' ERR
: > "$work/log"
check_headers
check_installed static "$build_dir"
# The program built on a shared library holds it to public functions, as what is hidden cannot be linked.
cmake -S "$source_dir" -B "$work/build" -G Ninja -DBUILD_SHARED_LIBS=ON -DBUILD_TESTING=OFF \
  -DRANKKV_CUDA=OFF -DCMAKE_BUILD_TYPE=Debug > "$work/log"
cmake --build "$work/build" > "$work/log"
check_installed shared "$work/build"
echo "passed"
