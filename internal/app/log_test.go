package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/portal"
)

func TestLogCarriesIDs(t *testing.T) {
	var out bytes.Buffer
	log := NewLogger(&out, slog.LevelInfo)
	ctx := portal.WithCaller(t.Context(), portal.Caller{RequestID: "r-1"})
	ctx = withAttrs(ctx, slog.Int64("run_id", 7), slog.Int("chunk", 3))
	log.With("a", 1).InfoContext(ctx, "hello")
	log.InfoContext(ctx, "again", "request_id", "r-2")
	log.DebugContext(ctx, "not shown")
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	var first, second map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &second))
	require.Equal(t, "r-1", first["request_id"])
	require.InDelta(t, 7, first["run_id"], 0)
	require.InDelta(t, 3, first["chunk"], 0)
	require.Equal(t, "r-2", second["request_id"])
}

// A context's attributes do not show up in its siblings.
func TestAttributesAreNotShared(t *testing.T) {
	base := withAttrs(t.Context(), slog.Int("a", 1))
	one, two := withAttrs(base, slog.Int("b", 1)), withAttrs(base, slog.Int("b", 2))
	text := func(ctx context.Context) string {
		var out bytes.Buffer
		NewLogger(&out, slog.LevelInfo).InfoContext(ctx, "x")
		return out.String()
	}
	require.Contains(t, text(one), `"b":1`)
	require.Contains(t, text(two), `"b":2`)
}

func TestLogHidesSecrets(t *testing.T) {
	for name, record := range map[string][]any{
		"by name":        {"password", "sesame", "client_secret", "sesame", "authorization", "sesame", "token", "sesame", "AccessKey", "sesame"},
		"URL":            {"url", "postgres://me:sesame@db/x"},
		"URL in error":   {"error", errors.New("cannot reach postgres://me:sesame@db/x?sslmode=disable now")},
		"bearer":         {"header", "Bearer etlp_sesame-_0 and so on"},
		"signed URL":     {"at", "http://s3/x?X-Amz-Credential=sesame&X-Amz-Signature=sesame&partNumber=1"},
		"inside a group": {slog.Group("g", "password", "sesame", "url", "s3://a:sesame@b")},
	} {
		var out bytes.Buffer
		NewLogger(&out, slog.LevelInfo).With("secret", "sesame").Info("said", record...)
		require.NotContains(t, out.String(), "sesame", name)
		require.Contains(t, out.String(), blanked, name)
	}
	var out bytes.Buffer
	NewLogger(&out, slog.LevelInfo).Info("plain", "path", "/api/v1/jobs/1", "url", "http://127.0.0.1:8080/a@b")
	require.NotContains(t, out.String(), blanked)
}
