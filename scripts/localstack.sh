#!/bin/sh
# Prints the path of the launcher of LocalStack 4.14.0, the last free release,
# with the plugin of localstack/; installs both from PyPI into .tools/localstack
# where they are not there yet, or where the plugin or its pins have changed.
#
# LocalStack needs Python 3.13: on the path, of pyenv, of uv, or fetched by uv.
# On 3.12 an import of it fails; on 3.11 it answers every request with 500.
set -eu
cd "$(dirname "$0")/.."
root="$PWD"
dir="$root/.tools/localstack"
launcher="$dir/bin/etlportal-localstack"
stamp="$(cat localstack/pyproject.toml localstack/constraints.txt localstack/etlportal_localstack/*.py scripts/localstack.sh | cksum)"

current() { [ -x "$launcher" ] && [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; }

# works says whether $1 is a Python 3.13 that can make environments: pyenv's
# shims exist for versions that are not chosen, and then fail.
works() {
	"$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 13))' >/dev/null 2>&1
}

find_python() {
	for python in python3.13 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13.*/bin/python3.13; do
		if works "$python"; then
			echo "$python"
			return
		fi
	done
	uv="$(command -v uv || true)"
	if [ -z "$uv" ]; then
		echo 'no Python 3.13 found: installing uv into .tools, which can fetch one (once)' >&2
		python3 -m pip install --quiet --disable-pip-version-check --target "$root/.tools/uv" 'uv==0.9.9' >&2 || return 1
		uv="$root/.tools/uv/bin/uv"
	fi
	export UV_PYTHON_INSTALL_DIR="$root/.tools/python"
	if ! python="$("$uv" python find 3.13 2>/dev/null)" || ! works "$python"; then
		"$uv" python install 3.13 >&2 || return 1
		python="$("$uv" python find --managed-python 3.13)" || return 1
	fi
	echo "$python"
}

if ! current; then
	mkdir -p "$root/.tools"
	# Test binaries of several packages may come here at once: one installs.
	lock="$root/.tools/localstack.lock"
	exec 9>"$lock"
	if command -v flock >/dev/null 2>&1; then flock 9; fi
fi
if ! current; then
	if ! python="$(find_python)" || [ -z "$python" ]; then
		echo 'scripts/localstack.sh: LocalStack needs Python 3.13, and none could be found or fetched (the reason is above): install python3.13 with its venv module' >&2
		exit 1
	fi
	echo "installing LocalStack 4.14.0 into .tools/localstack (once; about a minute)" >&2
	rm -f "$dir/stamp"
	"$python" -m venv "$dir" >&2
	if ! "$dir/bin/python" -m pip install --quiet --disable-pip-version-check -c localstack/constraints.txt 'localstack-core[runtime]==4.14.0' service-identity setuptools >&2 ||
		! { rm -rf "$dir/plugin" && cp -R localstack "$dir/plugin"; } ||
		! "$dir/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall "$dir/plugin" >&2; then
		echo 'scripts/localstack.sh: LocalStack could not be installed from PyPI (the reason is above)' >&2
		exit 1
	fi
	echo "$stamp" >"$dir/stamp"
fi
echo "$launcher"
