#!/bin/sh
# Deploys the templates in cdk.out/aws: scripts/deploy.sh [flags of cdk deploy].
# The outputs go to cdk.out/outputs.json.
set -eu
version=2.1148.1
cd "$(dirname "$0")/.."
PATH="$(scripts/node.sh):$PATH"
export PATH JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20
if ! command -v npx >/dev/null 2>&1; then
	echo 'scripts/deploy.sh: the CDK command needs npx, which comes with Node: install Node 20 or newer' >&2
	exit 1
fi
exec npx --yes "aws-cdk@$version" deploy --app cdk.out/aws --all --outputs-file cdk.out/outputs.json "$@"
