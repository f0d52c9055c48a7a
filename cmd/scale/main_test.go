package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/scale"
)

func TestThePageIsWhatTheCommandPrints(t *testing.T) {
	var printed bytes.Buffer
	require.NoError(t, scale.Report(&printed))
	page, err := os.ReadFile("../../docs/scale.md")
	require.NoError(t, err)
	require.Equal(t, string(page), printed.String(), "make it anew: go run ./cmd/scale > docs/scale.md")
}
