#!/bin/sh
# Writes long texts for `rankkv eval` into a folder: Jane Austen's novels, the King James Bible, and C source code.
#
#     scripts/fetch-texts.sh [DIR]        default: texts
#
# The novels come from Debian's r-cran-janeaustenr (Project Gutenberg's texts), the Bible from bible-kjv and
# bible-kjv-text, the code is this project's own. All are public domain but the code.
set -eu
folder=${1:-texts}
root=$(cd "$(dirname "$0")/.." && pwd)

for tool in Rscript bible; do
    if ! command -v "$tool" >/dev/null; then
        echo "fetch-texts.sh: needs $tool: apt-get install r-cran-janeaustenr bible-kjv bible-kjv-text" >&2
        exit 69
    fi
done
mkdir -p "$folder"

Rscript --vanilla - "$folder" <<'R'
folder <- commandArgs(trailingOnly = TRUE)[1]
library(janeaustenr)
for (novel in c("emma", "mansfieldpark", "northangerabbey", "persuasion", "prideprejudice", "sensesensibility"))
    writeLines(get(novel), file.path(folder, paste0(novel, ".txt")))
R

# Each verse comes with its place, as in "Ge1:1 In the beginning", which no reader reads aloud.
bible -f 'gen1:1-rev22:21' </dev/null | sed 's/^[^ ]* //' >"$folder/kjv.txt"

(cd "$root" && cat core/*.c allocator/*.c analyzer/*.c model/*.c) >"$folder/source.txt"

wc -c "$folder"/*.txt
