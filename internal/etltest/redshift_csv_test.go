package etltest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

// What stands between quotes is taken as it is; rows end with either line end,
// and quotes that stand elsewhere are a mistake.
func TestCopyReader(t *testing.T) {
	long := strings.Repeat("x\r\n", 50_000)
	for text, want := range map[string]string{
		"":                             "EOF",
		"1,2\n":                        `1["1" "2"] EOF`,
		"1,2":                          `1["1" "2"] EOF`,
		",\n":                          `1["" ""] EOF`,
		"1\r\n2\n":                     `1["1"] 2["2"] EOF`,
		"\"a\r\nb\",\"\r\"\n3\n":       `1["a\r\nb" "\r"] 3["3"] EOF`,
		"\"a\r\"\r\n\"\r\n\"\n":        `1["a\r"] 2["\r\n"] EOF`,
		"a\rb,\"c\"\n":                 `1["a\rb" "c"] EOF`,
		"\"a\"\"b\",\"\"\"\",\"\"\n":   `1["a\"b" "\"" ""] EOF`,
		"\"\\\",\"\\.\n\\.\",\"\x00\"": `1["\\" "\\.\n\\." "\x00"] EOF`,
		"\"" + long + "\"\n9\n":        fmt.Sprintf(`1[%q] 50002["9"] EOF`, long),
		"\"a\"b\n":                     "quotes",
		"\"a\"\rb\n":                   "quotes",
		"a\"b\n":                       "quotes",
		"\"a\n":                        "quotes",
		"\"a\"\"\n":                    "quotes",
	} {
		r := newCopyReader(strings.NewReader(text))
		var got []string
		for {
			row, line, err := r.read()
			switch {
			case errors.Is(err, io.EOF):
				got = append(got, "EOF")
			case errors.Is(err, errQuotes):
				got = append(got, "quotes")
			case err != nil:
				t.Fatal(err)
			}
			if err != nil {
				break
			}
			got = append(got, fmt.Sprintf("%d%q", line, row))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%.60q\n got %.200s\nwant %.200s", text, got, want)
		}
	}
}
