package redshift_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// pieces are what CSV, COPY and line ends are made of.
var pieces = []string{"\r\n", "\r", "\n", `"`, `""`, `\`, `\N`, `\.`, ",", "'", " ", "\t", "|", "NULL", "\x01", "\x1a", "ä", "🙂", "\ufeff", "x"}

// A text comes out of the table byte for byte as it went in, whether COPY has
// something to refuse beside it or not; one with a NUL byte is refused.
func TestTextsByteForByte(t *testing.T) {
	each(t, []string{"CREATE TABLE t (id INTEGER, a VARCHAR(400), b VARCHAR(400))"}, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		texts := append([]string{"", "a\r\nb", "a\rb", "a\nb", "ends\r\n", "ends\r", "\r\nbegins", "\\.\n\\.\n", "\n\\.\n"}, pieces...)
		random := rand.New(rand.NewPCG(1, 2))
		for range 200 {
			var b strings.Builder
			for range random.IntN(12) {
				b.WriteString(pieces[random.IntN(len(pieces))])
			}
			texts = append(texts, b.String())
		}
		s.Refuses = func(_, value string) string {
			if value == "refuse" {
				return "not to be taken"
			}
			return ""
		}
		for _, refused := range [][]string{nil, {"refuse"}} {
			spec := specOf(t, r, "t")
			spec.Strategy, spec.SkipRefused = etl.TruncateInsert, true
			var rows [][]schema.Value
			var want []string
			for i, text := range texts {
				other := texts[(i+7)%len(texts)]
				rows = append(rows, row(i, text, other))
				want = append(want, fmt.Sprintf("%d|%s|%s", i, hex.EncodeToString([]byte(text)), hex.EncodeToString([]byte(other))))
			}
			for _, text := range refused {
				rows = append(rows, row(-1, text, ""))
			}
			result, err := load(t, r, spec, rows...)
			if err != nil || result.Inserted != int64(len(texts)) || len(etltest.Rejects(result.Refused)) != len(refused) {
				t.Fatalf("%+v, %v", result, err)
			}
			s.Want("SELECT id, encode(convert_to(a, 'UTF8'), 'hex'), encode(convert_to(b, 'UTF8'), 'hex') FROM t ORDER BY id", strings.Join(want, "\n"))
		}
		b := r.NewBatch(specOf(t, r, "t"))
		if bad := b.Append(row(1, "a\x00b", ""), 5, 4); bad == nil || bad.Line != 5 || bad.Column != "a" || bad.Code != "untranslatable_character" {
			t.Errorf("%+v", bad)
		}
	})
}
