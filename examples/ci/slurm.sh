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
rm -rf charioteer-out/shard-*-of-"$shards" charioteer-out/shard-*.log

# A task whose tests have no results because of the host (exit status 75) runs again, twice at most.
# Slurm starts it two minutes later; its output follows that of the earlier run.
array=$(sbatch --parsable --job-name=charioteer --array="0-$((shards - 1))" --requeue \
    --cpus-per-task="${CPUS:-4}" --mem="${MEMORY:-8G}" --output=charioteer-out/shard-%a.log \
    --open-mode=append \
    --wrap "charioteer test '$tests' --shard auto --history history.sqlite
status=\$?
if [ \$status = 75 ] && [ \"\${SLURM_RESTART_COUNT:-0}\" -lt 2 ]; then
    scontrol requeue \"\${SLURM_ARRAY_JOB_ID}_\$SLURM_ARRAY_TASK_ID\"
fi
exit \$status")

# After any end: shards whose tests have failed have results, too.
exec sbatch --wait --job-name=charioteer-merge --dependency="afterany:${array%%;*}" \
    --output=charioteer-out/merge.log \
    --wrap "charioteer merge charioteer-out/shard-*-of-$shards --history history.sqlite"
