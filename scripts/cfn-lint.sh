#!/bin/sh
# Prints the path of cfn-lint, installing it from PyPI into .tools where it is
# not there yet.
set -eu
version=1.58.0

cd "$(dirname "$0")/.."
dir="$PWD/.tools/cfn-lint-$version"
if [ ! -e "$dir/installed" ]; then
	echo "installing cfn-lint $version into .tools (once)" >&2
	rm -rf "$dir"
	if ! python3 -m venv "$dir" >&2 || ! "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "cfn-lint==$version" >&2; then
		rm -rf "$dir"
		echo 'make: cfn-lint could not be installed, so the templates stay unchecked: python3 with venv and pip is needed (the reason is above)' >&2
		exit 1
	fi
	touch "$dir/installed"
fi
echo "$dir/bin/cfn-lint"
