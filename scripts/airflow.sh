#!/bin/sh
# Prints the folder of an environment with Apache Airflow $1 (2.10.3, 2.11.0,
# 3.0.6 or 3.3.2) and the provider of airflow-mwaa/; installs both from PyPI into
# .tools/airflow/$1 where they are not there yet, or where the pins have changed.
# The provider is linked, not copied: its tests see the checkout.
#
# Airflow runs on the Python that MWAA has for the version: 3.11 for 2.10, 3.12
# for the others. It is looked for on the path, in pyenv, in uv, or fetched by uv.
set -eu
cd "$(dirname "$0")/.."
root="$PWD"
version="${1:-}"
case "$version" in
2.10.3) python_version=3.11 ;;
2.11.0 | 3.0.6 | 3.3.2) python_version=3.12 ;;
*)
	echo "scripts/airflow.sh: $version is none of the versions 2.10.3, 2.11.0, 3.0.6 and 3.3.2" >&2
	exit 2
	;;
esac
dir="$root/.tools/airflow/$version"
lock_file="airflow-mwaa/locks/$version.txt"
stamp="$(cat "$lock_file" scripts/airflow.sh airflow-mwaa/pyproject.toml | cksum)"

current() { [ -x "$dir/bin/airflow" ] && [ "$(cat "$dir/stamp" 2>/dev/null)" = "$stamp" ]; }

# works says whether $1 is the Python that is wanted: pyenv's shims exist for
# versions that are not chosen, and then fail.
works() {
	"$1" -c "import ssl, sys; sys.exit('%d.%d' % sys.version_info[:2] != '$python_version')" >/dev/null 2>&1
}

find_uv() {
	uv="$(command -v uv || true)"
	[ -n "$uv" ] || uv="$root/.tools/uv/bin/uv"
	[ -x "$uv" ] || python3 -m pip install --quiet --disable-pip-version-check --target "$root/.tools/uv" 'uv==0.9.9' >&2
}

find_python() {
	for python in "python$python_version" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$python_version".*/bin/"python$python_version"; do
		if works "$python"; then
			echo "$python"
			return
		fi
	done
	export UV_PYTHON_INSTALL_DIR="$root/.tools/python"
	"$uv" python find "$python_version" 2>/dev/null && return
	"$uv" python install "$python_version" >&2 || return 1
	"$uv" python find "$python_version"
}

if ! current; then
	mkdir -p "$root/.tools/airflow"
	# Tests of several packages may come here at once: one installs.
	exec 9>"$dir.lock"
	if command -v flock >/dev/null 2>&1; then flock 9; fi
fi
if ! current; then
	if ! find_uv || ! python="$(find_python)" || [ -z "$python" ]; then
		echo "scripts/airflow.sh: Airflow $version needs Python $python_version and uv, and one could not be found or fetched (the reason is above): install python$python_version" >&2
		exit 1
	fi
	# uv wants a full path: a name would be searched for in its own order.
	python="$("$python" -c 'import sys; print(sys.executable)')"
	echo "installing Airflow $version into .tools/airflow/$version (once; some 300 MB)" >&2
	rm -rf "$dir"
	if ! "$uv" venv --quiet --python "$python" "$dir" >&2 ||
		! "$uv" pip install --quiet --python "$dir/bin/python" --requirement "$lock_file" >&2 ||
		! "$uv" pip install --quiet --python "$dir/bin/python" --no-deps --editable airflow-mwaa >&2; then
		echo "scripts/airflow.sh: Airflow $version could not be installed from PyPI (the reason is above)" >&2
		exit 1
	fi
	echo "$stamp" >"$dir/stamp"
fi
echo "$dir"
