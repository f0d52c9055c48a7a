package sniff

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

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

// TestTextWithNULs: NUL bytes do not make text UTF-16, wherever they are.
func TestTextWithNULs(t *testing.T) {
	for name, text := range map[string]string{
		"one":         "id,v\n1,ab\x00c\n2,hello\n3,world\n4,foo\n",
		"one, even":   "id,v\n1,a\x00c\n2,hello\n3,world\n4,foo\n",
		"before LF":   strings.Repeat("0000,abcd\x00\n", 1000),
		"UTF-16 LF":   strings.Repeat("0000,abcde\x00\n", 1000),
		"after comma": strings.Repeat("00,\x00abcdefg\n", 1000),
		"with UTF-8":  "id,v\n" + strings.Repeat("1,é\x00 abcde\n2,é öäü\n", 50),
	} {
		r, err := Detect([]byte(text), true, Options{})
		if err != nil || r.Encoding != csv.UTF8 || len(r.Columns) != 2 {
			t.Errorf("%s: %+v %v", name, r, err)
		}
	}
	// Text of nearly any alphabet is UTF-16, however short.
	for _, text := range []string{"id,v\n1,x\n", "名,年\n山田太郎,二\n中村花子,三\n", "имя,год\nАнна,2024\nБорис,2023\n", "a\n"} {
		for _, e := range []csv.Encoding{csv.UTF16LE, csv.UTF16BE} {
			var b []byte
			for _, c := range utf16.Encode([]rune(text)) {
				if e == csv.UTF16LE {
					b = append(b, byte(c), byte(c>>8))
				} else {
					b = append(b, byte(c>>8), byte(c))
				}
			}
			found, _, d := detectEncoding(b, true, Options{})
			if found != e {
				t.Errorf("%q: %s, want %s", text, found, e)
			}
			if !strings.Contains(d.Evidence[0], "places") || strings.Contains(d.Evidence[0], "%!") {
				t.Errorf("evidence %q", d.Evidence)
			}
		}
	}
}

func TestUTF8WithOneBadByte(t *testing.T) {
	rows := strings.Repeat("1,abcdef\n", 500)
	for _, text := range []string{
		"id,v\n" + rows + "2,\xff\n3,é\n",
		"id,v\n2,é\n" + rows + "3,\xe9\n",
		// The bad byte, and the good ones, far into the sample.
		"id,v\n" + strings.Repeat(rows, 70) + "2,\xff\n3,é\n",
	} {
		r, err := Detect([]byte(text), true, Options{})
		if err != nil || r.Encoding != csv.UTF8 || r.Decisions[0].Confidence > 0.7 {
			t.Errorf("%+v %v", r, err)
		}
	}
	// No character beyond ASCII is UTF-8: another encoding.
	r, err := Detect([]byte("id,v\n"+strings.Repeat(rows, 70)+"2,Caf\xe9\n"), true, Options{})
	if err != nil || r.Encoding != csv.Windows1252 {
		t.Errorf("%+v %v", r, err)
	}
	// Two bytes of half-width katakana may look like UTF-8.
	r, err = Detect([]byte("id,v\n"+strings.Repeat("1,\xc3\xbd\xc4\n", 20)), true, Options{})
	if err != nil || r.Encoding == csv.UTF8 {
		t.Errorf("%+v %v", r, err)
	}
}

func TestASCIIEvidence(t *testing.T) {
	for _, whole := range []bool{true, false} {
		r, err := Detect([]byte("id,v\n1,a\n2,b\n"), whole, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Decisions[0].Evidence[0]; strings.HasPrefix(got, "the file is ASCII") != whole || strings.HasPrefix(got, "the sample is ASCII") == whole {
			t.Errorf("whole %v: %q", whole, got)
		}
	}
}

// TestNoiseIsBinary: random bytes are refused as such, of any length.
func TestNoiseIsBinary(t *testing.T) {
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := make([]byte, 500+seed*100)
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		_, err := Detect(b, true, Options{})
		if e, ok := errors.AsType[*Error](err); !ok || e.Code != "binary_file" {
			t.Errorf("seed %d: %v", seed, err)
		}
	}
}
