#!/bin/bash
# Twenty workers of a study as a Slurm array, with no submitit:   sbatch examples/cluster/slurm_array.sh lenet
# Somewhere (a login node, a laptop) the study's own command plans, watches, confirms and judges:
#     archsearch study lenet --on workers
# Both need the storage:   export ARCHSEARCH_STORAGE=postgresql+psycopg://me@db/archsearch   (password: ~/.pgpass)
#SBATCH --job-name=archsearch
#SBATCH --array=1-20
#SBATCH --cpus-per-task=1
#SBATCH --mem=2G
#SBATCH --time=04:00:00
#SBATCH --signal=B:TERM@60
#SBATCH --output=archsearch-%A-%a.log
set -euo pipefail
: "${ARCHSEARCH_STORAGE:?export the URL of the storage before sbatch}"
# --timeout: no new trial in the last half hour of the job; --idle-exit: a confirmation may follow the search
# exec: Slurm's SIGTERM, a minute before the end, is then the worker's, which gives its trial back
exec archsearch worker "$@" --idle-exit 600 --timeout 12600
