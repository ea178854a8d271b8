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

Done. Where to look (in $out):
$(cd "$out" && for dir in */; do printf '  %-12s %s\n' "$dir" "$(cd "$dir" && echo *.png)"; done)
samples/README.md says what to expect in each. To go on:
  build/release/cli/rankkv analyze YOUR_FILE.txt --heatmaps -o DIR
  build/release/cli/rankkv --help
EOF
