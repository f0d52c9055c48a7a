package profile

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/schema"
	"github.com/etlportal/etlportal/internal/sniff"
)

// of profiles one column given as text, "" being NULL.
func of(t *testing.T, values ...string) Column {
	t.Helper()
	p := New([]string{"c"}, sniff.Options{})
	for i, v := range values {
		p.Add([][]byte{[]byte(v)}, []bool{false}, int64(i+2))
	}
	return p.Columns()[0]
}

func str(p *string) string {
	if p == nil {
		return "<nil>"
	}
	return *p
}

func TestStatistics(t *testing.T) {
	for _, tc := range []struct {
		name             string
		values           []string
		kind             schema.Kind
		nulls, distinct  int64
		min, max         string
		mean             float64
		minLen, maxLen   int64
		top              string
		topCount, absent int64
	}{
		{"integers", []string{"3", "-1", "", "3", "10"}, schema.Integer, 1, 3, "-1", "10", 3.75, 1, 2, "3", 2, 0},
		{"order of numbers, not of text", []string{"9", "10", "100"}, schema.Integer, 0, 3, "9", "100", 119.0 / 3, 1, 3, "10", 1, 0},
		{"decimals", []string{"1.5", "-0.25", "2", "1e-05"}, schema.Numeric, 0, 4, "-0.25", "2", 3.25001 / 4, 1, 5, "-0.25", 1, 0},
		{"decimal comma", []string{"1.234,50", "7,25"}, schema.Numeric, 0, 2, "7.25", "1234.50", (1234.5 + 7.25) / 2, 4, 8, "1.234,50", 1, 0},
		{"percent", []string{"12.5 %", "50 %"}, schema.Numeric, 0, 2, "0.125", "0.50", 0.3125, 4, 6, "12.5 %", 1, 0},
		{"dates", []string{"31/12/2023", "01/02/2024"}, schema.Date, 0, 2, "2023-12-31", "2024-02-01", math.NaN(), 10, 10, "01/02/2024", 1, 0},
		{"timestamps", []string{"2024-01-02 03:04:05.5", "1969-12-31 23:59:59"}, schema.Timestamp, 0, 2, "1969-12-31 23:59:59", "2024-01-02 03:04:05.5", math.NaN(), 19, 21, "1969-12-31 23:59:59", 1, 0},
		{"zones", []string{"2024-01-02T00:30:00+02:00", "2024-01-02T00:00:00Z"}, schema.TimestampTZ, 0, 2, "2024-01-01 22:30:00+00", "2024-01-02 00:00:00+00", math.NaN(), 20, 25, "2024-01-02T00:00:00Z", 1, 0},
		{"text in characters", []string{"é", "日本語", "é"}, schema.Text, 0, 2, "é", "日本語", math.NaN(), 1, 3, "é", 2, 0},
		{"null words taken", []string{"1", "NA", "NA", "2"}, schema.Integer, 2, 2, "1", "2", 1.5, 1, 1, "1", 1, 0},
		{"null words kept in text", []string{"x", "NA", "NA", "y"}, schema.Text, 0, 3, "NA", "y", math.NaN(), 1, 2, "NA", 2, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := of(t, tc.values...)
			s := c.Statistics
			if c.Type.Kind != tc.kind {
				t.Fatalf("type %v, want kind %v; %q", c.Type, tc.kind, c.Evidence)
			}
			if s.Rows != int64(len(tc.values)) || s.Nulls != tc.nulls || s.Distinct != tc.distinct || !s.DistinctExact {
				t.Errorf("rows %d nulls %d distinct %d", s.Rows, s.Nulls, s.Distinct)
			}
			if str(s.Min) != tc.min || str(s.Max) != tc.max {
				t.Errorf("min %s max %s, want %s %s", str(s.Min), str(s.Max), tc.min, tc.max)
			}
			switch {
			case math.IsNaN(tc.mean) && s.Mean != nil:
				t.Errorf("mean %v of no numbers", *s.Mean)
			case !math.IsNaN(tc.mean) && (s.Mean == nil || math.Abs(*s.Mean-tc.mean) > 1e-9):
				t.Errorf("mean %v, want %v", s.Mean, tc.mean)
			}
			if s.MinLength != tc.minLen || s.MaxLength != tc.maxLen {
				t.Errorf("lengths %d to %d, want %d to %d", s.MinLength, s.MaxLength, tc.minLen, tc.maxLen)
			}
			if len(s.TopValues) == 0 || s.TopValues[0] != (Value{tc.top, tc.topCount}) {
				t.Errorf("top %v, want %s × %d", s.TopValues, tc.top, tc.topCount)
			}
		})
	}
}

func TestEmptyIsNotNull(t *testing.T) {
	p := New([]string{"a", "b"}, sniff.Options{})
	p.Add([][]byte{{}, []byte("x")}, []bool{true, false}, 2)
	p.Add([][]byte{{}}, []bool{false}, 3)
	a, b := p.Columns()[0].Statistics, p.Columns()[1].Statistics
	if a.Nulls != 1 || a.Empty != 1 || a.Rows != 2 {
		t.Errorf("a: %+v", a)
	}
	if b.Nulls != 1 || b.Rows != 2 || !p.Columns()[1].Nullable {
		t.Errorf("a missing field is no NULL: %+v", b)
	}
}

