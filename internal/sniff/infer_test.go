package sniff

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/schema"
)

// columnOf infers a column from its values, "" being NULL; the first is on line 2.
func columnOf(values []string, o Options) Column {
	in := NewInference(o)
	for i, v := range values {
		in.Add([]byte(v), false, int64(i+2))
	}
	return in.Decide("c", o)
}

func TestTypes(t *testing.T) {
	for _, tc := range []struct {
		values   string // separated by |
		want     string // type in SQL
		format   string
		evidence string // part of it
	}{
		{"1|2|3", "integer", "", "from 1 to 3"},
		{"0|1|0", "integer", "", "may be boolean"},
		{"2147483648|1", "bigint", "", "at line 2: '2147483648'"},
		{"-2147483648", "integer", "", ""},
		{"123456789012345678", "bigint", "", ""},
		{"1234567890123456789", "text", "", "more than 18 digits"},
		{"1|2|00123", "text", "", "1 value starts with 0"},
		{"0|0.5|-0.25", "numeric(3,2)", "", ""},
		{"1e5|2e7", "text", "", "1e5"},
		{"1.5e-3|2", "numeric(5,4)", "", "exponent"},
		{"+1 555|+49 30", "text", "", ""},
		{"+4930123456", "text", "", "telephone"},
		{"1.5|22.25|3", "numeric(4,2)", "", ""},
		{".5|1.", "numeric(2,1)", "", ""},
		{"1,5|22,25", "numeric(4,2)", "1234,56", ""},
		{"1.234,5|7", "numeric(5,1)", "1.234,56", ""},
		{"1,234.5|7", "numeric(5,1)", "1,234.56", ""},
		{"1 234,5|7,25", "numeric(6,2)", "1 234,56", ""},
		{"1'234.5|999.95", "numeric(6,2)", "1'234.56", ""},
		{"1,234|12,345,678", "integer", "1,234.56", ""},
		{"1.234.567|1.234", "integer", "1.234,56", ""},
		{"1,5|1.5", "text", "", "several ways"},
		{"$1,234.50|$0.99", "numeric(6,2)", "$1,234.56", "every value carries $"},
		{"1.234,50 €|0,99 €", "numeric(6,2)", "1.234,56 €", ""},
		{"($5.00)|$3.50", "numeric(3,2)", "$1234.56", ""},
		{"$5|€5", "text", "", "several currencies"},
		{"$5|5", "text", "", "only some"},
		{"12,5 %|3 %", "numeric(4,3)", "1234,56 %", "percentage"},
		{"true|FALSE", "boolean", "", ""},
		{"yes|no|YES", "boolean", "yes/no", ""},
		{"t|f", "boolean", "t/f", ""},
		{"ja|nein", "boolean", "ja/nein", ""},
		{"NO|NO", "text", "", "one word alone"},
		{"true|no", "text", "", "several kinds"},
		{"true|1", "text", "", "mixed"},
		{"2024-01-02|1999-12-31", "date", "", "ISO 8601"},
		{"20240102|20240103", "integer", "", "YYYYMMDD"},
		{"1700000000|1700000001", "integer", "", "epoch"},
		{"31/12/2024|01/02/2024", "date", "DD/MM/YYYY", "not month before day: at line 2"},
		{"12/31/2024|01/02/2024", "date", "MM/DD/YYYY", "not day before month"},
		{"31.12.2024|1.2.2024", "date", "D.M.YYYY", ""},
		{"2024/12/31|2024/01/02", "date", "YYYY/MM/DD", ""},
		{"31-12-24|30-11-99", "date", "DD-MM-YY", ""},
		{"2 Jan 2024|31 Dec 2023", "date", "D Mon YYYY", ""},
		{"02-Jan-24|31-Dec-23", "date", "DD-Mon-YY", ""},
		{"January 2, 2024|March 31, 2023", "date", "Month D, YYYY", ""},
		{"2024-01-02 03:04:05|2024-01-02 03:04:05.25", "timestamp", "", ""},
		{"2024-01-02T03:04:05", "timestamp", "", ""},
		{"2024-01-02|2024-01-02 03:04", "timestamp", "", "time of day"},
		{"2024-01-02T03:04:05Z|2024-01-02T03:04:05+02:00", "timestamptz", "", ""},
		{"2024-01-02T03:04:05Z|2024-01-02T03:04:05", "text", "", "some have none"},
		{"31/12/2024 23:59|01/01/2025 00:00", "timestamp", "DD/MM/YYYY HH24:MI", ""},
		{"12/31/2024 11:59 PM|1/1/2025 1:00 AM", "timestamp", "M/D/YYYY HH12:MI AM", ""},
		{"2024-01-02 03:04:05.1234567", "text", "", "microsecond"},
		{"2024-01-02 03:04:05.1234560", "timestamp", "", ""},
		{"31/12/2024|12/31/2024", "text", "", "different orders"},
		{"2024-01-02|02/01/2024", "text", "", "several ways"},
		{"2024-02-30|2024-01-01", "text", "", "at line 2"},
		{"10:30|11:45:10", "text", "", "times of day"},
		{"5e5f6a1c-0b1d-4c53-9a53-0d7b35a4bb5f", "text", "", "is a UUID"},
		{"1|2|x", "text", "", "2 values read as integers"},
		{"1.2.3|4.5.6", "text", "", ""},
		{"NA|1|2", "integer", "", "1 value 'NA' read as NULL, since all others are of one type, first at line 2: 'NA'"},
		{"-|1|n/a|-", "integer", "", "1 value 'n/a' and 2 values '-' read as NULL"},
		{"1.5|NaN|2", "numeric(2,1)", "", "1 value is NaN, which is a number"},
		{"1|nan|NA|12", "numeric(2,0)", "", "1 value 'NA' read as NULL"},
		{"1,5|NaN", "text", "", "1 value is NaN, which numbers written as 1234,56 do not have"},
		{"1,234|NaN", "text", "", "written as 1,234.56 or 1234,56"},
		{"1,234,567|NaN", "text", "", "--null-value NaN"},
		{"31.01.24|15.02.24", "date", "DD.MM.YY", "not year first"},
		{"31/01/24", "date", "DD/MM/YY", "not year first"},
		{"2024-01-02|NaN", "date", "", "1 value 'NaN' read as NULL"},
		{"true|false|nan", "boolean", "", "1 value 'nan' read as NULL"},
		{"5.|NaN", "numeric(1,0)", "", ""},
		{"x|NaN", "text", "", "count as text"},
		{"NaN|NaN", "text", "", "no value"},
		{"1.5|Infinity", "text", "", "other text"},
		{"NA|x", "text", "", "count as text"},
		{"NA|NA", "text", "", "no value"},
		{"|1|", "integer", "", "2 values are empty"},
		{" 1 |2", "integer", "", "spaces around"},
		{"", "text", "", "no value"},
	} {
		t.Run(tc.values, func(t *testing.T) {
			c := columnOf(strings.Split(tc.values, "|"), Options{})
			if c.Type.String() != tc.want || c.Format != tc.format || len(c.Ambiguous) > 0 {
				t.Errorf("%s %q ambiguous %q, want %s %q", c.Type, c.Format, c.Ambiguous, tc.want, tc.format)
			}
			if all := strings.Join(c.Evidence, "; "); !strings.Contains(all, tc.evidence) {
				t.Errorf("evidence %q lacks %q", all, tc.evidence)
			}
			if c.Confidence <= 0 || c.Confidence > 1 {
				t.Errorf("confidence %v", c.Confidence)
			}
		})
	}
}

