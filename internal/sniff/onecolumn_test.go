package sniff

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/etlportal/etlportal/internal/csv"
)

// found detects the text and shows quote, header, names and types.
func found(t *testing.T, text string, o Options) string {
	t.Helper()
	r, err := Detect([]byte(text), true, o)
	if err != nil {
		t.Fatal(err)
	}
	types := make([]string, len(r.Columns))
	for i, c := range r.Columns {
		types[i] = c.Type.String()
	}
	quote := r.Dialect.Quote
	if quote == 0 {
		quote = '0'
	}
	return fmt.Sprintf("%c %d %s: %s", quote, r.Dialect.Header, strings.Join(r.Names, "|"), strings.Join(types, "|"))
}

// TestOneColumn: delimiters within the values of a single column.
func TestOneColumn(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"intervals", "a\n\"[1,5)\"\n\"[7,9)\"\n\"[4,6)\"\n", `" 1 a: text`},
		{"pairs in quotes", "\"x,y\"\n\"z,w\"", `" 1 x,y: text`},
		{"pairs in apostrophes", "'x,y'\n'z,w'\n'a,b'\n", `' 1 x,y: text`},
		{"sentences", "text\n\"Hello, my friend, how are you?\"\n\"Well, thanks.\"\n\"It's fine, really.\"\n\"No comma here\"\n", `" 1 text: text`},
		{"sentences without header", "\"Hello, my friend, how are you?\"\n\"Well, thanks a lot, Ann.\"\n\"It's fine, really.\"\n\"Bye\"\n", `" 0 column_1: text`},
		{"some quoted, one ragged", "a\n\"[1,5)\"\nx, y\n\"[7,9)\"\n\"[4,6)\"\n", `" 1 a: text`},
		{"numbers", "1\n2\n30\n4\n5\n", `" 0 column_1: integer`},
		{"words", "apple\nbanana\ncherry\napple\n", `" 0 column_1: text`},
		{"e-mails", "ann.b@example.com\nbob-c@example.com\ncid_d@example.org\ndan@example.org\n", `" 0 column_1: text`},
		{"e-mails with header", "email\nann.b@example.com\nbob-c@example.com\ncid_d@example.org\n", `" 1 email: text`},
		{"dates", "2024-01-02\n2024-01-03\n2024-01-04\n2024-01-05\n", `" 0 column_1: date`},
		{"dates with header", "day\n2024-01-02\n2024-01-03\n2024-01-04\n2024-01-05\n", `" 1 day: date`},
		{"dates with slashes", "13/01/2024\n02/01/2024\n14/01/2024\n15/01/2024\n", `" 0 column_1: date`},
		{"timestamps", "ts\n2024-01-02 10:11:12\n2024-01-03 10:11:13\n2024-01-04 10:11:14\n2024-01-05 10:11:15\n", `" 1 ts: timestamp`},
		{"times of day", "12:30\n12:45\n13:00\n13:15\n14:00\n", `" 0 column_1: text`},
		{"addresses", "url\nhttp://a.example/x\nhttp://b.example/y\nhttps://c.example/z\nhttp://d.example/w\n", `" 1 url: text`},
		{"decimals with comma", "price\n1,5\n2,25\n3,75\n4,10\n", `" 1 price: numeric(3,2)`},
		{"decimals with comma and groups", "amount\n1.234,50\n2.250,25\n99,10\n", `" 1 amount: numeric(6,2)`},
		{"cents without header", "1,50\n2,25\n3,05\n4,10\n", `" 0 column_1: numeric(3,2)`},
		{"two columns of integers", "1,5\n2,7\n3,9\n", `" 0 column_1|column_2: integer|integer`},
		{"codes", "AB-123\nCD-456\nEF-789\nGH-012\n", `" 0 column_1: text`},
		{"telephone numbers", "030-12345\n040-22345\n089-32345\n069-42345\n", `" 0 column_1: text`},
		{"UUIDs", strings.Repeat("550e8400-e29b-41d4-a716-446655440000\n", 5), `" 0 column_1: text`},
		{"people", "name\nAnn Smith\nBob Jones\nCid Brown\nDan White\nEve Black\n", `" 1 name: text`},
		{"people, family first", "name\nSmith, Ann\nJones, Bob\nBrown, Cid\nWhite, Dan\n", `" 1 name: text`},
		{"a title is no name", "Report\nid,name\n1,Ann\n2,Bob\n3,Cid\n", `" 1 id|name: integer|text`},
		{"slashes in addresses", "day url n\n28/01/2018 https://a.example/x/y 1\n29/01/2018 https://a.example/x/z 2\n30/01/2018 https://a.example/x/w 3\n31/01/2018 https://a.example/x/v 4\n", `" 1 day|url|n: date|text|integer`},
		{"space and quotes", "id name qty\n1 Ann 5\n2 \"Bob B\" 10\n3 Cid 7\n4 Dan 9\n", `" 1 id|name|qty: integer|text|integer`},
		{"a title above colons", "accounts\nann:x:1:/home/ann\nbob:x:2:/home/bob\ncid:x:3:/home/cid\ndan:x:4:/home/dan\n", `" 0 column_1|column_2|column_3|column_4: text|text|integer|text`},
		{"spaced numbers", "1 2\n3 4\n5 6\n7 8\n", `" 0 column_1|column_2: integer|integer`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := found(t, tc.text, Options{}); got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestGivenDelimiterKeepsQuotes: a delimiter by flag does not undo quotes that
// enclose it.
func TestGivenDelimiterKeepsQuotes(t *testing.T) {
	comma, one := ",", 1
	for text, want := range map[string]string{
		"a\n\"[1,5)\"\n\"[7,9)\"\n\"[4,6)\"\n":          `" 1 a: text`,
		"a,b\n\"[1,5)\",\"x,y\"\n\"[7,9)\",\"z,w,v\"\n": `" 1 a|b: text|text`,
		"a\n'x,y'\n'z,w'\n":                             `' 1 a: text`,
		"a\n\"x,y\"\n":                                  `" 1 a: text`,
	} {
		if got := found(t, text, Options{Delimiter: &comma, Header: &one}); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

// TestShortNames: words that could be values name columns of other values.
func TestShortNames(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"id,n\n0,0\n1,1\n2,2\n", "id|n: integer|integer"},
		{"a,b\n1,2\n", "a|b: integer|integer"},
		{"x,y,z\n1,2,3\n4,5,6\n", "x|y|z: integer|integer|integer"},
		{"m,f\n10,20\n30,40\n", "m|f: integer|integer"},
		{"t,value\n1,0.5\n2,0.7\n", "t|value: integer|numeric(2,1)"},
		{"yes,no\n10,20\n30,40\n5,5\n", "yes|no: integer|integer"},
		{"n\n1\n2\n3\n", "n: integer"},
		{"id,on\n1,2024-01-02\n2,2024-01-03\n", "id|on: integer|date"},
		{"on\n1\n0\n1\n", "on: integer"},
		{"active\ntrue\nfalse\ntrue\n", "active: boolean"},
		{"id,active\n1,yes\n2,no\n3,no\n", "id|active: integer|boolean"},
		{"name,active\nAnn,true\nBob,false\nCid,true\n", "name|active: text|boolean"},
		{"Q1,Q2\nA1,B1\nA2,B2\n", "Q1|Q2: text|text"},
		{"N;Y\n1,5;2\n2,5;3\n", "N|Y: numeric(2,1)|integer"},
	} {
		if got := found(t, tc.text, Options{}); got != `" 1 `+tc.want {
			t.Errorf("%q: %s", tc.text, got)
		}
	}
	for _, text := range []string{
		"0,0\n1,1\n2,2\n", "1.5,2\n2.5,3\n", "yes\nno\nno\nno\n", "Yes\nNO\nno\nno\n", "Ann,true\nBob,false\nCid,true\nAnn,true\n", "n,y\nn,y\ny,n\ny,y\n", "NA,1\n2,3\n4,5\n", "1\n2\n",
	} {
		if got := found(t, text, Options{}); !strings.HasPrefix(got, `" 0 `) {
			t.Errorf("%q: a header in %s", text, got)
		}
	}
}

// TestFieldPastTheSample: the sample ends within a long quoted field.
func TestFieldPastTheSample(t *testing.T) {
	for name, line := range map[string]string{
		"lines": "a line of text\n", "commas": "some, commas\nand none\n, or more, and more,\n", "one line": "text, and more text; ", "a comma": "a line, of text\n",
		"apostrophes": "it's one's own\nisn't it, dear\nno, it's, well, not\n",
	} {
		for _, before := range []string{"", "1,x\n2,y\n"} {
			text := "id,note\n" + before + "3,\"" + strings.Repeat(line, SampleSize/len(line)+10)
			r, err := Detect([]byte(text), false, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if r.Dialect != (csv.Dialect{Delimiter: ",", Quote: '"', Header: 1}) || strings.Join(r.Names, "|") != "id|note" {
				t.Errorf("%s: %+v %q", name, r.Dialect, r.Names)
			}
			if before != "" && r.Columns[0].Type.String() != "integer" {
				t.Errorf("%s: id is %s: %q", name, r.Columns[0].Type, r.Columns[0].Evidence)
			}
			if len(r.Notes) > 0 {
				t.Errorf("%s: %q", name, r.Notes)
			}
		}
	}
	// Another delimiter would make a table of the field's lines.
	text := "id;note\n1;\"" + strings.Repeat("one, two\n", SampleSize/9)
	r, err := Detect([]byte(text), false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Dialect != (csv.Dialect{Delimiter: ";", Quote: '"', Header: 1}) {
		t.Errorf("%+v %q", r.Dialect, r.Names)
	}
	// Rows follow within the sample.
	text = "id;note\n1;\"" + strings.Repeat("one, two\n", 20_000) + "\"\n" + rows(3000, "%d;x, y\n")
	r, err = Detect([]byte(text), false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Dialect.Delimiter != ";" || r.Dialect.Quote != '"' || r.Dialect.Header != 1 || r.Columns[0].Type.String() != "integer" {
		t.Errorf("%+v %q %s", r.Dialect, r.Names, r.Columns[0].Type)
	}
}

// TestStrayQuoteInSample: a quote that never closes amid rows is a bad row,
// and no field that runs past the sample.
func TestStrayQuoteInSample(t *testing.T) {
	text := "id,note,n\n1,a,2\n2,\"b,2\n" + rows(60_000, "%d,some text,3\n")
	r, err := Detect([]byte(text), false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Dialect != (csv.Dialect{Delimiter: ",", Quote: '"', Header: 1}) || len(r.Names) != 3 || r.Columns[2].Type.String() != "integer" {
		t.Errorf("%+v %q", r.Dialect, r.Names)
	}
	if !strings.HasPrefix(r.Columns[0].Evidence[0], "58,") || len(r.Notes) != 1 {
		t.Errorf("rows after the bad one are missing: %q %q", r.Columns[0].Evidence, r.Notes)
	}
}

// TestRagged: a minority of longer or shorter rows changes no header's columns.
func TestRagged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(2, 6).Draw(t, "width")
		n := rapid.IntRange(3, 60).Draw(t, "rows")
		names := make([]string, width)
		for j := range names {
			names[j] = fmt.Sprintf("name_%c", 'a'+j)
		}
		text := []string{strings.Join(names, ",")}
		long := 0
		for i := range n {
			w := width
			if (long+1)*3 <= n && rapid.IntRange(0, 3).Draw(t, "ragged") == 0 {
				w += rapid.IntRange(1, 3).Draw(t, "more")
				long++
			}
			cells := make([]string, w)
			for j := range cells {
				cells[j] = fmt.Sprint(i*7 + j)
			}
			text = append(text, strings.Join(cells, ","))
		}
		r, err := Detect([]byte(strings.Join(text, "\n")+"\n"), true, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Join(r.Names, "|") != strings.Join(names, "|") || r.Dialect.Header != 1 {
			t.Fatalf("%q: %q, header %d", text, r.Names, r.Dialect.Header)
		}
	})
}

// TestEvidence: what is told is true and reads well, of one thing and of many.
func TestEvidence(t *testing.T) {
	for _, tc := range []struct{ text, says, not string }{
		{"Report\nid,name\n1,Ann\n2,Bob\n3,Cid\n", "the first row is not shaped like the table", "1 rows"},
		{"id,pct\n1,19 %\n2,7 %\n3,19 %\n", "numbers with up to 2 digits before and 0 after", "exactly three digits"},
		{"id,pct\n1,1.900 %\n2,7.250 %\n", "every value is a percentage", "up to 0"},
		{"id,price\n1,1.234\n2,7\n", "where there is a point, exactly three digits follow it", "every value has"},
		{"a,b\n1,2\n", "1 value is an integer: 1", "from 1 to 1"},
		{"a,b\n1,0.5\n", "1 value is a number with up to 1 digit before", "1 digits"},
		{"# c\na,b\n1,2\n", "1 line starts with #", "1 lines"},
		{"a,é\n1,x\n", "the only character beyond ASCII is valid UTF-8", "1 characters"},
		{"a,b\n", "the only row has 2 fields", "1 rows"},
		{"zip\n00123\n10115\n", "1 value reads as an integer", "read as integers"},
		{"day\n13/02/2024\n", "the only value reads as DD/MM/YYYY", "all 1"},
		{"v\n1\nNA\n", "1 value 'NA' read as NULL, since all others are of one type", "other values"},
		{"c;2019;2020\nDE;83,1;83,2\nFR;67,2;67,4\n", "consecutive years", "has names where"},
		{"price\n1,5\n2,25\n3,75\n", "each line is one value, although , would cut it into 2", "equally many"},
	} {
		r, err := Detect([]byte(tc.text), true, Options{})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, d := range r.Decisions {
			all = append(all, d.Evidence...)
		}
		for _, c := range r.Columns {
			all = append(all, c.Evidence...)
		}
		if got := strings.Join(all, "\n"); !strings.Contains(got, tc.says) || strings.Contains(got, tc.not) {
			t.Errorf("%q: want %q, not %q, in\n%s", tc.text, tc.says, tc.not, got)
		}
	}
}

// TestTrailingDelimiterOfDamagedHeader: a header with a delimiter too many
// still names the empty last column.
func TestTrailingDelimiterOfDamagedHeader(t *testing.T) {
	r, err := Detect([]byte(",a,b,c\n1,x,\n2,y,\n3,z,\n4,w,\n"), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Dialect.TrailingDelimiter {
		t.Errorf("the last column is dropped: %+v", r.Dialect)
	}
}
