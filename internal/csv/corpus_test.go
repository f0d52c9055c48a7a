package csv

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the answers of testdata/reader anew")

// A corpusCase is a file of testdata/reader: what it shows, then the sections
// options, input (as it is, or "input quoted": a Go string a line) and want.
type corpusCase struct {
	input, want string
	dialect     Dialect
	options     Options
	section     map[string]string
}

func readCase(t *testing.T, path string) *corpusCase {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	c := &corpusCase{section: map[string]string{}, options: Options{Encoding: UTF8}}
	name := "about"
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "-- ") && strings.HasSuffix(line, " --\n") {
			name = strings.TrimSuffix(strings.TrimPrefix(line, "-- "), " --\n")
			c.section[name] = ""
			continue
		}
		c.section[name] += line
	}
	c.input, c.want = c.section["input"], c.section["want"]
	for line := range strings.Lines(c.section["input quoted"]) {
		s, err := strconv.Unquote(strings.TrimSpace(line))
		require.NoError(t, err, line)
		c.input += s
	}
	for field := range strings.FieldsSeq(c.section["options"]) {
		c.set(t, field)
	}
	return c
}

func (c *corpusCase) set(t *testing.T, field string) {
	t.Helper()
	key, value, _ := strings.Cut(field, "=")
	text, err := strconv.Unquote(value)
	number, _ := strconv.Atoi(value)
	if err == nil && text == "" {
		t.Fatalf("empty %s", key)
	}
	switch key {
	case "delimiter":
		c.dialect.Delimiter = text
	case "quote":
		c.dialect.Quote = text[0]
	case "escape":
		c.dialect.Escape = text[0]
	case "comment":
		c.dialect.Comment = text[0]
	case "header":
		c.dialect.Header = number
	case "skip":
		c.dialect.SkipLines = number
	case "newline":
		c.dialect.Newline = NewlineCR
	case "space":
		c.dialect.SkipInitialSpace = true
	case "trailing":
		c.dialect.TrailingDelimiter = true
	case "width":
		c.options.Width = number
	case "max":
		c.options.MaxRecord = number
	case "blank":
		c.options.BlankRecords = true
	case "stripnul":
		c.options.StripNUL = true
	case "encoding":
		c.options.Encoding = Encoding(text)
	default:
		t.Fatalf("unknown option %s", key)
	}
}

// answer is what reading gives, shorter than dump.
func answer(r *Reader) string {
	var b strings.Builder
	header, err := r.Header()
	if header != nil {
		fmt.Fprintf(&b, "header: %s\n", show(stringFields(header), nil))
	}
	for err == nil {
		var rec *Record
		if rec, err = r.Read(); err == nil {
			b.WriteString(strings.TrimSpace(showRecord(rec)) + "\n")
		}
	}
	fmt.Fprintf(&b, "rows %d, blank %d, NULs %d, %v\n", r.Rows(), r.Blank(), r.NULs(), err)
	return b.String()
}

func TestCorpus(t *testing.T) {
	paths, err := filepath.Glob("testdata/reader/*.txtar")
	require.NoError(t, err)
	require.Greater(t, len(paths), 50)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			c := readCase(t, path)
			r, err := NewReader(c.options.Encoding.Decode(strings.NewReader(c.input)), c.dialect, c.options)
			require.NoError(t, err)
			got := answer(r)
			if *update {
				text, err := os.ReadFile(path)
				require.NoError(t, err)
				head, _, _ := strings.Cut(string(text), "-- want --\n")
				require.NoError(t, os.WriteFile(path, []byte(head+"-- want --\n"+got), 0o644))
				return
			}
			require.Equal(t, c.want, got)
			for cut := range len(c.input) {
				raw := io.MultiReader(strings.NewReader(c.input[:cut]), strings.NewReader(c.input[cut:]))
				r.Reset(c.options.Encoding.Decode(raw), c.options)
				require.Equal(t, c.want, answer(r), "cut at %d", cut)
			}
			text, err := io.ReadAll(c.options.Encoding.DecodeSpan(strings.NewReader(c.input)))
			require.NoError(t, err)
			readEveryWay(t, text, c.dialect, c.options)
		})
	}
}
