package sniff

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/csv"
)

func rows(n int, format string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.ReplaceAll(format, "%d", fmt.Sprint(i+10)))
	}
	return b.String()
}

type want struct {
	delimiter string
	quote     byte
	header    int
	skip      int
	names     string // joined by |
}

func TestDialects(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       want
	}{
		{"plain", "id,name\n1,Ann\n2,Bob\n", want{",", '"', 1, 0, "id|name"}},
		{"no last newline", "id,name\n1,Ann\n2,Bob", want{",", '"', 1, 0, "id|name"}},
		{"semicolon with decimal comma", "id;preis;menge\n1;12,50;3,5\n2;7,25;1,0\n3;1,99;2,25\n", want{";", '"', 1, 0, "id|preis|menge"}},
		{"tab with commas", "id\tnote\n1\tred, green, blue\n2\tone, two\n3\thello, world\n", want{"\t", '"', 1, 0, "id|note"}},
		{"pipe", "id|name|day\n1|Ann|2024-01-02\n2|Bob|2024-01-03\n", want{"|", '"', 1, 0, "id|name|day"}},
		{"colon", rows(8, "user%d:x:%d:%d:/home/user%d\n"), want{":", '"', 0, 0, "column_1|column_2|column_3|column_4|column_5"}},
		{"spaces", "id name qty\n1 Ann 5\n2 Bob 10\n3 Cid 7\n4 Dan 8\n", want{" ", '"', 1, 0, "id|name|qty"}},
		{"all quoted", "\"id\",\"name\"\n\"1\",\"Smith, Ann\"\n\"2\",\"Jones, Bob\"\n", want{",", '"', 1, 0, "id|name"}},
		{"quoted newlines", "id,note\n1,\"line one\nline two\"\n2,\"a\nb\nc\"\n3,x\n", want{",", '"', 1, 0, "id|note"}},
		{"single quotes", "id,name\n1,'Smith, Ann'\n2,'Jones, Bob'\n3,'Doe, Joe'\n", want{",", '\'', 1, 0, "id|name"}},
		{"apostrophes are none", "id,name\n1,O'Neil\n2,D'Arcy\n3,'t Hooft\n", want{",", '"', 1, 0, "id|name"}},
		{"stray quotes", "id,size\n1,5\" disk\n2,3\" disk\n3,8\" disk\n", want{",", '"', 1, 0, "id|size"}},
		{"one column", "name\nAnn\nBob\nCid\n", want{",", '"', 1, 0, "name"}},
		{"one column of numbers", "1\n2\n3\n4\n", want{",", '"', 0, 0, "column_1"}},
		{"one column, commas inside", "note\nred, green and blue\nhello there\nwell, then, go, on\nbye\n", want{";", '"', 1, 0, "note"}},
		{"one column with header over numbers", "total\n1\n2\n3\n", want{",", '"', 1, 0, "total"}},
		{"header only", "id,name,city\n", want{",", '"', 1, 0, "id|name|city"}},
		{"one row", "1,2024-01-02,3.5\n", want{",", '"', 0, 0, "column_1|column_2|column_3"}},
		{"no header", "1,Ann,3.5\n2,Bob,4.5\n3,Cid,1.5\n", want{",", '"', 0, 0, "column_1|column_2|column_3"}},
		{"all text with header", "first_name,last_name,city\nAnn,Smith,London\nBob,Jones,New York\nCid,Brown,Paris\n", want{",", '"', 1, 0, "first_name|last_name|city"}},
		{"all text without header", "Ann,red,London\nBob,red,Paris\nCid,blue,Paris\nAnn,blue,London\nBob,red,London\n", want{",", '"', 0, 0, "column_1|column_2|column_3"}},
		{"years as names", "country;2019;2020;2021\nDE;83,1;83,2;83,2\nFR;67,2;67,4;67,5\nIT;59,7;59,4;59,1\n", want{";", '"', 1, 0, "country|2019|2020|2021"}},
		{"units row", "name,weight,height\n,kg,cm\nAnn,60.5,170\nBob,80.1,182\nCid,75.0,177\nDan,66.6,169\n", want{",", '"', 2, 0, "name|weight kg|height cm"}},
		{"preamble", "Report of sales\nprinted 2024-01-02\n\nid,name,qty\n1,Ann,5\n2,Bob,6\n3,Cid,7\n4,Dan,8\n5,Eve,9\n6,Fay,3\n", want{",", '"', 1, 3, "id|name|qty"}},
		{"preamble filled by a spreadsheet", "Report;;;\n;;;\nid;name;qty;price\n1;Ann;5;1,5\n2;Bob;6;2,5\n3;Cid;7;3,5\n4;Dan;8;4,5\n5;Eve;1;4,5\n", want{";", '"', 1, 2, "id|name|qty|price"}},
		{"footer", "id,qty,price\n" + rows(20, "%d,5,1.5\n") + "Total,100,30\n", want{",", '"', 1, 0, "id|qty|price"}},
		{"sep line", "sep=;\nid;name\n1;a,b\n2;c,d\n", want{";", '"', 1, 1, "id|name"}},
		{"sep line with pipe", "SEP=|\r\nid|name\r\n1|x\r\n", want{"|", '"', 1, 1, "id|name"}},
		{"comments", "# made by hand\n# second line\nid,name\n1,Ann\n2,Bob\n", want{",", '"', 1, 0, "id|name"}},
		{"header behind a hash", "#id,name\n1,Ann\n2,Bob\n", want{",", '"', 1, 0, "#id|name"}},
		{"trailing delimiter", "id;name;\n1;Ann;\n2;Bob;\n", want{";", '"', 1, 0, "id|name"}},
		{"empty last column", "id;name;note\n1;Ann;\n2;Bob;\n", want{";", '"', 1, 0, "id|name|note"}},
		{"CRLF", "id,name\r\n1,Ann\r\n2,Bob\r\n", want{",", '"', 1, 0, "id|name"}},
		{"CR only", "id,name\r1,Ann\r2,Bob\r", want{",", '"', 1, 0, "id|name"}},
		{"spaces after commas", "id, name, city\n1, Ann, London\n2, Bob, Paris\n", want{",", '"', 1, 0, "id|name|city"}},
		{"spaced quotes", "id, name\n1, \"Smith, Ann\"\n2, \"Jones, Bob\"\n", want{",", '"', 1, 0, "id|name"}},
		{"key only", "id\nA1\nB2\n", want{",", '"', 1, 0, "id"}},
		{"duplicate and empty names", "a,,a\n1,2,3\n4,5,6\n", want{",", '"', 1, 0, "a|column_2|a_2"}},
		{"dates and times", "day;time;v\n02.01.2024;10:00;1,5\n03.01.2024;11:00;2,5\n", want{";", '"', 1, 0, "day|time|v"}},
		{"addresses", "url,title\nhttp://a.example/x?y=1;z=2,One\nhttp://b.example/q;r,Two\n", want{",", '"', 1, 0, "url|title"}},
		{"JSON in cells", "id;doc\n1;{\"a\": 1, \"b\": [1,2]}\n2;{\"a\": 2, \"b\": [3,4]}\n", want{";", '"', 1, 0, "id|doc"}},
		{"a backslash escape", "id,say\n1,\"he said \\\"hi, you\\\" ok\"\n2,\"and \\\"bye\\\", too\"\n", want{",", '"', 1, 0, "id|say"}},
		{"ragged", "a,b,c\n1,2,3\n4,5\n6,7,8\n9,1,2,3\n4,5,6\n", want{",", '"', 1, 0, "a|b|c"}},
		{"missing values under the header", "id,score\n1,\n2,\n3,4.5\n4,5.5\n5,2.5\n", want{",", '"', 1, 0, "id|score"}},
		{"byte order mark before a quote", "\ufeff\"id\",\"name\"\n1,\"Ann\"\n", want{",", '"', 1, 0, "id|name"}},
		{"unit separator", "id\x1fname\n1\x1fAnn\n2\x1fBob\n", want{"\x1f", '"', 1, 0, "id|name"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r, err := Detect([]byte(tc.text), true, Options{})
			if err != nil {
				t.Fatal(err)
			}
			got := want{r.Dialect.Delimiter, r.Dialect.Quote, r.Dialect.Header, r.Dialect.SkipLines, strings.Join(r.Names, "|")}
			if got != tc.want {
				t.Errorf("got  %+v\nwant %+v\n%+v", got, tc.want, r.Decisions)
			}
			if len(r.Columns) != len(r.Names) {
				t.Errorf("%d columns, %d names", len(r.Columns), len(r.Names))
			}
			for _, d := range r.Decisions {
				if d.Confidence < 0 || d.Confidence > 1 || d.Value == "" {
					t.Errorf("decision %+v", d)
				}
			}
		})
	}
}