func TestAmbiguous(t *testing.T) {
	for _, tc := range []struct {
		values  string
		o       Options
		want    string
		formats []string
		format  string
	}{
		{"01/02/2024|03/04/2024", Options{}, "date", []string{"DD/MM/YYYY", "MM/DD/YYYY"}, ""},
		{"01/02/2024|03/04/2024", Options{DateOrder: "dmy"}, "date", nil, "DD/MM/YYYY"},
		{"01/02/2024|03/04/2024", Options{DateOrder: "month-first"}, "date", nil, "MM/DD/YYYY"},
		{"31-12-24", Options{}, "date", []string{"DD-MM-YY", "YY-MM-DD"}, ""},
		{"01-02-03", Options{}, "date", []string{"DD-MM-YY", "MM-DD-YY", "YY-MM-DD"}, ""},
		{"24/01/31|24/02/15", Options{}, "date", []string{"DD/MM/YY", "YY/MM/DD"}, ""},
		{"24/01/31|24/02/15", Options{DateOrder: "ymd"}, "date", nil, "YY/MM/DD"},
		{"05.06.24|07.08.24", Options{}, "date", []string{"DD.MM.YY", "MM.DD.YY", "YY.MM.DD"}, ""},
		{"31/12/2024", Options{DateOrder: "mdy"}, "text", nil, ""},
		{"2024-01-02", Options{DateOrder: "dmy"}, "date", nil, ""},
		{"1,234|5,678", Options{}, "numeric(7,3)", []string{"1,234.56", "1234,56"}, ""},
		{"1,234|5,678", Options{Decimal: ","}, "numeric(4,3)", nil, "1234,56"},
		{"1,234|5,678", Options{Decimal: "."}, "integer", nil, "1,234.56"},
		{"1.234|5.678", Options{}, "numeric(4,3)", nil, ""},
		{"1.234|5.678", Options{Decimal: "comma"}, "integer", nil, "1.234,56"},
		{"1.5", Options{Decimal: ","}, "text", nil, ""},
	} {
		c := columnOf(strings.Split(tc.values, "|"), tc.o)
		if c.Type.String() != tc.want || !slices.Equal(c.Ambiguous, tc.formats) || c.Format != tc.format {
			t.Errorf("%s %+v: %s %q ambiguous %q; %q", tc.values, tc.o, c.Type, c.Format, c.Ambiguous, c.Evidence)
		}
	}
}

