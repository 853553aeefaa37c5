#!/bin/sh
# Every comparison that needs a GPU, in one call of under ten minutes; no data files are needed.
#
#     benchmarks/gpu.sh [FOLDER] [PYTHON]
#
# FOLDER (out/bench) gets gpu.json with every single time, gpu.txt and gpu.png. BERT-large comes first, and the JSON file
# is written after every table, so a call that is cut off loses only what it has not measured.
set -u
folder=${1:-out/bench}
python=${2:-.venv/bin/python}
mkdir -p "$folder"
"$python" -u -m seedproof bench large seeds cola surface memory rte mrpc --device cuda --repeats 3 \
    --out "$folder/gpu.json" --plot "$folder/gpu.png" | tee "$folder/gpu.txt"
