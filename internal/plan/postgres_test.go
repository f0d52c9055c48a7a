package plan

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etltest"
)

// TestSplitEqualsPostgres: PostgreSQL's own COPY … CSV reads the same rows and
// the same fields, where the rules agree: every quote doubled or escaped, one
// kind of newline outside quotes, three fields in every row.
func TestSplitEqualsPostgres(t *testing.T) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, etltest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY, a text, b text, c text)"); err != nil {
		t.Fatal(err)
	}
	for i, c := range []struct {
		d       csv.Dialect
		newline string
	}{
		{csv.Dialect{Delimiter: ",", Quote: '"'}, "\n"},
		{csv.Dialect{Delimiter: ";", Quote: '\''}, "\r\n"},
		{csv.Dialect{Delimiter: "\t", Quote: '"', Escape: '\\'}, "\n"},
		{csv.Dialect{Delimiter: "|", Quote: '"', Newline: csv.NewlineCR}, "\r"},
	} {
		raw := randomRows(rand.New(rand.NewPCG(5, uint64(i))), c.d, c.newline)
		if _, err := conn.Exec(ctx, "TRUNCATE t"); err != nil {
			t.Fatal(err)
		}
		escape := c.d.Escape
		if escape == 0 {
			escape = c.d.Quote
		}
		_, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(raw), fmt.Sprintf(
			"COPY t (a, b, c) FROM STDIN (FORMAT csv, DELIMITER E'%s', QUOTE E'\\%c', ESCAPE E'\\%c')", c.d.Delimiter, c.d.Quote, escape))
		if err != nil {
			t.Fatalf("%+v: %v", c.d, err)
		}
		rows, err := conn.Query(ctx, "SELECT a, b, c FROM t ORDER BY id")
		if err != nil {
			t.Fatal(err)
		}
		want, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			var fields [3]*string
			err := row.Scan(&fields[0], &fields[1], &fields[2])
			return describe(func(i int) (string, bool) {
				if fields[i] == nil {
					return "", true
				}
				return *fields[i], false
			}), err
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int64{1, 7, 100, 1 << 20} {
			if got := readFields(t, raw, c.d, size); !slices.Equal(got, want) {
				t.Errorf("%+v in ranges of %d: %d rows, by PostgreSQL %d", c.d, size, len(got), len(want))
			}
		}
	}
}

func describe(field func(i int) (text string, null bool)) string {
	var b strings.Builder
	for i := range 3 {
		if text, null := field(i); null {
			b.WriteString("NULL ")
		} else {
			fmt.Fprintf(&b, "%q ", text)
		}
	}
	return b.String()
}

// readFields splits raw and describes the records of all spans; an empty
// unquoted field is NULL, as it is to COPY.
func readFields(t *testing.T, raw []byte, d csv.Dialect, size int64) []string {
	t.Helper()
	src := bytes.NewReader(raw)
	spans, err := Split(context.Background(), src, int64(len(raw)), csv.UTF8, d, Options{RangeSize: size})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, span := range spans {
		r, verify, err := Open(src, span, csv.UTF8, d, csv.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			rec, err := r.Read()
			if err != nil {
				break
			}
			if rec.Bad != nil || len(rec.Fields) != 3 {
				t.Fatalf("%+v: record %q %v", d, rec.Fields, rec.Bad)
			}
			list = append(list, describe(func(i int) (string, bool) {
				return string(rec.Fields[i]), len(rec.Fields[i]) == 0 && !rec.Quoted[i]
			}))
		}
		if err := verify(); err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// randomRows writes 300 rows of three fields full of syntax.
func randomRows(rng *rand.Rand, d csv.Dialect, newline string) []byte {
	pieces := []string{"a", "é", "😀", " ", "\n", "\r", "\r\n", d.Delimiter, string(rune(d.Quote)), "\\", "#", "0", `\.`}
	var b []byte
	for range 300 {
		for c := range 3 {
			if c > 0 {
				b = append(b, d.Delimiter...)
			}
			var text strings.Builder
			for range rng.IntN(6) {
				text.WriteString(pieces[rng.IntN(len(pieces))])
			}
			b = appendField(b, text.String(), d, rng.IntN(4) == 0)
		}
		b = append(b, newline...)
	}
	return b
}

// appendField writes a field, in quotes where it must be or may be.
func appendField(b []byte, text string, d csv.Dialect, quoted bool) []byte {
	quote := string(rune(d.Quote))
	if !quoted && !strings.ContainsAny(text, "\r\n"+quote+d.Delimiter) {
		return append(b, text...)
	}
	if d.Escape == 0 {
		text = strings.ReplaceAll(text, quote, quote+quote)
	} else {
		escape := string(rune(d.Escape))
		text = strings.ReplaceAll(text, escape, escape+escape)
		text = strings.ReplaceAll(text, quote, escape+quote)
	}
	return append(b, quote+text+quote...)
}
