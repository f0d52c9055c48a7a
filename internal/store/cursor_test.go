package store

import (
	"encoding/base64"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
)

func TestCursorsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.Int64(), 1, 3).Draw(t, "keys")
		list := rapid.String().Draw(t, "list")
		w, err := read(etl.Page{Cursor: cursorOf(list, keys...), Limit: 5}, list, len(keys))
		require.NoError(t, err)
		require.Equal(t, keys, w.after)
		_, err = read(etl.Page{Cursor: cursorOf(list, keys...)}, list+"x", len(keys))
		require.Error(t, err)
		_, err = read(etl.Page{Cursor: cursorOf(list, keys...)}, list, len(keys)+1)
		require.Error(t, err)
	})
}

func TestTamperedCursorsAreRefused(t *testing.T) {
	good := cursorOf("runs", 12345)
	bad := []string{"x", "%", "é", good + "A", good[1:], good + "=", good + "\n", base64.RawURLEncoding.EncodeToString([]byte("12345678")), base64.RawURLEncoding.EncodeToString(make([]byte, 5000))}
	for i := range good {
		for _, c := range "A9_z" {
			if changed := good[:i] + string(c) + good[i+1:]; changed != good {
				bad = append(bad, changed)
			}
		}
	}
	for _, cursor := range bad {
		_, err := read(etl.Page{Cursor: cursor}, "runs", 1)
		refused(t, err, CodeBadCursor)
	}
	for _, limit := range []int{-1, math.MinInt, 1001, 1e9} {
		_, err := read(etl.Page{Limit: limit}, "runs", 1)
		refused(t, err, CodeBadLimit)
	}
	s := &Store{}
	for _, list := range []func(etl.Page) error{
		func(p etl.Page) error { _, err := s.Sources(t.Context(), p); return err },
		func(p etl.Page) error { _, err := s.Credentials(t.Context(), p); return err },
		func(p etl.Page) error { _, err := s.Jobs(t.Context(), etl.JobFilter{}, p); return err },
		func(p etl.Page) error { _, err := s.JobVersions(t.Context(), 1, p); return err },
		func(p etl.Page) error { _, err := s.Runs(t.Context(), etl.RunFilter{}, p); return err },
		func(p etl.Page) error { _, err := s.Logs(t.Context(), 1, p); return err },
		func(p etl.Page) error { _, err := s.Rejects(t.Context(), 1, etl.RejectFilter{}, p); return err },
		func(p etl.Page) error { _, err := s.Tokens(t.Context(), p); return err },
		func(p etl.Page) error { _, err := s.Audits(t.Context(), etl.AuditFilter{}, p); return err },
	} {
		refused(t, list(etl.Page{Cursor: cursorOf("another list", 1)}), CodeBadCursor)
		refused(t, list(etl.Page{Limit: -1}), CodeBadLimit)
	}
}