// TestLines: lines are those of the file, whatever was skipped.
func TestLines(t *testing.T) {
	r, err := Detect([]byte("Report\n\nid,code,note\n1,7,\"a\nb\"\n2,007,x\n3,8,\"\"bad\n4,9,y\n5,10,z\n6,11,z\n"), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := r.Columns[1].CounterExample, (Example{6, "007"}); got != want {
		t.Errorf("first leading zero at %+v, want %+v; %+v", got, want, r.Dialect)
	}
}

// TestUnnamed: delimiters after the last value open no column, values do.
func TestUnnamed(t *testing.T) {
	r, err := Detect([]byte("a;b\n1;2;\n3;4;\n5;6;\n"), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Columns) != 2 || len(r.Notes) != 0 {
		t.Errorf("%q %q", r.Names, r.Notes)
	}
	r, err = Detect([]byte("a;b\n1;2;7\n3;4;8\n5;6;9\n"), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Columns) != 3 || r.Names[2] != "column_3" || len(r.Notes) == 0 {
		t.Errorf("%q %q", r.Names, r.Notes)
	}
}

func TestFinerPoints(t *testing.T) {
	detect := func(text string) csv.Dialect {
		t.Helper()
		r, err := Detect([]byte(text), true, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return r.Dialect
	}
	if d := detect("id,say\n1,\"he said \\\"hi\\\" ok\"\n2,\"and \\\"bye\\\"\"\n"); d.Escape != '\\' {
		t.Errorf("escape %q", d.Escape)
	}
	if d := detect("id,say\n1,\"he said \"\"hi\"\" ok\"\n2,\"C:\\\"\n"); d.Escape != 0 {
		t.Errorf("a lone backslash is no escape: %q", d.Escape)
	}
	if d := detect("# one\n# two\na,b\n1,2\n"); d.Comment != '#' {
		t.Errorf("comment %q", d.Comment)
	}
	if d := detect("tag,n\n#red,1\n#blue,2\n#green,3\n"); d.Comment != 0 {
		t.Errorf("values that start with # are no comments")
	}
	if d := detect("a;b;\n1;2;\n3;4;\n"); !d.TrailingDelimiter {
		t.Error("trailing delimiter not found")
	}
	if d := detect("a;b;c\n1;2;\n3;4;\n"); d.TrailingDelimiter {
		t.Error("a named column is no trailing delimiter")
	}
	if d := detect("1;2;\n3;4;\n"); d.TrailingDelimiter {
		t.Error("without names an empty column is kept")
	}
	if d := detect("a,b\r1,2\r3,4\r"); d.Newline != csv.NewlineCR {
		t.Error("CR-only rows not found")
	}
	if d := detect("a, b\n1, 2\n3, 4\n"); !d.SkipInitialSpace {
		t.Error("initial spaces not found")
	}
}

// TestAligned: columns under each other are told, not guessed.
// TestEscape: a backslash before a quote escapes it only where reading it so
// leaves fewer damaged records.
func TestEscape(t *testing.T) {
	for _, tc := range []struct {
		text string
		want byte
	}{
		{`id,name
1,"C:\temp\"
2,"D:\x\"
3,"f"
`, 0},
		{`id,name
1,"C:\temp\"
2,"D:\x\"
`, 0},
		{`dir,size
"C:\",1
"D:\",2
"E:\",3
`, 0},
		{`id,say,n
1,"he said \"hi\", and left",4
2,"x",5
`, '\\'},
		{`id,say
1,"a \"b\" c"
2,"ends in \"quotes\""
`, '\\'},
		{`id,json
1,"{\"a\": 1, \"b\": \"x\"}"
2,"{}"
`, '\\'},
		{`id,say
1,"a ""b"" c"
2,"C:\"
`, 0},
	} {
		r, err := Detect([]byte(tc.text), true, Options{})
		if err != nil {
			t.Errorf("%q: %v", tc.text, err)
			continue
		}
		if r.Dialect.Escape != tc.want || r.Dialect.Delimiter != "," || r.Dialect.Header != 1 {
			t.Errorf("%s: %+v %+v", tc.text, r.Dialect, r.Decisions)
		}
		if strings.Contains(strings.Join(r.Notes, ""), "bad rows") {
			t.Errorf("%s: %q", tc.text, r.Notes)
		}
	}
}

// TestCommentAmidRows: a line of one field that starts with # is a comment
// among rows of several; one shaped like them is a row.
func TestCommentAmidRows(t *testing.T) {
	rows := "1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n"
	for text, want := range map[string]byte{
		"id,v\n" + rows + "# mid comment\n" + rows:    '#',
		"id,v\n" + rows + "# one\n# two\n" + rows:     '#',
		"id,v\n" + rows + "#7,g\n" + rows:             0,
		"tag,v\n" + rows + "#red,1\n#blue,2\n" + rows: 0,
		"id\n1\n2\n#3\n4\n5\n":                        0,
		"id;v\n1;a,b\n2;b\n# done, by hand\n3;c\n":    0,
	} {
		r, err := Detect([]byte(text), true, Options{})
		if err != nil || r.Dialect.Comment != want {
			t.Errorf("%q: %+v %v", text, r, err)
		}
	}
}

// TestHeaderErrors: said once, with the flag that helps.
func TestHeaderErrors(t *testing.T) {
	one := 1
	for _, tc := range []struct{ text, says, fix string }{
		{"id,\"v\n1,a\n2,b\n3,c\n", "never closed", "--quote none"},
		{"id,v\x00\n1,a\n2,b\n3,c\n", "NUL", "--strip-nul"},
		{"id,é\xff\n1,éa\n2,éb\n3,éc\n", "not valid UTF-8", "--encoding"},
	} {
		_, err := Detect([]byte(tc.text), true, Options{Header: &one})
		e, ok := errors.AsType[*Error](err)
		if !ok || strings.Count(e.Message, "the header cannot be read") != 1 || !strings.Contains(e.Message, tc.says) || !strings.Contains(e.Fix, tc.fix) {
			t.Errorf("%q: %v", tc.text, err)
		}
	}
	r, err := Detect([]byte("id,v\x00\n1,a\n2,b\n3,c\n"), true, Options{StripNUL: true})
	if err != nil || r.Names[1] != "v" {
		t.Errorf("%+v %v", r, err)
	}
}

func TestAligned(t *testing.T) {
	r, err := Detect([]byte("id   name    qty\n1    Ann       5\n2    Barbara  10\n3    Cid       7\n4    Dan       8\n"), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Names) != 1 || !strings.Contains(strings.Join(r.Notes, ""), "3 columns aligned by spaces") {
		t.Errorf("names %q notes %q", r.Names, r.Notes)
	}
}

func TestOverrides(t *testing.T) {
	ptr := func(s string) *string { return &s }
	num := func(n int) *int { return &n }
	chr := func(c byte) *byte { return &c }
	yes := true
	text := "x||y,z\na||1,2\nb||3,4\n"
	r, err := Detect([]byte(text), true, Options{
		Delimiter: ptr("||"), Quote: chr(0), Escape: chr('\\'), Comment: chr('%'), Header: num(0), SkipLines: num(1),
		SkipInitialSpace: &yes, TrailingDelimiter: &yes, Newline: new(csv.Newline),
	})
	if err != nil {
		t.Fatal(err)
	}
	d := r.Dialect
	if d.Delimiter != "||" || d.Quote != 0 || d.Comment != '%' || d.Header != 0 || d.SkipLines != 1 || !d.SkipInitialSpace || !d.TrailingDelimiter {
		t.Errorf("%+v", d)
	}
	for _, dec := range r.Decisions {
		if dec.What == "encoding" {
			continue
		}
		if dec.Confidence != 1 || len(dec.Evidence) == 0 || dec.Evidence[0] != "given by flag" {
			t.Errorf("%+v", dec)
		}
	}
}

func TestContradictingOverrides(t *testing.T) {
	ptr := func(s string) *string { return &s }
	r, err := Detect([]byte("sep=;\na;b\n1;2\n"), true, Options{Delimiter: ptr("\t")})
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(r.Notes, "; "); !strings.Contains(notes, "sep=;") || !strings.Contains(notes, "occurs in no row") {
		t.Errorf("notes %q", notes)
	}
	r, err = Detect([]byte("a,b\n1,2\n"), true, Options{Types: map[string]string{"c": "text", "a": "bigint"}})
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(r.Notes, "; "); !strings.Contains(notes, `"c"`) || strings.Contains(notes, `"a"`) {
		t.Errorf("notes %q", notes)
	}
	minus := -1
	for name, o := range map[string]Options{
		"empty delimiter":   {Delimiter: ptr("")},
		"quote = delimiter": {Delimiter: ptr(`"`), Quote: func() *byte { c := byte('"'); return &c }()},
		"newline":           {Delimiter: ptr("\n")},
		"header":            {Header: &minus},
		"skip":              {SkipLines: &minus},
		"order":             {DateOrder: "dym"},
		"decimal":           {Decimal: ";"},
		"encoding":          {Encoding: func() *csv.Encoding { e := csv.Encoding("klingon"); return &e }()},
	} {
		_, err := Detect([]byte("a,b\n1,2\n"), true, o)
		var e *Error
		if !errors.As(err, &e) || e.Fix == "" || e.Message == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, tc := range []struct{ name, data, code, says string }{
		{"nothing", "", "empty_file", "0 bytes"},
		{"only a mark", "\xef\xbb\xbf", "empty_file", "byte order mark"},
		{"only a UTF-16 mark", "\xff\xfe", "empty_file", "byte order mark"},
		{"blanks", " \r\n\t\n\n", "empty_file", "blanks"},
		{"PNG", "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary_file", "PNG"},
		{"JPEG", "\xff\xd8\xff\xe0\x00\x10JFIF", "binary_file", "JPEG"},
		{"PDF", "%PDF-1.7\n%\xe2\xe3", "binary_file", "PDF"},
		{"XLSX", "PK\x03\x04\x14\x00\x06\x00[Content_Types].xml...xl/workbook.xml", "binary_file", "Excel"},
		{"XLS", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "binary_file", "XLS"},
		{"ODS", "PK\x03\x04\x14\x00mimetypeapplication/vnd.oasis.opendocument.spreadsheet", "binary_file", "ODS"},
		{"zip", "PK\x03\x04\x14\x00\x00\x00data.csv", "binary_file", "zip"},
		{"gzip", "\x1f\x8b\x08\x00\x00", "binary_file", "gzip"},
		{"zstd", "\x28\xb5\x2f\xfd\x04", "binary_file", "zstd"},
		{"SQLite", "SQLite format 3\x00\x10\x00", "binary_file", "SQLite"},
		{"Parquet", "PAR1\x15\x04\x15\x00\x00", "binary_file", "Parquet"},
		{"Avro", "Obj\x01\x04\x14avro.codec", "binary_file", "Avro"},
		{"ELF", "\x7fELF\x02\x01\x01\x00", "binary_file", "ELF"},
		{"unknown binary", "\x01\x02\x00\x03\x04\x00\x05\x06ab\x00\x07\x08\x0e\x0f", "binary_file", "control"},
		{"HTML", "\n<!DOCTYPE html>\n<html><head><title>Login</title>", "not_csv", "HTML"},
		{"HTML without doctype", "<HTML>\n<body>Error 502</body>", "not_csv", "HTML"},
		{"XML", "<?xml version=\"1.0\"?>\n<rows><row/></rows>", "not_csv", "XML"},
		{"JSON array", "[{\"a\": 1, \"b\": 2},\n {\"a\": 3, \"b\": 4}]\n", "not_csv", "JSON document"},
		{"JSON object", "{\n  \"error\": \"not found\"\n}", "not_csv", "JSON document"},
		{"NDJSON", "{\"a\":1,\"b\":2}\n{\"a\":3,\"b\":4}\n", "not_csv", "JSON lines"},
		{"PEM", "-----BEGIN CERTIFICATE-----\nMIIB\n", "not_csv", "certificate"},
		{"UTF-16 HTML", "\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00", "not_csv", "HTML"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Detect([]byte(tc.data), true, Options{})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("accepted: %v", err)
			}
			if e.Code != tc.code || !strings.Contains(e.Message, tc.says) || e.Fix == "" {
				t.Errorf("%+v", e)
			}
			if e.Fix[0] < 'A' || e.Fix[0] > 'Z' || e.Error() != e.Message+". "+e.Fix {
				t.Errorf("%q is no sentence", e.Fix)
			}
		})
	}
}

// TestNotRefused: text that only looks like something else at its start.
func TestNotRefused(t *testing.T) {
	for _, text := range []string{
		"{\"a\":1},2\n{\"a\":3},4\n",
		"[id],[name]\n1,Ann\n",
		"MZ,intensity\n100.1,5\n200.2,6\n",
		"BM,x\n1,2\n",
		"<5,1\n<7,2\n<9,3\n",
		"PAR1,PAR2\n1,2\n",
		"a,b\n1,x\x00y\n2,z\n3,w\n4,v\n",
	} {
		if _, err := Detect([]byte(text), true, Options{}); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	// The sample ends inside a long JSON document.
	long := "[" + strings.Repeat("{\"id\": 1, \"name\": \"x\"},\n", 100)
	if _, err := Detect([]byte(long), false, Options{}); err == nil {
		t.Error("the start of a JSON document passed")
	}
}

// TestSampleEnd: a sample that ends within a row does not change what is found.
func TestSampleEnd(t *testing.T) {
	text := "id;name;price;day\n" + rows(200, "%d;\"Name; %d\";%d,5;2024-01-02\n")
	whole, err := Detect([]byte(text), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(text) - 60; cut < len(text); cut++ {
		r, err := Detect([]byte(text[:cut]), false, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Dialect != whole.Dialect {
			t.Fatalf("cut at %d: %+v, whole %+v", cut, r.Dialect, whole.Dialect)
		}
		for i, c := range r.Columns {
			if c.Type.Kind != whole.Columns[i].Type.Kind || c.Nullable {
				t.Fatalf("cut at %d: column %s is %s", cut, c.Name, c.Type)
			}
		}
	}
}

func TestWide(t *testing.T) {
	names := make([]string, 10_000)
	values := make([]string, len(names))
	for i := range names {
		names[i], values[i] = "same", fmt.Sprint(i)
	}
	text := strings.Join(names, ",") + "\n" + strings.Join(values, ",") + "\n" + strings.Join(values, ",") + "\n"
	r, err := Detect([]byte(text), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Names) != len(names) || r.Names[9999] != "same_10000" || r.Dialect.Header != 1 {
		t.Errorf("%d names, last %s, header %d", len(r.Names), r.Names[len(r.Names)-1], r.Dialect.Header)
	}
}

// hostile input is made to be slow; the length is that of a whole sample.
var hostile = map[string]string{
	"opening quotes": ",\"a", "quotes": "\"", "apostrophes": "'a,", "delimiters": ",;\t|:", "lines": "\n\"", "hashes": "#\n",
	"quoted lines": "\"a\n", "backslashes": "\\\"", "brackets": "[", "braces": "{\"a\":", "high bytes": "\xe9,", "spaces": "a  ",
}

// TestSearchIsBounded: quotes that never close are not searched for again and again.
func TestSearchIsBounded(t *testing.T) {
	g := trial{delimiter: ",", quote: '"'}.parse([]byte(strings.Repeat(",\"a", 12_000)))
	if g.opened > maxUnclosed || len(g.rows) != 1 || len(g.rows[0]) != 12_001 {
		t.Errorf("%d searches, %d rows", g.opened, len(g.rows))
	}
}

func TestTooManyColumns(t *testing.T) {
	for name, unit := range hostile {
		r, err := Detect([]byte(strings.Repeat(unit, 100_000/len(unit))), false, Options{})
		if err == nil && len(r.Names) > maxColumns {
			t.Errorf("%s: %d columns", name, len(r.Names))
		}
	}
	_, err := Detect([]byte(strings.Repeat("1,", 50_000)), true, Options{})
	var e *Error
	if !errors.As(err, &e) || e.Code != "not_csv" || !strings.Contains(e.Message, "columns") {
		t.Errorf("%v", err)
	}
}

// TestLongRows: the rows of a wide table do not fit the usual sample.
func TestLongRows(t *testing.T) {
	var text strings.Builder
	for r := range 4 {
		for c := range 10_000 {
			if c > 0 {
				text.WriteByte(';')
			}
			if r == 0 {
				text.WriteString("column_number_")
			}
			fmt.Fprint(&text, c)
		}
		text.WriteByte('\n')
	}
	r, err := Detect([]byte(text.String()), true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Names) != 10_000 || r.Dialect.Delimiter != ";" || r.Dialect.Header != 1 || r.Names[9999] != "column_number_9999" {
		t.Errorf("%d columns, %+v", len(r.Names), r.Dialect)
	}
}

func FuzzDetect(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "sep=", "sep=;\n", "\"", "\"a", "'a','b'\n", "\xff\xfe", "\xff\xfea\x00", "a\rb\r", "#\n#\n", "{", "[", "<", "\x1b$B\x1b(B", "a;b;\n;;\n", "\x82\xa0,\x81", "§\n", "PK\x03\x04", ",\n,\n", "\\\"\\\"\"\n", "1 2\n3 4\n", strings.Repeat(";", 100)} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, b []byte, whole bool) {
		r, err := Detect(b, whole, Options{})
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Code == "" || e.Message == "" || e.Fix == "" {
				t.Fatalf("%q: error %#v", b, err)
			}
			return
		}
		if err := r.Dialect.Validate(); err != nil {
			t.Fatalf("%q: %+v: %v", b, r.Dialect, err)
		}
		if len(r.Columns) != len(r.Names) || len(r.Names) == 0 {
			t.Fatalf("%q: %d names, %d columns", b, len(r.Names), len(r.Columns))
		}
		again, err := Detect(bytes.Clone(b), whole, Options{})
		if err != nil || fmt.Sprint(r) != fmt.Sprint(again) {
			t.Fatalf("%q: not repeatable", b)
		}
	})
}

func BenchmarkDetect(b *testing.B) {
	text := []byte("id,name,city,price,day\n" + rows(5000, "%d,\"Name, %d\",London,%d.25,2024-01-02\n"))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if _, err := Detect(text, true, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDetectHostile(b *testing.B) {
	for name, unit := range hostile {
		text := []byte(strings.Repeat(unit, SampleSize/len(unit)))
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				_, _ = Detect(text, false, Options{})
			}
		})
	}
}

func BenchmarkInference(b *testing.B) {
	values := [][]byte{[]byte("12345"), []byte("12.34"), []byte("2024-01-02 10:11:12"), []byte("2024-01-02"), []byte("true"), []byte("some text here"), []byte("1.234,56")}
	for _, v := range values {
		b.Run(string(v), func(b *testing.B) {
			in := NewInference(Options{})
			b.SetBytes(int64(len(v)))
			b.ReportAllocs()
			line := int64(0)
			for b.Loop() {
				line++
				in.Add(v, false, line)
			}
		})
	}
}
