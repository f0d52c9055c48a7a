package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"

	"github.com/etlportal/etlportal/internal/workflow"
)

func inspect(t *testing.T, path string, more ...string) workflow.View {
	t.Helper()
	o := etlportal(t, append([]string{"inspect", path, "--format", "json"}, more...)...)
	require.Equal(t, exitDone, o.code, o.err)
	var v workflow.View
	require.NoError(t, json.Unmarshal([]byte(o.out), &v))
	require.Equal(t, 1, strings.Count(o.out, "\n"), "one object, one line")
	return v
}

func TestInspectTypes(t *testing.T) {
	v := inspect(t, file(t, "a.csv", `id,big,zip,price,flag,day,at,atz,note,gap
1,5000000000,00123,12.50,true,2024-01-31,2024-01-31 10:00:00,2024-01-31T10:00:00+02:00,a,
2,1,99999,1.5,false,2024-02-01,2024-02-01 11:30:00,2024-02-01T00:00:00Z,b,7
3,2,10115,1000.25,true,2024-03-01,2024-03-01 12:00:00,2024-03-01T00:00:00Z,b,
`))
	types := map[string]string{}
	for _, c := range v.Columns {
		types[c.Name] = c.Type
		require.NotNil(t, c.Statistics)
		require.Greater(t, c.Confidence, 0.0)
	}
	require.Equal(t, map[string]string{
		"id": "integer", "big": "bigint", "zip": "text", "price": "numeric(6,2)", "flag": "boolean",
		"day": "date", "at": "timestamp", "atz": "timestamptz", "note": "text", "gap": "integer",
	}, types)
	require.Equal(t, int64(3), v.RowCount)
	require.Equal(t, "complete", v.Profile.State)
	require.True(t, v.Dialect.Header)
	require.True(t, v.Columns[9].Nullable)
	require.Equal(t, int64(2), v.Columns[9].Statistics.Nulls)
	require.Contains(t, strings.Join(v.Columns[2].Evidence, " "), "line 2")
}

