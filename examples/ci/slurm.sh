#!/bin/sh
# Runs all tests below a folder as a job array of Slurm, and merges the results.
#
#   examples/ci/slurm.sh SHARDS DIR
#
# To be started in a working directory that all nodes share. Waits for the end; the exit status is
# that of `charioteer merge`, and the summary is in charioteer-out/merge.log.
set -eu
[ $# = 2 ] || { echo "usage: $0 SHARDS DIR" >&2; exit 2; }
shards=$1 tests=$2

mkdir -p charioteer-out
# Results of an earlier run would be merged in place of those of a shard that never started.
rm -rf charioteer-out/shard-*-of-"$shards"

array=$(sbatch --parsable --job-name=charioteer --array="0-$((shards - 1))" \
    --cpus-per-task="${CPUS:-4}" --mem="${MEMORY:-8G}" --output=charioteer-out/shard-%a.log \
    --wrap "charioteer test '$tests' --shard auto --history history.sqlite")

# After any end: shards whose tests have failed have results, too.
exec sbatch --wait --job-name=charioteer-merge --dependency="afterany:${array%%;*}" \
    --output=charioteer-out/merge.log \
    --wrap "charioteer merge charioteer-out/shard-*-of-$shards --history history.sqlite"
