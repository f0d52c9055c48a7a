package etltest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
)

// SealerSuite checks every promise of etl.Sealer. open makes an adapter with a
// key of its own; rotate gives its keys a new current one, and lost makes an
// adapter that has none of its keys.
func SealerSuite(t *testing.T, open func(t *testing.T) (s etl.Sealer, rotate func(t *testing.T), lost etl.Sealer)) {
	t.Helper()
	s, rotate, lost := open(t)
	ctx := t.Context()
	secret := []byte("pässword 'with\x00everything")
	seal := func(t *testing.T, plaintext []byte, owner string) ([]byte, string) {
		t.Helper()
		sealed, version, err := s.Seal(ctx, plaintext, owner)
		if err != nil {
			t.Fatal(err)
		}
		return sealed, version
	}
	opens := func(t *testing.T, sealed []byte, owner string, want []byte) {
		t.Helper()
		if got, err := s.Open(ctx, sealed, owner); err != nil || !bytes.Equal(got, want) {
			t.Errorf("opened %q, %v; want %q", got, err, want)
		}
	}
	refuses := func(t *testing.T, s etl.Sealer, sealed []byte, owner string) error {
		t.Helper()
		got, err := s.Open(ctx, sealed, owner)
		if e := etl.KindOf(err); err == nil || e != etl.Mistake || len(got) != 0 {
			t.Errorf("opened %q, %v", got, err)
		}
		if err != nil && strings.Contains(err.Error(), "word") && strings.Contains(err.Error(), "everything") {
			t.Errorf("the error tells the secret: %v", err)
		}
		return err
	}
	t.Run("RoundTrip", func(t *testing.T) {
		for _, plaintext := range [][]byte{secret, {}, {0}, bytes.Repeat([]byte("long"), 100_000)} {
			sealed, version := seal(t, plaintext, "credential 1")
			if current, err := s.Current(ctx); err != nil || current != version || version == "" {
				t.Errorf("sealed with %q, current is %q, %v", version, current, err)
			}
			opens(t, sealed, "credential 1", plaintext)
		}
	})
	t.Run("Hides", func(t *testing.T) {
		one, _ := seal(t, secret, "credential 1")
		two, _ := seal(t, secret, "credential 1")
		if bytes.Equal(one, two) {
			t.Error("equal secrets show")
		}
		if bytes.Contains(one, secret[:8]) {
			t.Error("the secret shows")
		}
	})
	t.Run("OtherContext", func(t *testing.T) {
		sealed, _ := seal(t, secret, "credential 1")
		for _, owner := range []string{"", "credential 2", "credential 11", "credential 1 ", "Credential 1"} {
			_ = refuses(t, s, sealed, owner)
		}
	})
	t.Run("Altered", func(t *testing.T) {
		sealed, _ := seal(t, []byte("short"), "credential 1")
		for i := range len(sealed) * 8 {
			altered := slices.Clone(sealed)
			altered[i/8] ^= 1 << (i % 8)
			_ = refuses(t, s, altered, "credential 1")
		}
		for n := range sealed {
			_ = refuses(t, s, sealed[:n], "credential 1")
		}
		_ = refuses(t, s, append(slices.Clone(sealed), 0), "credential 1")
		_ = refuses(t, s, []byte("a password from before there was encryption"), "credential 1")
	})
	t.Run("Rotation", func(t *testing.T) {
		type sealedSecret struct {
			text    []byte
			version string
		}
		var all []sealedSecret
		for range 4 {
			text, version := seal(t, secret, "credential 1")
			for _, old := range all {
				if old.version == version {
					t.Errorf("the rotation kept key %s", version)
				}
			}
			all = append(all, sealedSecret{text, version})
			for _, old := range all {
				opens(t, old.text, "credential 1", secret)
				_ = refuses(t, s, old.text, "credential 2")
			}
			rotate(t)
		}
	})
	t.Run("LostKey", func(t *testing.T) {
		sealed, version := seal(t, secret, "credential 1")
		err := refuses(t, lost, sealed, "credential 1")
		if code(err) != "key_missing" || !strings.Contains(err.Error(), version) {
			t.Errorf("the missing key %s is not named: %v", version, err)
		}
	})
}