func TestInspectEncodings(t *testing.T) {
	const japaneseText = "番号,名前,住所\n1,山田太郎,東京都千代田区丸の内\n2,佐藤花子,大阪府大阪市北区梅田\n3,鈴木一郎,愛知県名古屋市中村区\n"
	const chineseText = "编号,姓名,地址\n1,张伟,北京市朝阳区建国路\n2,王芳,上海市浦东新区世纪大道\n3,李娜,广州市天河区体育西路\n"
	const koreanText = "번호,이름,주소\n1,김철수,서울특별시 강남구 테헤란로\n2,이영희,부산광역시 해운대구 우동\n3,박민수,대구광역시 중구 동성로\n"
	const western = "Nr,Name,Straße\n1,Jürgen Müller,Königsallee 5\n2,François Dupré,Rue de l’Église\n3,José Núñez,Calle Peñón\n"
	const euro = "Nr,Name,Preis\n1,Jürgen,12 €\n2,Œuvre,7 €\n3,Šárka,99 €\n"
	cases := []struct {
		want, text string
		enc        encoding.Encoding
	}{
		{"utf-8", western, unicode.UTF8},
		{"utf-8", western, unicode.UTF8BOM},
		{"utf-16le", western, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)},
		{"utf-16be", western, unicode.UTF16(unicode.BigEndian, unicode.UseBOM)},
		{"utf-16le", western, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
		{"utf-16be", western, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
		{"windows-1252", western, charmap.Windows1252},
		{"iso-8859-15", euro, charmap.ISO8859_15},
		{"shift_jis", japaneseText, japanese.ShiftJIS},
		{"gb18030", chineseText, simplifiedchinese.GB18030},
		{"euc-kr", koreanText, korean.EUCKR},
	}
	for _, c := range cases {
		t.Run(c.want, func(t *testing.T) {
			raw, err := c.enc.NewEncoder().String(c.text)
			require.NoError(t, err)
			path := file(t, "a.csv", raw)
			v := inspect(t, path)
			require.Equal(t, c.want, v.Encoding)
			require.Equal(t, int64(3), v.RowCount)
			o := etlportal(t, "cat", path)
			require.Equal(t, exitDone, o.code, o.err)
			require.Equal(t, c.text, o.out)
		})
	}
}

func TestInspectDialects(t *testing.T) {
	cases := []struct {
		name, text string
		check      func(*testing.T, workflow.View)
	}{
		{"semicolon and decimal comma", "a;b\n1,5;x\n2,75;y\n", func(t *testing.T, v workflow.View) {
			t.Helper()
			require.Equal(t, ";", v.Dialect.Delimiter)
			require.Equal(t, "numeric(3,2)", v.Columns[0].Type)
		}},
		{"tab", "a\tb\n1\tx, y\n2\ty, z\n", func(t *testing.T, v workflow.View) { t.Helper(); require.Equal(t, "\t", v.Dialect.Delimiter) }},
		{"pipe", "a|b|c\n1|x|2\n2|y|3\n", func(t *testing.T, v workflow.View) { t.Helper(); require.Equal(t, "|", v.Dialect.Delimiter) }},
		{"preamble", "Report of 2024\n\nid,name,amount\n1,a,2.50\n2,b,3.50\n3,c,4.50\n", func(t *testing.T, v workflow.View) {
			t.Helper()
			require.Equal(t, "id", v.Columns[0].Name)
			require.Equal(t, int64(3), v.RowCount)
		}},
		{"no header", "1,2024-01-01,x\n2,2024-01-02,y\n3,2024-01-03,z\n", func(t *testing.T, v workflow.View) {
			t.Helper()
			require.False(t, v.Dialect.Header)
			require.Equal(t, int64(3), v.RowCount)
		}},
		{"sep=", "sep=;\na;b\n1;2\n", func(t *testing.T, v workflow.View) {
			t.Helper()
			require.Equal(t, ";", v.Dialect.Delimiter)
			require.Equal(t, "a", v.Columns[0].Name)
		}},
		{"CR only", "a,b\r1,2\r3,4\r", func(t *testing.T, v workflow.View) { t.Helper(); require.Equal(t, int64(2), v.RowCount) }},
		{"backslash", "a,b\n\"x \\\"y\\\" z\",1\n\"p \\\"q\\\"\",2\n\"r\",3\n", func(t *testing.T, v workflow.View) { t.Helper(); require.Equal(t, "\\", v.Dialect.Escape) }},
		{"trailing delimiter", "a,b,\n1,2,\n3,4,\n", func(t *testing.T, v workflow.View) { t.Helper(); require.Len(t, v.Columns, 2) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { c.check(t, inspect(t, file(t, "a.csv", c.text))) })
	}
}

func TestEveryDecisionCanBeOverridden(t *testing.T) {
	path := file(t, "a.csv", "x~|~y\n1~|~'a'\n#2~|~b\n")
	v := inspect(t, path, "--delimiter", "~|~", "--no-header", "--quote", "'", "--comment", "none", "--encoding", "iso-8859-1", "--type", "column_1=text")
	require.Equal(t, "~|~", v.Dialect.Delimiter)
	require.Equal(t, "'", v.Dialect.Quote)
	require.Equal(t, "iso-8859-1", v.Encoding)
	require.False(t, v.Dialect.Header)
	require.Equal(t, int64(3), v.RowCount)
	require.Equal(t, "text", v.Columns[0].Type)
	v = inspect(t, path, "--delimiter", "~|~", "--skip-lines", "1", "--header-rows", "1", "--comment", "#")
	require.Equal(t, "1", v.Columns[0].Name)
	require.Equal(t, int64(0), v.RowCount)
	for _, d := range v.Decisions {
		if d.What == "delimiter" {
			require.InDelta(t, 1, d.Confidence, 0)
			require.Contains(t, strings.Join(d.Evidence, " "), "given")
		}
	}
}

// A row with too many or too few fields says nothing about the columns.
func TestRaggedRowsDoNotDecideTypes(t *testing.T) {
	path := file(t, "a.csv", "id,n,day\n1,10,2024-01-01\n2,1,000,2024-01-02\n3,30\n4,40,2024-01-04\n5,50,2024-01-05,\n")
	v := inspect(t, path)
	require.Equal(t, "integer", v.Columns[1].Type)
	require.Equal(t, "date", v.Columns[2].Type)
	require.Equal(t, int64(2), v.BadRows.Count)
	require.Equal(t, int64(3), v.BadRows.Line)
	require.Equal(t, int64(5), v.RowCount)
}

func TestInspectHuman(t *testing.T) {
	o := etlportal(t, "inspect", file(t, "a.csv", "id,day\n1,03/04/2024\n2,05/06/2024\n"))
	require.Equal(t, exitDone, o.code)
	for _, want := range []string{"2 rows, 2 columns", "encoding", "utf-8", "delimiter", "integer", "--date-order"} {
		require.Contains(t, o.out, want)
	}
}

func TestCat(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"dialect", "a;'b'\n1;'x;y'\n2;'it''s'\n3;'say \"hi\"'\n", "a,b\n1,x;y\n2,it's\n3,\"say \"\"hi\"\"\"\n"},
		{"newlines", "a,b\r\n1,\"x\ny\"\r\n2,z", "a,b\n1,\"x\ny\"\n2,z\n"},
		{"blank lines", "a,b\n\n1,2\n\n", "a,b\n1,2\n"},
		{"ragged", "a,b,c\n1,2\n1,2,3,4\n1,2,3\n1,2,3\n", "a,b,c\n1,2\n1,2,3,4\n1,2,3\n1,2,3\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			o := etlportal(t, "cat", file(t, "a.csv", c.text))
			require.Equal(t, exitDone, o.code, o.err)
			require.Equal(t, c.want, o.out)
			again := etlportal(t, "cat", file(t, "b.csv", o.out))
			require.Equal(t, o.out, again.out)
			piped := etlportalIn(t, []byte(c.text), "cat", "-")
			require.Equal(t, o.out, piped.out)
		})
	}
}

func TestSchemaMappingIsJSON(t *testing.T) {
	o := etlportal(t, "schema", "mapping")
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(o.out), &v))
	require.Contains(t, v, "$schema")
	require.Contains(t, v["properties"], "columns")
}
