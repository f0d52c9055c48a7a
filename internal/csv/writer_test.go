package csv

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestWriter(t *testing.T) {
	tests := []struct {
		name   string
		fields []string
		quoted []bool
		want   string
	}{
		{"plain", []string{"a", "b c", " d "}, nil, "a,b c, d \n"},
		{"needless quotes go", []string{"a", "b"}, []bool{true, true}, "a,b\n"},
		{"delimiter, quote, line ends", []string{"a,b", `5" disk`, "x\ny", "x\ry"}, nil, "\"a,b\",\"5\"\" disk\",\"x\ny\",\"x\ry\"\n"},
		{"comma deep in a long field", []string{strings.Repeat("x", 30) + ","}, nil, `"` + strings.Repeat("x", 30) + ",\"\n"},
		{"only quotes", []string{`"`, `""`}, nil, "\"\"\"\",\"\"\"\"\"\"\n"},
		{"empty and quoted empty", []string{"", "", "x"}, []bool{false, true, false}, ",\"\",x\n"},
		{"one empty field", []string{""}, nil, "\"\"\n"},
		{"U+FEFF would be a byte order mark", []string{"\ufeffa", "é"}, nil, "\"\ufeffa\",é\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			w := NewWriter(&b)
			require.NoError(t, w.Write(stringFields(tt.fields), tt.quoted))
			require.NoError(t, w.Flush())
			require.Equal(t, tt.want, b.String())
			if tt.quoted == nil {
				require.NoError(t, w.WriteStrings(tt.fields))
				require.NoError(t, w.Flush())
				require.Equal(t, tt.want+tt.want, b.String())
			}
		})
	}
}

func TestWriterKeepsItsError(t *testing.T) {
	broken := errors.New("no space left on device")
	w := NewWriter(writerFunc(func([]byte) (int, error) { return 0, broken }))
	long := [][]byte{bytes.Repeat([]byte("x"), writeBuffer)}
	require.ErrorIs(t, w.Write(long, nil), broken)
	require.ErrorIs(t, w.Write(nil, nil), broken)
	require.ErrorIs(t, w.WriteStrings(nil), broken)
	require.ErrorIs(t, w.Flush(), broken)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// rewritten requires that fields come back from what the Writer makes of them,
// in this package and in encoding/csv.
func rewritten(t require.TestingT, fields [][]byte, quoted []bool) {
	var b bytes.Buffer
	w := NewWriter(&b)
	require.NoError(t, w.Write(fields, quoted))
	require.NoError(t, w.Flush())
	r, err := NewReader(bytes.NewReader(b.Bytes()), comma, Options{})
	require.NoError(t, err)
	rec, err := r.Read()
	require.NoError(t, err)
	require.Len(t, rec.Fields, len(fields))
	for i, f := range fields {
		require.Equal(t, string(f), string(rec.Fields[i]))
		if len(f) == 0 && len(fields) > 1 {
			require.Equal(t, quoted[i], rec.Quoted[i])
		}
	}
	_, err = r.Read()
	require.Equal(t, io.EOF, err)
	if bytes.IndexByte(b.Bytes(), '\r') < 0 { // encoding/csv drops a CR before LF in quotes
		std, err := stdcsv.NewReader(&b).Read()
		require.NoError(t, err)
		require.Equal(t, show(stringFields(std), nil), show(fields, nil))
	}
}

func TestWriterIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		field := rapid.SliceOfN(rapid.SampledFrom([]byte("ab ,\"\n\r#\\|;")), 0, 20)
		fields := rapid.SliceOfN(field, 1, 6).Draw(t, "fields")
		quoted := rapid.SliceOfN(rapid.Bool(), len(fields), len(fields)).Draw(t, "quoted")
		rewritten(t, fields, quoted)
	})
}
