#!/usr/bin/env bash
# Runs the processes of one cluster in the foreground of a supervisor of your own (systemd, runit, tmux):
# one call per process, configuration from files and environment.
#
#   scripts/startup.sh TMSrv --set 'process.dbsrv=["10.0.0.1:9102"]' --set process.link=10.0.0.2:9106
#
# The shipped files are all comments: addresses and the key are yours to set; docs/operating.md has a whole example.
# WYDBR_CONFIG (default: config) is the folder with <Process>.conf, WYDBR_PROGRAM the wydbr program.
set -euo pipefail
if [ $# -lt 1 ]; then
  echo "usage: scripts/startup.sh LogSrv|DBSrv|NRSrv|BISrv|TSSSrv|TMSrv|Edge [flags of the process]" >&2
  exit 64
fi
process=$1
shift
here=$(cd "$(dirname "$0")/.." && pwd)
config=${WYDBR_CONFIG:-$here/config}
program=${WYDBR_PROGRAM:-$here/target/release/wydbr}
[ -x "$program" ] || program=$(command -v wydbr) || { echo "no wydbr program; run cargo build --release" >&2; exit 64; }
exec "$program" run "$process" --config "$config/$process.conf" "$@"
