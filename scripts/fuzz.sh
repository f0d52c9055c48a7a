#!/bin/sh
# Runs every fuzz target of the module for the time given, one after another:
# `go test -fuzz` takes one target of one package at a time.
set -eu
cd "$(dirname "$0")/.."
time="${1:?the time per target, such as 30s}"
found=0
for package in $(go list ./...); do
	listed="$(go test -list '^Fuzz' "$package")"
	for target in $(printf '%s\n' "$listed" | sed -n '/^Fuzz/p'); do
		echo "==== $package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$package"
		found=$((found + 1))
	done
done
echo "$found fuzz targets ran for $time each"
[ "$found" -gt 0 ]
