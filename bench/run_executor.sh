#!/usr/bin/env bash
# Measures the compression executor: speed and memory of decoding, time to the first token, a long run. About 20 minutes.
#
#   bench/run_executor.sh [OPTION...]    options of bench/executor.py: --only, --context, --budgets, --runs, --steps
set -euo pipefail
cd "$(dirname -- "$0")/.."

model=${RANKKV_TEST_MODEL:-${XDG_DATA_HOME:-$HOME/.local/share}/rankkv/SmolLM2-135M-Instruct.Q4_1.gguf}
[[ -f $model ]] || scripts/fetch-model.sh

build=build/bench
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_TESTING=OFF -DRANKKV_BENCH=ON > /dev/null
cmake --build "$build" > /dev/null

exec python3 bench/executor.py --build "$build" --model "$model" --text bench/northanger-2048.txt --work "$build/executor" "$@"
