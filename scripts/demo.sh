#!/usr/bin/env bash
# From nothing to pictures: installs what is missing, builds the release, fetches the default model and analyses the
# sample prompts.
#
#   scripts/demo.sh [OUTPUT_DIR]    default: out
set -euo pipefail

if (($# > 1)) || [[ ${1-} == -* ]]; then
  echo "usage: scripts/demo.sh [OUTPUT_DIR]" >&2
  exit 2
fi
out=$(realpath -m -- "${1:-$(dirname -- "$0")/../out}")
cd "$(dirname -- "$0")/.."

scripts/install-packages.sh
scripts/build.sh release
scripts/fetch-model.sh

build/release/cli/rankkv analyze samples/*.txt --heatmaps --force -o "$out"

cat << EOF

Where to look, one folder per prompt in $out:
  effective_rank.png   the effective rank of every head, and the budgets that follow from it
  contact_sheet.png    the attention of every head of every layer
  layer_*.png          the heads of one layer; layer_17.png differs most between the prompts
  analysis.json, budget.json, ranks.csv   the numbers
samples/README.md says what to expect in each. To go on:
  build/release/cli/rankkv analyze YOUR_FILE.txt --heatmaps -o DIR
  build/release/cli/rankkv --help
EOF
