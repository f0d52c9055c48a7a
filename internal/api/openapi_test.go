package api

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write openapi.yaml anew")

// openapi.yaml is the contract; clients are generated from it.
func TestOpenAPIIsCurrent(t *testing.T) {
	got, err := OpenAPI()
	require.NoError(t, err)
	again, err := OpenAPI()
	require.NoError(t, err)
	require.Equal(t, string(got), string(again), "the description must not depend on the order of a map")
	if *update {
		require.NoError(t, os.WriteFile("openapi.yaml", got, 0o644))
	}
	want, err := os.ReadFile("openapi.yaml")
	require.NoError(t, err, "run: go test ./internal/api -run OpenAPI -update")
	require.Equal(t, string(want), string(got), "openapi.yaml is stale; run: go test ./internal/api -run OpenAPI -update")
}
