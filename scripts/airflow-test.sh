#!/bin/sh
# Runs the provider's tests and the portal's with the Airflows given, which it
# installs where they are not yet: airflow-mwaa/tests under each, then TestAirflow.
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- 2.11.0 3.0.6
for version in "$@"; do
	dir="$(scripts/airflow.sh "$version")"
	home="$(mktemp -d)"
	printf 'airflow-mwaa/tests with Airflow %s\n' "$version"
	status=0
	(cd airflow-mwaa && AIRFLOW_HOME="$home" AIRFLOW__CORE__LOAD_EXAMPLES=False PYTHONDONTWRITEBYTECODE=1 NO_PROXY='*' \
		"$dir/bin/python" -W ignore -m pytest -q -p no:cacheprovider) || status=$?
	rm -rf "$home"
	[ "$status" -eq 0 ] || exit "$status"
done
ETLPORTAL_TEST_AIRFLOW="$*" exec go test -count=1 -timeout 60m -v -run '^TestAirflow$' ./cmd/etlportal
