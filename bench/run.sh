#!/usr/bin/env bash
# Measures RankKV beside its peers on this machine and prints the tables of bench/README.md. Takes an hour or more.
#
#   bench/run.sh [OPTION...]    options of bench/compare.py: --tokens, --depths, --runs, --threads, --only
#
# RANKKV_BENCH_VENV names a virtual environment that already holds bench/requirements.txt.
set -euo pipefail
cd "$(dirname -- "$0")/.."

model=${RANKKV_TEST_MODEL:-${XDG_DATA_HOME:-$HOME/.local/share}/rankkv/SmolLM2-135M-Instruct.Q4_1.gguf}
[[ -f $model ]] || scripts/fetch-model.sh

build=build/bench
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DRANKKV_BENCH=ON > /dev/null
cmake --build "$build" > /dev/null

venv=${RANKKV_BENCH_VENV:-$build/venv}
if [[ ! -x $venv/bin/python ]]; then
  python3 -m venv "$venv" # Debian's python3-venv
  "$venv/bin/pip" install -r bench/requirements.txt
fi

"$venv/bin/python" bench/make_peer_files.py "$model" bench/northanger-2048.txt "$build/float32"
exec "$venv/bin/python" bench/compare.py --build "$build" --model "$model" --text bench/northanger-2048.txt \
  --work "$build/float32" "$@"
