#!/bin/sh
# Prints the path of a pinned development tool, installing it first where that
# version is not there yet: scripts/tool.sh golangci-lint
#
# Tools live in .tools/bin (ignored by git) and are built by the Go of the
# moment: golangci-lint refuses code newer than the Go it was built with.
set -eu

case "${1:-}" in
golangci-lint) module=github.com/golangci/golangci-lint/v2 package=/cmd/golangci-lint version=v2.15.0 ;;
gitleaks) module=github.com/zricethezav/gitleaks/v8 package='' version=v8.30.1 ;;
govulncheck) module=golang.org/x/vuln package=/cmd/govulncheck version=v1.9.0 ;;
*)
	echo "scripts/tool.sh: no tool '${1:-}': give golangci-lint, gitleaks or govulncheck" >&2
	exit 2
	;;
esac

cd "$(dirname "$0")/.."
bin="$PWD/.tools/bin/$1"
go="$(go env GOVERSION)"

# installed is true where the file is this version, built by this Go.
installed() {
	[ -x "$bin" ] || return 1
	about="$(go version -m "$bin" 2>/dev/null)" || return 1
	case "$about" in *": $go"*) ;; *) return 1 ;; esac
	printf '%s\n' "$about" | grep -q "^	mod	$module	$version\(	\|$\)"
}

if ! installed; then
	echo "installing $1 $version into .tools/bin (once; golangci-lint takes a minute or two)" >&2
	mkdir -p .tools/bin
	log=".tools/$1.log"
	if ! GOBIN="$PWD/.tools/bin" GOFLAGS= CGO_ENABLED=0 go install "$module$package@$version" >"$log" 2>&1; then
		tail -n 20 "$log" >&2
		echo "make: $1 $version could not be installed, so what it checks stays unchecked: 'go install $module$package@$version' failed (the reason is above; is the Go module proxy reachable?)" >&2
		exit 1
	fi
	installed || {
		echo "make: $bin is not $1 $version built by $go although its installation succeeded; run 'make distclean' and try again" >&2
		exit 1
	}
fi
echo "$bin"
