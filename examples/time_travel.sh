#!/bin/sh
# A release: name the state of the lake, go on working, and ask the named state again.
# sh examples/time_travel.sh FHIR-FOLDER FHIR-FOLDER
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
lake="$work/lake"
a360 --lake "$lake" ingest fhir "$1" --source clinic >/dev/null
a360 --lake "$lake" run >/dev/null
a360 --lake "$lake" tag create before-update

sleep 1
a360 --lake "$lake" ingest fhir "$2" --source clinic >/dev/null
a360 --lake "$lake" run >/dev/null

count="SELECT count(*) AS patients FROM silver.patient WHERE is_current AND NOT deleted"
echo "now:";  a360 --lake "$lake" query "$count"
echo "then:"; a360 --lake "$lake" query "$count" --at before-update
a360 --lake "$lake" diff silver.patient before-update
a360 --lake "$lake" history silver.patient
