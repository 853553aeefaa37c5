#!/bin/sh
# Every comparison that needs a GPU; no data files are needed.
#
#     benchmarks/gpu.sh [FOLDER] [PYTHON]
#
# FOLDER (out/bench) gets gpu.json with every single time, gpu.txt and gpu.png. The JSON file is written after every table, so
# a call that is cut off loses only what it has not measured; BERT-large comes last. On an H100 `seeds` took a minute with
# `--steps 8`; BERT-large, whose contenders are made one after the other, takes minutes before its first time.
set -u
folder=${1:-out/bench}
python=${2:-.venv/bin/python}
mkdir -p "$folder"
"$python" -u -m seedproof bench seeds cola surface memory rte mrpc large --device cuda --repeats 3 \
    --out "$folder/gpu.json" --plot "$folder/gpu.png" | tee "$folder/gpu.txt"