// TestManyValues checks estimates against the truth beyond the exact bound.
func TestManyValues(t *testing.T) {
	p := New([]string{"id"}, sniff.Options{})
	const n = 60_000
	for i := range n {
		v := strconv.Itoa(i)
		if i%5 == 0 {
			v = "7"
		}
		p.Add([][]byte{[]byte(v)}, nil, int64(i+2))
	}
	s := p.Columns()[0].Statistics
	truth := float64(n - n/5)
	if s.DistinctExact || math.Abs(float64(s.Distinct)-truth) > 0.04*truth {
		t.Errorf("distinct %d exact %v, want about %.0f", s.Distinct, s.DistinctExact, truth)
	}
	if s.TopExact || len(s.TopValues) == 0 || s.TopValues[0].Value != "7" {
		t.Fatalf("top %v", s.TopValues)
	}
	if got := s.TopValues[0].Count; got > n/5+1 || got+s.TopError < n/5 {
		t.Errorf("7 occurs %d times, counted %d with error %d", n/5, got, s.TopError)
	}
	if str(s.Min) != "1" || str(s.Max) != strconv.Itoa(n-1) {
		t.Errorf("min %s max %s", str(s.Min), str(s.Max))
	}
	if entries := len(p.columns[0].values.entries); entries > 1024 {
		t.Errorf("%d values kept", entries)
	}
}

