#!/bin/sh
# Prints the C compiler for `go test -race`, whose runtime needs cgo on Linux.
# Where the machine has none, the one in the PyPI package ziglang serves: it
# needs no root, and lives in .tools (ignored by git).
set -eu

version=0.17.1

for cc in "${CC:-}" gcc clang cc; do
	if [ -n "$cc" ] && command -v "${cc%% *}" >/dev/null 2>&1; then
		echo "$cc"
		exit 0
	fi
done

cd "$(dirname "$0")/.."
dir="$PWD/.tools/zig-$version"
if [ ! -x "$dir/cc" ]; then
	echo "no C compiler found: installing ziglang $version into .tools for the race detector (once)" >&2
	rm -rf "$dir"
	if ! python3 -m pip install --quiet --disable-pip-version-check --no-deps --target "$dir" "ziglang==$version" >&2; then
		rm -rf "$dir"
		echo "make: the race detector needs a C compiler, and none could be had: install gcc or clang, or pip for python3 (the reason is above)" >&2
		exit 1
	fi
	printf '#!/bin/sh\nPYTHONPATH="%s" exec python3 -m ziglang cc "$@"\n' "$dir" >"$dir/cc"
	chmod +x "$dir/cc"
fi
echo "$dir/cc"