// TestNotes: what changes values or contradicts a flag is told without asking.
func TestNotes(t *testing.T) {
	for _, tc := range []struct {
		text string
		o    Options
		want string // "" for none
	}{
		{"id,v\n1,1.5\n2,NA\n3,2\n4,NA\n", Options{}, `column "v": 2 values 'NA' read as NULL`},
		{"id,v\n1,1.5\n2,NaN\n3,2\n", Options{}, ""},
		{"id,v\n1,x\n2,NA\n3,y\n", Options{}, ""},
		{"id,v\n1,1.5\n2,NA\n3,2\n", Options{Types: map[string]string{"v": "text"}}, ""},
		{"id,v\n1,1.5\n2,NA\n3,2\n", Options{NullWords: &[]string{"NA"}}, ""},
		{"id,d\n1,31/12/2024\n2,30/11/2024\n", Options{DateOrder: "mdy"}, `column "d": the date order mdy given by flag does not fit, first at line 2: '31/12/2024': the column stays text`},
		{"id;v\n1;1.5\n2;2.25\n", Options{Decimal: ","}, `column "v": the decimal sign "," given by flag does not fit, first at line 2: '1.5': the column stays text`},
	} {
		r, err := Detect([]byte(tc.text), true, tc.o)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(r.Notes, "; "); got != tc.want {
			t.Errorf("%q %+v: notes %q, want %q", tc.text, tc.o, got, tc.want)
		}
	}
	var wide strings.Builder
	wide.WriteString(strings.TrimSuffix(strings.Repeat("a,", 30), ",") + "\n" + strings.TrimSuffix(strings.Repeat("NA,", 30), ",") + "\n")
	for range 4 {
		wide.WriteString(strings.TrimSuffix(strings.Repeat("1,", 30), ",") + "\n")
	}
	r, err := Detect([]byte(wide.String()), false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if last := r.Notes[len(r.Notes)-1]; !strings.Contains(last, "10 more columns") {
		t.Errorf("%q", last)
	}
	if !slices.Contains(r.Notes, `column "a" (in the sample): 1 value 'NA' read as NULL`) {
		t.Errorf("%q", r.Notes)
	}
}

// TestNaNIsRead: the type of a column with NaN reads NaN.
func TestNaNIsRead(t *testing.T) {
	for _, values := range [][]string{{"1.5", "NaN", "2"}, {"1", "nan", "123"}, {"1e-5", "NAN"}} {
		c := columnOf(values, Options{})
		f, err := schema.ParseFormat(c.Type.Kind, c.Format)
		if err != nil {
			t.Fatal(err)
		}
		p, err := schema.NewParser(c.Type, f, schema.ParserOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range values {
			var v schema.Value
			if err := p.Parse([]byte(text), &v); err != nil || slices.Contains(c.NullWords, text) {
				t.Errorf("%q as %s: %v, NULL words %q", text, c.Type, err, c.NullWords)
			}
		}
	}
}

// TestWordsAreNoNullInText: only the user makes words in text columns NULL.
func TestWordsAreNoNullInText(t *testing.T) {
	values := []string{"1", "NA", "2"}
	for sql, want := range map[string][]string{"text": nil, "varchar(5)": nil, "integer": {"NA"}, "numeric": {"NA"}, "uuid": nil} {
		c := NewInference(Options{})
		for i, v := range values {
			c.Add([]byte(v), false, int64(i+2))
		}
		if got := c.Decide("c", Options{Types: map[string]string{"c": sql}}); !slices.Equal(got.NullWords, want) || got.Nullable != (want != nil) {
			t.Errorf("%s: %q, nullable %v", sql, got.NullWords, got.Nullable)
		}
	}
}

func TestCounterExample(t *testing.T) {
	values := make([]string, 8200)
	for i := range values {
		values[i] = "123"
	}
	for i := 8111; i < 8148; i++ {
		values[i] = "00123"
	}
	c := columnOf(values, Options{})
	if c.Type.Kind != schema.Text || c.CounterExample != (Example{8113, "00123"}) {
		t.Fatalf("%s %+v", c.Type, c.CounterExample)
	}
	if want := "37 values start with 0, which a number would lose, first at line 8,113: '00123'"; c.Evidence[0] != want {
		t.Errorf("%q, want %q", c.Evidence[0], want)
	}
}

func TestNullWordsGiven(t *testing.T) {
	o := Options{NullWords: &[]string{"missing", "-999"}}
	c := columnOf([]string{"1", "missing", "-999"}, o)
	if c.Type.Kind != schema.Integer || !slices.Equal(c.NullWords, []string{"missing", "-999"}) || !c.Nullable {
		t.Errorf("%+v", c)
	}
	if c := columnOf([]string{"1", "NA"}, o); c.Type.Kind != schema.Text {
		t.Errorf("NA is no null word any more: %+v", c)
	}
	if c := columnOf([]string{"a", "missing"}, o); !slices.Equal(c.NullWords, []string{"missing"}) {
		t.Errorf("given words are NULL in text too: %+v", c)
	}
}

func TestTypesGiven(t *testing.T) {
	for _, tc := range []struct {
		values, sql, want, format string
		nulls                     []string
	}{
		{"1,5|2,5", "numeric(10,2)", "numeric(10,2)", "1234,56", nil},
		{"007|008", "integer", "integer", "", nil},
		{"1|NA", "text", "text", "", nil},
		{"007|NA", "integer", "integer", "", []string{"NA"}},
		{"1|2", "nonsense(", "integer", "", nil},
	} {
		c := columnOf(strings.Split(tc.values, "|"), Options{Types: map[string]string{"c": tc.sql}})
		if c.Type.String() != tc.want || c.Format != tc.format || !slices.Equal(c.NullWords, tc.nulls) {
			t.Errorf("%s as %s: %+v", tc.values, tc.sql, c)
		}
	}
}

// valueOf draws a column of one kind with exceptions now and then, so that all
// decisions come up.
func valuesOf(t *rapid.T) []string {
	kinds := []string{
		`[0-9]{1,5}`, `-?[1-9][0-9]{0,17}`, `[0-9]{1,4}\.[0-9]{1,4}`, `[1-9][0-9]{0,3},[0-9]{1,4}`, `[1-9][0-9]{0,2}(\.[0-9]{3}){0,2}(,[0-9]{1,2})?`,
		`[1-9][0-9]{0,2}(,[0-9]{3}){0,2}(\.[0-9]{1,2})?`, `[1-9][0-9]{0,2}( [0-9]{3}){0,2}(,[0-9]{1,2})?`, `\$[1-9][0-9]{0,4}(\.[0-9]{2})?`,
		`[1-9][0-9]?(,[0-9])? %`, `true|false`, `yes|no`, `20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])`,
		`(0[1-9]|1[0-9]|2[0-8])/(0[1-9]|1[0-2])/20[0-9]{2}`, `[1-9]\.[1-9]\.20[0-9]{2}`,
		`(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])-[0-9]{2}`, `[1-9] (Jan|May|Dec) 20[0-9]{2}`, `(January|May|June) [1-9], 20[0-9]{2}`,
		`20[0-9]{2}-0[1-9]-1[0-9][T ]([01][0-9]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?`,
		`20[0-9]{2}-0[1-9]-1[0-9]T([01][0-9]):[0-5][0-9]:[0-5][0-9](Z|\+0[0-9]:00|-0[0-9]30)`,
		`[12][0-9]/[12]/20[0-9]{2} ([1-9]|1[0-2]):[0-5][0-9] (AM|PM)`, `[a-z]{1,5}`, `0[0-9]{4}`, `[1-9]\.[0-9]e-0[1-9]`,
	}
	pattern := rapid.SampledFrom(kinds).Draw(t, "kind")
	one := rapid.StringMatching(pattern)
	odd := rapid.SampledFrom([]string{"", "NA", "-", "x", "0", "1.5", "2024-01-02", " 7 "})
	values := rapid.SliceOfN(one, 1, 20).Draw(t, "values")
	for range rapid.IntRange(0, 2).Draw(t, "exceptions") {
		i := rapid.IntRange(0, len(values)).Draw(t, "at")
		values = slices.Insert(values, i, odd.Draw(t, "odd"))
	}
	return values
}

// TestTypeReadsEveryValue: what is offered must work, for every value, in
// every format that is offered.
func TestTypeReadsEveryValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := valuesOf(t)
		c := columnOf(values, Options{})
		formats := c.Ambiguous
		if len(formats) == 0 {
			formats = []string{c.Format}
		}
		for _, format := range formats {
			f, err := schema.ParseFormat(c.Type.Kind, format)
			if err != nil {
				t.Fatalf("%q: format %q of %s: %v", values, format, c.Type, err)
			}
			p, err := schema.NewParser(c.Type, f, schema.ParserOptions{})
			if err != nil {
				t.Fatalf("%q: %v", values, err)
			}
			for _, v := range values {
				if v == "" || slices.Contains(c.NullWords, v) {
					if !c.Nullable {
						t.Fatalf("%q is NULL in a column that is not nullable: %+v", v, c)
					}
					continue
				}
				var out schema.Value
				if err := p.Parse([]byte(v), &out); err != nil {
					t.Fatalf("%q offered as %s %q, which refuses %q: %v", values, c.Type, format, v, err)
				}
			}
		}
	})
}

