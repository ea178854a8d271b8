#!/usr/bin/env bash
# Packs a folder that runs wherever it is put, on a machine with glibc and nothing else of what building needs: the
# program, the module for NVIDIA GPUs where a CUDA toolkit is here (it takes CUDA's own libraries from the toolkit there),
# and beside them the shared libraries that are no part of glibc. Labels of figures need fonts: without them it draws
# with --plain alone.
#
#   scripts/package.sh [FOLDER]    build/rankkv-package unless named; it must not be there yet
set -euo pipefail
here=$PWD
cd "$(dirname -- "$0")/.."

most_mb=60
folder=${1:-build/rankkv-package}
[[ $folder == /* || $# -eq 0 ]] || folder=$here/$folder
if [[ -e $folder ]]; then
  echo "package: $folder is there already" >&2
  exit 1
fi

build=build/package
mkdir -p "$build"
if ! { cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DRANKKV_CAIRO=OFF \
  -DCMAKE_PROJECT_INCLUDE="$PWD/cmake/RankKVPackage.cmake" && cmake --build "$build"; } > "$build/build.log" 2>&1; then
  tail -n 40 "$build/build.log" >&2
  echo "package: the build failed; the whole log is $build/build.log" >&2
  exit 1
fi

mkdir -p "$folder/bin" "$folder/share/rankkv"
cp "$build/cli/rankkv" "$folder/bin"
cp -r samples "$folder/share/rankkv"
cp LICENSE NOTICE "$folder"
if [[ -e $build/librankkv-cuda.so ]]; then
  cp "$build/librankkv-cuda.so" "$folder/bin"
  strip --strip-unneeded "$folder/bin/librankkv-cuda.so"
fi

# What the loader finds for them outside the folder: NAME => PATH, but for glibc's own and for CUDA's.
outside() {
  ldd "$folder"/bin/rankkv "$folder"/bin/*.so 2> /dev/null | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' | sort -u |
    grep -vE "^$(realpath "$folder")/" |
    grep -vE '/(ld-linux[^/]*|lib(c|m|dl|rt|pthread|resolv|util))\.so|/lib(cuda|cudart|cublas|cublasLt|cusolver|cusparse|nvJitLink)\.so' ||
    true
}
outside | while read -r library; do
  cp -L "$library" "$folder/bin"
done

if [[ -n $(outside) ]]; then
  echo "package: these are still taken from outside the folder:" >&2
  outside >&2
  exit 1
fi
env -i "$folder/bin/rankkv" --version > /dev/null
size_mb=$(($(du -sk --apparent-size "$folder" | cut -f1) / 1000))
if ((size_mb >= most_mb)); then
  echo "package: $folder has $size_mb MB, the limit is $most_mb" >&2
  exit 1
fi
echo "$folder: $size_mb MB"
