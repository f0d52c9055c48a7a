#!/bin/sh
# Builds what an MWAA environment of Airflow $1 reads from its bucket into
# dist/mwaa/$1: dags/, and the requirements and the plugins (the provider's
# wheel) under names with their hash, by which a deployment sees a change.
set -eu
cd "$(dirname "$0")/.."
version="${1:-}"
requirements="airflow-mwaa/requirements/$version.txt"
if [ -z "$version" ] || [ ! -f "$requirements" ]; then
	echo "scripts/mwaa.sh: '$version' is none of the versions in airflow-mwaa/requirements" >&2
	exit 2
fi
out="dist/mwaa/$version"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir -p dist/mwaa "$work/out/dags" "$work/source"
cp -R airflow-mwaa/pyproject.toml airflow-mwaa/etl_portal_provider "$work/source"
find "$work/source" -name __pycache__ -prune -exec rm -rf {} +
# The same source gives the same bytes.
export SOURCE_DATE_EPOCH=315532800
if ! python3 -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir "$work/wheel" "$work/source" >&2; then
	echo 'scripts/mwaa.sh: the wheel could not be built (the reason is above); it needs python3 with pip, and setuptools from PyPI' >&2
	exit 1
fi
find "$work/wheel" -exec touch -d '1980-01-01 00:00:00 UTC' {} +
(cd "$work/wheel" && TZ=UTC python3 -m zipfile -c ../plugins.zip ./*.whl)
# $1 under the name $2 with its hash and the ending $3.
place() { cp "$1" "$work/out/$2-$(cksum <"$1" | cut -d' ' -f1).$3"; }
place "$work/plugins.zip" plugins zip
place "$requirements" requirements txt
cp airflow-mwaa/dags/*.py "$work/out/dags"
chmod -R u=rwX,go=rX "$work/out"
rm -rf "$out"
mv "$work/out" "$out"
echo "$out"