// TestTypeLosesNothing: distinct numbers and dates stay distinct, and integers
// come back as they were.
func TestTypeLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := valuesOf(t)
		c := columnOf(values, Options{})
		if c.Type.Kind != schema.Integer && c.Type.Kind != schema.BigInt || c.Format != "" || len(c.Ambiguous) > 0 {
			return
		}
		p, err := schema.NewParser(c.Type, schema.Format{}, schema.ParserOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			var out schema.Value
			if v == "" || slices.Contains(c.NullWords, v) || p.Parse([]byte(v), &out) != nil {
				continue
			}
			if got := string(out.AppendText(nil, c.Type)); got != strings.TrimSpace(v) {
				t.Fatalf("%q came back as %q", v, got)
			}
		}
	})
}

// TestMerge: any order and grouping of the values gives the same column, and
// so does a stored Inference.
func TestMerge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := valuesOf(t)
		if rapid.Bool().Draw(t, "two kinds") {
			values = append(values, valuesOf(t)...)
		}
		whole := NewInference(Options{})
		parts := []*Inference{NewInference(Options{}), NewInference(Options{}), NewInference(Options{})}
		for i, v := range values {
			whole.Add([]byte(v), false, int64(i+2))
		}
		order := rapid.Permutation(indexes(len(values))).Draw(t, "order")
		for _, i := range order {
			parts[rapid.IntRange(0, 2).Draw(t, "part")].Add([]byte(values[i]), false, int64(i+2))
		}
		for i, p := range parts {
			b, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			parts[i] = new(Inference)
			if err := json.Unmarshal(b, parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		parts[1].Merge(parts[2])
		parts[0].Merge(parts[1])
		got, want := parts[0].Decide("c", Options{}), whole.Decide("c", Options{})
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q merged:\n%+v\nsingle pass:\n%+v", values, got, want)
		}
		f, ok := parts[0].Figures(got)
		g, ok2 := whole.Figures(want)
		if f != g || ok != ok2 {
			t.Fatalf("%q: figures %+v and %+v", values, f, g)
		}
	})
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestAgain: counting a value again equals adding it again.
func TestAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := valuesOf(t)
		a, b := NewInference(Options{}), NewInference(Options{})
		for i, v := range values {
			s := a.Add([]byte(v), false, int64(i+2))
			b.Add([]byte(v), false, int64(i+2))
			for range 3 {
				a.Again(s)
				b.Add([]byte(v), false, int64(i+2))
			}
		}
		x, y := a.Decide("c", Options{}), b.Decide("c", Options{})
		if !reflect.DeepEqual(x, y) {
			t.Fatalf("%+v\n%+v", x, y)
		}
		f, _ := a.Figures(x)
		g, _ := b.Figures(y)
		if f != g {
			t.Fatalf("%+v\n%+v", f, g)
		}
	})
}

func FuzzInference(f *testing.F) {
	for _, s := range []string{"1", "1,234.56", "(1)", "($1)", "-", "$", "%", "1e", "1e5", "e", "01/02", "31/12/2024 23:", "Jan", "May 5, 2024,", "2024-01-02T", "1970-01-01 00:00:00.000000000Z", "\xe2\x80", "\xc2", "€", "1\u00a0234", "+", "(", ")"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		in := NewInference(Options{})
		in.Add(v, false, 1)
		c := in.Decide("c", Options{})
		in.Figures(c)
		for _, format := range append(c.Ambiguous, c.Format) {
			if _, err := schema.ParseFormat(c.Type.Kind, format); err != nil && (format != "" || len(c.Ambiguous) == 0) {
				t.Errorf("%q: %s with format %q: %v", v, c.Type, format, err)
			}
		}
	})
}
