#!/bin/sh
# Tests of the infrastructure's module: vet, that go.mod is tidy, the templates.
set -eu
cd "$(dirname "$0")/.."
node="$(scripts/node.sh)"
export PATH="$node:$PATH" JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20
cd infra-cdk
go vet ./...
go mod tidy -diff
exec go test -timeout 10m "$@" ./...
