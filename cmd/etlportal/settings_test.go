package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/app"
)

// settingsTable is what the README shows of the settings.
func settingsTable() string {
	var b strings.Builder
	for _, s := range slices.Concat(backendSettings(), airflowSettings(), app.Settings()) {
		name := "`" + s.Name + "`"
		if s.Flag != "" {
			name += ", `" + s.Flag + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, s.Default, s.Meaning)
	}
	return b.String()
}

// Every setting is in the README as the program knows it.
func TestSettingsAreInTheREADME(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	require.NoError(t, err)
	require.Contains(t, string(text), settingsTable())
}

// Every variable that readBackend asks for is listed, and the other way round.
func TestBackendSettingsAreComplete(t *testing.T) {
	asked := map[string]bool{}
	_, err := readBackend(func(name string) (string, bool) {
		asked[name] = true
		return "", false
	})
	require.NoError(t, err)
	delete(asked, "AWS_DEFAULT_REGION") // another name of AWS_REGION
	listed := map[string]bool{}
	for _, s := range backendSettings() {
		listed[s.Name] = true
	}
	require.Equal(t, asked, listed)
}

func TestReadBackend(t *testing.T) {
	read := func(set map[string]string) (backendConfig, error) {
		return readBackend(func(name string) (string, bool) { return set[name], set[name] != "" })
	}
	c, err := read(map[string]string{"ETLPORTAL_DATA_DIR": "/d", "S3_BUCKET": "b", "S3_ENDPOINT": "http://minio:9000", "AWS_DEFAULT_REGION": "eu-west-1"})
	require.NoError(t, err)
	require.Equal(t, backendConfig{dataDir: "/d", bucket: "b", endpoint: "http://minio:9000", region: "eu-west-1", pathStyle: true}, c)
	c, err = read(map[string]string{"ETLPORTAL_DATA_DIR": "/d", "S3_BUCKET": "b", "S3_ENDPOINT": "http://minio:9000", "S3_PATH_STYLE": "no", "S3_PREPARE": "1"})
	require.NoError(t, err)
	require.False(t, c.pathStyle)
	require.True(t, c.prepare)
	for _, bad := range []map[string]string{{"S3_ENDPOINT": "http://minio:9000"}, {"S3_PREPARE": "maybe"}, {"S3_PATH_STYLE": "x"}} {
		_, err := read(bad)
		require.ErrorContains(t, err, "S3_")
	}
}
