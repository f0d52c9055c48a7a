package destination_test

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// sample is a value together with the text that PostgreSQL shall read as the same value.
type sample struct {
	literal string
	value   schema.Value
}

// generators draw values of each type, edges included.
var generators = []struct {
	sql  string
	draw func(t *rapid.T) sample
}{
	{"text", drawText},
	{"varchar(400)", drawText},
	{"char(80)", func(t *rapid.T) sample {
		s := rapid.StringN(0, 20, 80).Filter(clean).Draw(t, "char")
		return sample{s, text(s)}
	}},
	{"boolean", func(t *rapid.T) sample {
		b := rapid.Int64Range(0, 1).Draw(t, "bool")
		return sample{strconv.FormatInt(b, 10), schema.Value{Kind: schema.VBool, Int: b}}
	}},
	{"smallint", integers(math.MinInt16, math.MaxInt16)},
	{"integer", integers(math.MinInt32, math.MaxInt32)},
	{"bigint", integers(math.MinInt64, math.MaxInt64)},
	{"real", func(t *rapid.T) sample {
		f := rapid.OneOf(rapid.Float32(), rapid.SampledFrom([]float32{0, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32})).Draw(t, "real")
		return sample{strconv.FormatFloat(float64(f), 'g', -1, 32), schema.Value{Kind: schema.VFloat, Float: float64(f)}}
	}},
	{"double precision", func(t *rapid.T) sample {
		f := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, math.Inf(1), math.NaN(), math.MaxFloat64})).Draw(t, "double")
		return sample{strconv.FormatFloat(f, 'g', -1, 64), schema.Value{Kind: schema.VFloat, Float: f}}
	}},
	{"numeric", func(t *rapid.T) sample {
		s := rapid.OneOf(
			rapid.StringMatching(`-?[0-9]{1,40}(\.[0-9]{1,40})?`), rapid.StringMatching(`-?[0-9]{1,9}\.[0-9]{1,5}`),
			rapid.StringMatching(`-?0\.0{0,12}[0-9]{1,6}`), rapid.StringMatching(`-?[1-9]0{0,30}`), rapid.SampledFrom([]string{"NaN", "Infinity", "-Infinity", "0", "0.000"}),
		).Draw(t, "numeric")
		d, err := schema.ParseDecimal([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return sample{s, schema.Value{Kind: schema.VDecimal, Dec: d}}
	}},
	{"numeric(10,2)", func(t *rapid.T) sample {
		d := schema.NewDecimal(rapid.Int64Range(-9_999_999_999, 9_999_999_999).Draw(t, "cents"), 2)
		return sample{d.String(), schema.Value{Kind: schema.VDecimal, Dec: d}}
	}},
	{"date", func(t *rapid.T) sample {
		if s, v, ok := infinite(t); ok {
			return sample{s, schema.Value{Kind: schema.VDate, Int: v}}
		}
		days := rapid.Int64Range(-730_000, 2_000_000).Draw(t, "days")
		return sample{epoch.AddDate(0, 0, int(days)).Format("2006-01-02"), schema.Value{Kind: schema.VDate, Int: days}}
	}},
	{"time", func(t *rapid.T) sample {
		us := rapid.Int64Range(0, 86_400_000_000).Draw(t, "time")
		s := fmt.Sprintf("%02d:%02d:%02d.%06d", us/3_600_000_000, us/60_000_000%60, us/1_000_000%60, us%1_000_000)
		return sample{s, schema.Value{Kind: schema.VTime, Int: us}}
	}},
	{"timestamp", timestamps(schema.VTimestamp, "")},
	{"timestamptz", timestamps(schema.VTimestampTZ, "+00")},
	{"interval", func(t *rapid.T) sample {
		d := schema.Duration{
			Months: rapid.Int32Range(-2_000_000, 2_000_000).Draw(t, "months"), Days: rapid.Int32Range(-3_000_000, 3_000_000).Draw(t, "days"),
			Micros: rapid.Int64Range(-1e15, 1e15).Draw(t, "micros"),
		}
		return sample{fmt.Sprintf("%d mons %d days %d microseconds", d.Months, d.Days, d.Micros), schema.Value{Kind: schema.VInterval, Span: d}}
	}},
	{"uuid", func(t *rapid.T) sample {
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid")
		return sample{hex.EncodeToString(b), schema.Value{Kind: schema.VBytes, Bytes: b}}
	}},
	{"json", drawJSON},
	{"jsonb", drawJSON},
	{"bytea", func(t *rapid.T) sample {
		b := rapid.SliceOfN(rapid.Byte(), 0, 60).Draw(t, "bytea")
		return sample{`\x` + hex.EncodeToString(b), schema.Value{Kind: schema.VBytes, Bytes: b}}
	}},
	{"mood", func(t *rapid.T) sample {
		s := rapid.SampledFrom([]string{"sad", "ok", "très 'content'"}).Draw(t, "enum")
		return sample{s, text(s)}
	}},
	{"positive", integers(1, math.MaxInt32)},
}

func text(s string) schema.Value { return schema.Value{Kind: schema.VText, Bytes: []byte(s)} }

func clean(s string) bool { return !strings.ContainsRune(s, 0) && strings.ToValidUTF8(s, "") == s }

func drawText(t *rapid.T) sample {
	s := rapid.OneOf(rapid.StringN(0, 100, 400), rapid.SampledFrom([]string{"", `\N`, `\.`, "a\tb\nc\r", `"q"`, "日本語 🎉"})).Filter(clean).Draw(t, "text")
	return sample{s, text(s)}
}

func drawJSON(t *rapid.T) sample {
	s := rapid.SampledFrom([]string{`{}`, `[1, 2.50,null]`, `{"b":1,"a":{"ü":"\u00e9"}}`, `"x"`, `-0.5e10`, `true`}).Draw(t, "json")
	return sample{s, text(s)}
}

func integers(low, high int64) func(t *rapid.T) sample {
	return func(t *rapid.T) sample {
		i := rapid.OneOf(rapid.Int64Range(low, high), rapid.SampledFrom([]int64{low, high})).Draw(t, "int")
		return sample{strconv.FormatInt(i, 10), schema.Value{Kind: schema.VInt, Int: i}}
	}
}

func infinite(t *rapid.T) (string, int64, bool) {
	switch rapid.IntRange(0, 9).Draw(t, "infinite") {
	case 0:
		return "infinity", math.MaxInt64, true
	case 1:
		return "-infinity", math.MinInt64, true
	}
	return "", 0, false
}

func timestamps(kind schema.ValueKind, zone string) func(t *rapid.T) sample {
	return func(t *rapid.T) sample {
		if s, v, ok := infinite(t); ok {
			return sample{s, schema.Value{Kind: kind, Int: v}}
		}
		us := rapid.Int64Range(-63_000_000_000_000_000, 200_000_000_000_000_000).Draw(t, "micros")
		at := time.UnixMicro(epoch.UnixMicro() + us).UTC()
		return sample{at.Format("2006-01-02 15:04:05.000000") + zone, schema.Value{Kind: kind, Int: us}}
	}
}

// Every value that is sent in binary is the value that the database makes of
// its text, through either path.
func TestEveryTypeRoundTrips(t *testing.T) {
	d := newDatabase(t, `CREATE TYPE mood AS ENUM ('sad', 'ok', 'très ''content''')`, `CREATE DOMAIN positive AS integer CHECK (VALUE > 0)`)
	columns, checks := []string{"n int PRIMARY KEY"}, []string{}
	for i, g := range generators {
		columns = append(columns, fmt.Sprintf("v%d %s, l%d text", i, g.sql, i))
		checks = append(checks, fmt.Sprintf(`(v%[1]d IS NOT DISTINCT FROM l%[1]d::%[2]s AND v%[1]d::text IS NOT DISTINCT FROM (l%[1]d::%[2]s)::text)`, i, g.sql))
	}
	// json has no equality.
	for i, g := range generators {
		if g.sql == "json" {
			checks[i] = fmt.Sprintf(`v%[1]d::text IS NOT DISTINCT FROM l%[1]d`, i)
		}
	}
	d.exec("CREATE TABLE every (" + strings.Join(columns, ", ") + ")")
	spec := d.spec("every")
	const perCheck = 40
	rapid.Check(t, func(rt *rapid.T) {
		spec.Explain = rapid.Bool().Draw(rt, "staged")
		var rows [][]schema.Value
		literals := make([]map[int]string, perCheck)
		for n := range perCheck {
			r := row(n)
			literals[n] = map[int]string{}
			for i, g := range generators {
				if rapid.IntRange(0, 9).Draw(rt, "null") == 0 {
					r = append(r, schema.Value{}, schema.Value{})
					continue
				}
				s := g.draw(rt)
				r = append(r, s.value, text(s.literal))
				literals[n][i] = s.literal
			}
			rows = append(rows, r)
		}
		d.exec("TRUNCATE every")
		if result := d.load(spec, rows...); result.Inserted != perCheck {
			rt.Fatalf("inserted %d", result.Inserted)
		}
		for i, g := range generators {
			if bad := d.ask(fmt.Sprintf("SELECT v%[1]d::text, l%[1]d FROM every WHERE NOT %[2]s LIMIT 3", i, checks[i])); bad != "" {
				rt.Fatalf("%s: stored|meant\n%s", g.sql, bad)
			}
		}
	})
}

func TestValuesThatDoNotFit(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE narrow (s smallint, i integer, r real, d date, u uuid, b boolean)`)
	s, err := d.p.Begin(t.Context(), d.spec("narrow"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Abort(t.Context()) }()
	b := s.NewBatch()
	for i, c := range []struct {
		column string
		code   etl.Code
		value  schema.Value
	}{
		{"s", "out_of_range", schema.Value{Kind: schema.VInt, Int: 1 << 15}},
		{"i", "out_of_range", schema.Value{Kind: schema.VInt, Int: -1<<31 - 1}},
		{"r", "out_of_range", schema.Value{Kind: schema.VFloat, Float: 1e39}},
		{"d", "out_of_range", schema.Value{Kind: schema.VDate, Int: 1 << 31}},
		{"u", "out_of_range", schema.Value{Kind: schema.VBytes, Bytes: []byte("short")}},
		{"b", "internal", schema.Value{Kind: schema.VText, Bytes: []byte("yes")}},
	} {
		r := make([]schema.Value, 6)
		r[i] = c.value
		bad := b.Append(r, 7, 6)
		if bad == nil || bad.Column != c.column || bad.Code != c.code || bad.Line != 7 || bad.Record != 6 || bad.Reason == "" {
			t.Errorf("%s: got %+v", c.column, bad)
		}
		if b.Len() != 0 || b.Rows() != 0 {
			t.Fatalf("%s: the refused row left %d bytes and %d rows", c.column, b.Len(), b.Rows())
		}
	}
	if bad := b.Append(row(1), 7, 6); bad == nil || bad.Code != "internal" {
		t.Errorf("a row too short: got %+v", bad)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	d := newDatabase(t, `CREATE TABLE wide (a bigint, b text, c numeric(10,2), d timestamp, e date, f boolean, g double precision)`)
	s, err := d.p.Begin(t.Context(), d.spec("wide"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Abort(t.Context()) }()
	b := s.NewBatch()
	r := row(1<<40, "hello", schema.Value{Kind: schema.VDecimal, Dec: schema.NewDecimal(1234567, 2)}, schema.Value{Kind: schema.VTimestamp, Int: 5},
		schema.Value{Kind: schema.VDate, Int: 5}, true, 1.5)
	fill := func() {
		b.Reset()
		for i := range 1000 {
			if bad := b.Append(r, int64(i), int64(i)); bad != nil {
				t.Fatal(bad.Reason)
			}
		}
	}
	fill()
	// The count is the whole process's, and the session's own goroutines allocate
	// now and then; what Append allocates would be in every count.
	least := testing.AllocsPerRun(1, fill)
	for range 20 {
		least = min(least, testing.AllocsPerRun(1, fill))
	}
	if least > 0 {
		t.Errorf("%v allocations for 1,000 rows", least)
	}
}
