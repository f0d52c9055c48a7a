#!/bin/sh
# Builds the Lambda functions into dist/functions/ARCH/NAME/bootstrap, for the
# architectures given (arm64 and amd64 by default). A binary stays as it is, with
# its time, where nothing of it has changed; one over 28 MiB is an error.
#
# api is built without inlining: it waits for databases rather than computes, and
# is a tenth smaller that way.
set -eu
cd "$(dirname "$0")/.."
limit=29360128
for arch in "${@:-arm64 amd64}"; do
	for one in $arch; do
		out="dist/functions/$one"
		mkdir -p "$out"
		for name in api inspect plan load finalize schedule reconcile; do
			new="$out/$name/.bootstrap.$$" # another build may be under way
			old="$out/$name/bootstrap"
			mkdir -p "$out/$name"
			small=
			[ "$name" = api ] && small=-gcflags=all=-l
			GOOS=linux GOARCH="$one" CGO_ENABLED=0 go build -trimpath -buildvcs=false ${small:+"$small"} -tags lambda.norpc -ldflags '-s -w -buildid=' -o "$new" "./functions/$name"
			size=$(wc -c <"$new")
			if [ "$size" -gt "$limit" ]; then
				echo "functions: $name for $one has $size bytes; $limit are the most" >&2
				rm "$new"
				exit 1
			fi
			if [ -f "$old" ] && cmp -s "$new" "$old"; then
				rm "$new"
			else
				mv "$new" "$old"
			fi
			printf '%-6s %-10s %9d bytes\n' "$one" "$name" "$size"
		done
	done
done
