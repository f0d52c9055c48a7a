#!/bin/sh
# Makes the CloudFormation templates: scripts/synth.sh aws|localstack [name=value …]
# writes them to cdk.out/aws or cdk.out/localstack; the values are the context
# that docs/aws.md lists. The functions must be built (make functions).
set -eu
cd "$(dirname "$0")/.."
target="${1:-aws}"
[ $# -gt 0 ] && shift
context="{\"target\":\"$target\""
for pair in "$@"; do
	case "$pair" in
	*=*) ;;
	*)
		echo "scripts/synth.sh: '$pair' is no name=value" >&2
		exit 2
		;;
	esac
	value="$(printf '%s' "${pair#*=}" | sed 's/[\\"]/\\&/g')"
	context="$context,\"${pair%%=*}\":\"$value\""
done
node="$(scripts/node.sh)"
out="${CDK_OUTDIR:-cdk.out/$target}"
case "$out" in /*) ;; *) out="$PWD/$out" ;; esac
mkdir -p bin "$(dirname "$out")"
(cd infra-cdk && go build -o ../bin/infra-cdk .)
# Aside, so that what is there stays until the new templates are whole.
new="$out.$$"
trap 'rm -rf "$new"' EXIT
(cd infra-cdk && PATH="$node:$PATH" JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20 CDK_CONTEXT_JSON="$context}" CDK_OUTDIR="$new" ../bin/infra-cdk >&2)
rm -rf "$out"
mv "$new" "$out"
echo "$out"
