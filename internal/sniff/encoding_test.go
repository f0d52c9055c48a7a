package sniff

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/csv"
)

// TestEncodings detects files named after their encoding, whole and cut off.
func TestEncodings(t *testing.T) {
	files, err := filepath.Glob("testdata/encodings/*.csv")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		name := filepath.Base(f)
		want, _, _ := strings.Cut(name, ".")
		t.Run(name, func(t *testing.T) {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			r, err := Detect(b, true, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if string(r.Encoding) != want {
				t.Errorf("found %s: %+v", r.Encoding, r.Decisions[0])
			}
			if r.Dialect.Header != 1 || len(r.Names) < 2 {
				t.Errorf("dialect %+v, names %q", r.Dialect, r.Names)
			}
			if strings.Contains(name, "bom") != (r.BOM > 0) {
				t.Errorf("byte order mark of %d bytes", r.BOM)
			}
			if len(b) < 100 {
				return
			}
			for cut := len(b) - 5; cut < len(b); cut++ {
				if r, err := Detect(b[:cut], false, Options{}); err != nil || string(r.Encoding) != want {
					t.Errorf("cut at %d of %d: %v %v", cut, len(b), r, err)
				}
			}
		})
	}
}

func TestEncodingOverride(t *testing.T) {
	e := csv.ISO8859x1
	r, err := Detect([]byte("a;b\n1;\xe9\n"), true, Options{Encoding: &e})
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Decisions[0]; r.Encoding != e || d.Confidence != 1 || d.Evidence[0] != "given by flag" {
		t.Errorf("%s %+v", r.Encoding, d)
	}
}

func TestUTF8WithFewBadBytes(t *testing.T) {
	text := "name,city\n" + strings.Repeat("José,Málaga\n", 20) + "Jos\xe9,Paris\n"
	r, err := Detect([]byte(text), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Encoding != csv.UTF8 || r.Decisions[0].Confidence > 0.9 {
		t.Errorf("%s %+v", r.Encoding, r.Decisions[0])
	}
}
