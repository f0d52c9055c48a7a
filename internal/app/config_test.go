package app

import (
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
)

func environment(set map[string]string) Environment {
	return func(name string) (string, bool) {
		v, ok := set[name]
		return v, ok
	}
}

func TestFromEnvironment(t *testing.T) {
	c, err := FromEnvironment(environment(nil))
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", c.Listen)
	require.False(t, c.RequireToken)
	require.Equal(t, int64(64<<20), c.ChunkBytes)
	require.Equal(t, time.UTC, c.Location)
	require.Equal(t, 20*time.Second, c.Drain)
	require.NoError(t, c.Check())

	c, err = FromEnvironment(environment(map[string]string{
		"ETLPORTAL_LISTEN": " 127.0.0.1:9 ", "ETLPORTAL_REQUIRE_TOKEN": "Yes", "ETLPORTAL_HOSTS": "a, b,,", "ETLPORTAL_ORIGINS": "https://app.example.com",
		"ETLPORTAL_MAX_UPLOAD": "10 GiB", "ETLPORTAL_WORKERS": "3", "ETLPORTAL_CHUNK_SIZE": "16MiB", "ETLPORTAL_TIMEZONE": "Europe/Berlin",
		"ETLPORTAL_LOG_LEVEL": "WARN", "ETLPORTAL_DRAIN": "0s", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
		"OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b, x=y", "OTEL_SERVICE_NAME": "etl",
	}))
	require.NoError(t, err)
	require.Equal(t, []string{"a", "b"}, c.Hosts)
	require.Equal(t, int64(10<<30), c.MaxUpload)
	require.Equal(t, 3, c.Loaders)
	require.Equal(t, int64(16<<20), c.ChunkBytes)
	require.Equal(t, "Europe/Berlin", c.Location.String())
	require.Equal(t, slog.LevelWarn, c.LogLevel)
	require.Zero(t, c.Drain)
	require.True(t, c.RequireToken)
	require.Equal(t, Traces{"http://localhost:4318", map[string]string{"api-key": "a b", "x": "y"}, "etl"}, c.Traces)
}

// Everything that is wrong is named at once, and nothing but the names of secrets.
func TestBadSettings(t *testing.T) {
	for name, values := range map[string][]string{
		"ETLPORTAL_REQUIRE_TOKEN":     {"maybe", "2"},
		"ETLPORTAL_ORIGINS":           {"app.example.com", "https://app.example.com/path", "ftp://x", "*"},
		"ETLPORTAL_MAX_UPLOAD":        {"-1", "many", "1.5GiB", "99999999999999999999", "9000000TiB", "0"},
		"ETLPORTAL_WORKERS":           {"0", "257", "-1", "two", "1.5"},
		"ETLPORTAL_CHUNK_SIZE":        {"1KiB", "2GiB"},
		"ETLPORTAL_TIMEZONE":          {"Europe/Atlantis", "../etc/passwd"},
		"ETLPORTAL_LOG_LEVEL":         {"loud"},
		"ETLPORTAL_DRAIN":             {"20", "-1s", "2h"},
		"OTEL_EXPORTER_OTLP_ENDPOINT": {"localhost:4318", "http://"},
		"OTEL_EXPORTER_OTLP_HEADERS":  {"sesame", "=sesame"},
	} {
		for _, value := range values {
			_, err := FromEnvironment(environment(map[string]string{name: value}))
			var e *etl.Error
			require.ErrorAs(t, err, &e, "%s=%s", name, value)
			require.Equal(t, etl.Code("bad_setting"), e.Code)
			require.Equal(t, etl.Mistake, e.Kind)
			require.Contains(t, e.Message, name+": ")
			require.NotContains(t, e.Error(), "sesame")
		}
	}
	_, err := FromEnvironment(environment(map[string]string{"ETLPORTAL_WORKERS": "x", "ETLPORTAL_DRAIN": "y"}))
	require.ErrorContains(t, err, "ETLPORTAL_WORKERS")
	require.ErrorContains(t, err, "ETLPORTAL_DRAIN")
}

func TestCheck(t *testing.T) {
	for listen, code := range map[string]etl.Code{
		"127.0.0.1:8080": "", "127.9.9.9:1": "", "[::1]:8080": "", "localhost:8080": "", "LOCALHOST:0": "", "[::ffff:127.0.0.1]:80": "",
		"0.0.0.0:8080": "sign_in_required", ":8080": "sign_in_required", "[::]:8080": "sign_in_required", "192.168.1.2:8080": "sign_in_required",
		"example.com:80": "sign_in_required", "localhost.example.com:80": "sign_in_required",
		"8080": "bad_listen", "": "bad_listen", "127.0.0.1": "bad_listen", "127.0.0.1:http": "bad_listen", "127.0.0.1:70000": "bad_listen", "::1:80": "bad_listen",
	} {
		c := Config{Listen: listen}
		err := c.Check()
		if code == "" {
			require.NoError(t, err, listen)
			continue
		}
		var e *etl.Error
		require.ErrorAs(t, err, &e, listen)
		require.Equal(t, code, e.Code, listen)
		require.Equal(t, etl.Mistake, e.Kind)
		c.RequireToken = true
		if code == "sign_in_required" {
			require.NoError(t, c.Check(), listen)
		}
	}
}

// Every setting that is read is listed, and every listed one is read.
func TestSettingsAreComplete(t *testing.T) {
	asked := map[string]bool{}
	_, err := FromEnvironment(func(name string) (string, bool) {
		asked[name] = true
		return "", false
	})
	require.NoError(t, err)
	listed := map[string]bool{}
	for _, s := range Settings() {
		require.False(t, listed[s.Name], s.Name)
		require.NotEmpty(t, s.Meaning)
		listed[s.Name] = true
	}
	require.Equal(t, asked, listed)
}