// cellOf draws values of every kind, with many repetitions.
func cellOf(t *rapid.T) string {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", "NA", "null", "0", "1", "-5", "1,5", "1.234", "1,234", "007", "true", "no", "x", "01/02/2024", "31/12/2024", "2024-01-02", "2024-01-02 10:00", "$5", "7 %", "1e-300", "99999999999999999999"}),
		rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,8})?`),
		rapid.StringMatching(`[a-zé日]{0,70}`),
	).Draw(t, "cell")
}

// TestMergeEqualsSinglePass cuts a table anywhere, merges in another grouping
// and through JSON, and expects the same figures.
func TestMergeEqualsSinglePass(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.Custom(cellOf), 0, 25).Draw(t, "rows")
		cuts := rapid.SliceOfN(rapid.IntRange(0, 3), len(rows), len(rows)).Draw(t, "part")
		whole := New([]string{"c"}, sniff.Options{})
		parts := make([]*Profile, 4)
		for i := range parts {
			parts[i] = New([]string{"c"}, sniff.Options{})
		}
		for i, v := range rows {
			f := [][]byte{[]byte(v)}
			q := []bool{i%2 == 0}
			whole.Add(f, q, int64(i+2))
			parts[cuts[i]].Add(f, q, int64(i+2))
		}
		for i, p := range parts {
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			back := New(nil, sniff.Options{})
			if err := json.Unmarshal(b, back); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(p.Columns(), back.Columns()) {
				t.Fatalf("stored and read again:\n%+v\n%+v", p.Columns(), back.Columns())
			}
			parts[i] = back
		}
		for _, pair := range [][2]int{{2, 3}, {1, 2}, {1, 0}} {
			if err := parts[pair[0]].Merge(parts[pair[1]]); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := parts[1].Columns(), whole.Columns(); !reflect.DeepEqual(got, want) || parts[1].Rows() != whole.Rows() {
			t.Fatalf("merged:\n%+v\nsingle pass:\n%+v", got, want)
		}
	})
}

// TestMergeBeyondExact merges columns whose values no longer fit the table.
func TestMergeBeyondExact(t *testing.T) {
	whole := New([]string{"c"}, sniff.Options{})
	parts := []*Profile{New([]string{"c"}, sniff.Options{}), New([]string{"c"}, sniff.Options{}), New([]string{"c"}, sniff.Options{})}
	for i := range 6000 {
		v := []byte(fmt.Sprintf("v%d", i*7919%5000))
		if i%3 == 0 {
			v = []byte("often")
		}
		whole.Add([][]byte{v}, nil, int64(i))
		parts[i/2500].Add([][]byte{v}, nil, int64(i))
	}
	for _, p := range parts[1:] {
		if err := parts[0].Merge(p); err != nil {
			t.Fatal(err)
		}
	}
	got, want := parts[0].Columns()[0].Statistics, whole.Columns()[0].Statistics
	if got.Distinct != want.Distinct || got.DistinctExact {
		t.Errorf("distinct %d, single pass %d", got.Distinct, want.Distinct)
	}
	if top := got.TopValues[0]; top.Value != "often" || top.Count > 2000 || top.Count+got.TopError < 2000 {
		t.Errorf("top %+v, error %d", top, got.TopError)
	}
}

func TestAfterReadingBack(t *testing.T) {
	p := New([]string{"c"}, sniff.Options{})
	for i, v := range []string{"1", "2", "2"} {
		p.Add([][]byte{[]byte(v)}, nil, int64(i+2))
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	back := New(nil, sniff.Options{})
	if err := json.Unmarshal(b, back); err != nil {
		t.Fatal(err)
	}
	for _, q := range []*Profile{p, back} {
		q.Add([][]byte{[]byte("2")}, nil, 5)
		q.Add([][]byte{[]byte("2")}, nil, 6)
		q.Add([][]byte{[]byte("3.5")}, nil, 7)
	}
	if !reflect.DeepEqual(p.Columns(), back.Columns()) {
		t.Errorf("%+v\n%+v", p.Columns(), back.Columns())
	}
}

func TestRefusals(t *testing.T) {
	p := New([]string{"a"}, sniff.Options{})
	if err := p.Merge(New([]string{"b"}, sniff.Options{})); err == nil || !strings.Contains(err.Error(), `"b"`) {
		t.Errorf("merging other columns: %v", err)
	}
	for _, bad := range []string{`{}`, `{"version":1,"names":["a"],"columns":[]}`, `{"version":1,"names":["a"],"columns":[{}]}`, `[`} {
		if err := json.Unmarshal([]byte(bad), New(nil, sniff.Options{})); err == nil {
			t.Errorf("read %s", bad)
		}
	}
}

// TestBoundedMemory checks that long and many values do not pile up.
func TestBoundedMemory(t *testing.T) {
	p := New([]string{"c"}, sniff.Options{})
	long := strings.Repeat("x", 100_000)
	for i := range 3000 {
		p.Add([][]byte{[]byte(strconv.Itoa(i) + long)}, nil, int64(i))
	}
	c := &p.columns[0]
	if n := cap(c.values.arena) + cap(c.values.spare) + cap(c.text.min) + cap(c.text.max); n > 300_000 {
		t.Errorf("%d bytes of values kept", n)
	}
}

func BenchmarkAdd(b *testing.B) {
	const rows = 20_000
	table := make([][][]byte, rows)
	size := 0
	for i := range table {
		table[i] = [][]byte{
			[]byte(strconv.Itoa(i + 1_000_000)),
			[]byte(fmt.Sprintf("Customer %d", i*7919%rows)),
			[]byte([]string{"Berlin", "London", "New York", "Paris"}[i%4]),
			[]byte([]string{"alpha", "beta", "gamma"}[i%3]),
			[]byte(fmt.Sprintf("some text number %d", i%500)),
			[]byte(fmt.Sprintf("%d.%02d", i*37%10000, i%100)),
			[]byte(strconv.Itoa(i % 1000)),
			[]byte(fmt.Sprintf("2024-%02d-%02d %02d:%02d:%02d", i%12+1, i%28+1, i%24, i%60, i%59)),
			[]byte(fmt.Sprintf("2024-%02d-%02d", i%12+1, i%28+1)),
			[]byte(strconv.FormatBool(i%2 == 0)),
		}
		for _, f := range table[i] {
			size += len(f) + 1
		}
	}
	p := New(strings.Split("id,name,city,kind,note,price,qty,at,day,ok", ","), sniff.Options{})
	quoted := make([]bool, 10)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	for b.Loop() {
		for i, r := range table {
			p.Add(r, quoted, int64(i+2))
		}
	}
}

// TestDistinctAtMostValues: an estimate never exceeds the number of values.
func TestDistinctAtMostValues(t *testing.T) {
	p := New([]string{"c"}, sniff.Options{})
	for i := range 6000 {
		p.Add([][]byte{strconv.AppendInt([]byte("v"), int64(i), 10)}, []bool{false}, int64(i+2))
		p.Add([][]byte{{}}, []bool{false}, int64(i+2))
		if i%100 != 0 {
			continue
		}
		if s := p.Columns()[0].Statistics; s.Distinct > s.Rows-s.Nulls || s.Distinct < (s.Rows-s.Nulls)*95/100 {
			t.Fatalf("%d distinct of %d values", s.Distinct, s.Rows-s.Nulls)
		}
	}
}

func TestMaxBytes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values []string
		want   int64
	}{
		{"characters of several bytes", []string{"aaaa", "日本", "日本", "é"}, 6},
		{"longer than what is kept", []string{"x", strings.Repeat("é", 500)}, 1000},
		{"null words that are values", []string{"x", "null", "y"}, 4},
		{"nothing", []string{"", ""}, 0},
	} {
		if got := of(t, tc.values...).Statistics.MaxBytes; got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
}

// Of a profile that was stored before bytes were counted, no more is said than
// what its characters can have.
func TestMaxBytesOfOldProfiles(t *testing.T) {
	p := New([]string{"c"}, sniff.Options{})
	p.Add([][]byte{[]byte("abcde")}, nil, 2)
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	old := strings.Replace(string(b), `"max_bytes":5,`, "", 1)
	if old == string(b) {
		t.Fatalf("no max_bytes in %s", b)
	}
	back := New(nil, sniff.Options{})
	if err := json.Unmarshal([]byte(old), back); err != nil {
		t.Fatal(err)
	}
	if err := back.Merge(p); err != nil {
		t.Fatal(err)
	}
	if got := back.Columns()[0].Statistics.MaxBytes; got != 20 {
		t.Errorf("%d bytes for five characters", got)
	}
}
