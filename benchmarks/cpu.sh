#!/bin/sh
# Every comparison that a CPU can make, in one call; 30 to 60 minutes on 2 cores that have nothing else to do.
#
#     GLUE_DATA=FOLDER BERT_VOCABULARY=vocab.txt benchmarks/cpu.sh [FOLDER] [PYTHON]
#
# FOLDER (out/bench) gets cpu.json and growth.json with every single time, cpu.txt, growth.txt and cpu.png. Without
# GLUE_DATA, token lengths are generated after the published means. The JSON files are written after every table, so a call
# that is cut off loses only what it has not measured.
set -u
folder=${1:-out/bench}
python=${2:-.venv/bin/python}
mkdir -p "$folder"
if [ -n "${GLUE_DATA:-}" ]; then
    set -- --data-dir "$GLUE_DATA" --vocabulary "$BERT_VOCABULARY"
else
    set --
fi
"$python" -u -m seedproof bench seeds cola rte mrpc surface bf16 memory "$@" --repeats 5 \
    --out "$folder/cpu.json" --plot "$folder/cpu.png" | tee "$folder/cpu.txt"
"$python" -u -m seedproof bench growth --repeats 3 --out "$folder/growth.json" | tee "$folder/growth.txt"
