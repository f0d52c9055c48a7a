package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/plan"
)

func TestDirectUploadAndMetadata(t *testing.T) {
	l := newLab(t)
	up := l.upload("orders.csv", orders(100)).want(http.StatusCreated)
	id := up.string("file_id")
	m := l.get("/sources/csv/" + id + "/metadata").want(http.StatusOK)
	require.Equal(t, up.text, m.text)
	require.Equal(t, "orders.csv", m.string("filename"))
	require.Equal(t, "utf-8", m.string("encoding"))
	require.Equal(t, ",", m.string("dialect", "delimiter"))
	require.InDelta(t, 100, m.number("row_count"), 0)
	require.Equal(t, "complete", m.string("profile", "state"))
	require.Equal(t, "integer", m.string("columns", 0, "type"))
	require.Equal(t, "date", m.string("columns", 3, "type"))
	require.InDelta(t, 100, m.number("columns", 0, "statistics", "distinct"), 0)
	require.NotEmpty(t, m.at("decisions"))
	require.Equal(t, `"2"`, m.header.Get("ETag"))
	list := l.get("/sources/csv").want(http.StatusOK)
	require.Equal(t, id, list.string("items", 0, "file_id"))
	require.InDelta(t, 4, list.number("items", 0, "column_count"), 0)
	// A slash at the end is no other path.
	require.Equal(t, list.text, l.get("/sources/csv/").want(http.StatusOK).text)
}

func TestUploadInParts(t *testing.T) {
	l := newLab(t)
	content := orders(20000)
	created := l.post("/sources/csv/uploads", map[string]any{"filename": "big.csv", "size": len(content)}).want(http.StatusCreated)
	id := created.string("file_id")
	require.InDelta(t, 64<<20, created.number("part_size"), 0)
	require.InDelta(t, 1, created.number("part_count"), 0)
	base := "/sources/csv/uploads/" + id
	require.Equal(t, "upload_incomplete", l.get("/sources/csv/"+id+"/preview").want(http.StatusConflict).problem())
	require.Equal(t, "uploading", l.get("/sources/csv/"+id+"/metadata").want(http.StatusOK).string("profile", "state"))
	missing := l.post(base+"/complete", nil).want(http.StatusConflict)
	require.Equal(t, "parts_missing", missing.problem())
	require.Equal(t, "bad_part_number", l.post(base+"/parts", map[string]any{"part_numbers": []int{2}}).want(http.StatusUnprocessableEntity).problem())
	signed := l.post(base+"/parts", map[string]any{"part_numbers": []int{1}}).want(http.StatusOK)
	req, err := http.NewRequest(http.MethodPut, signed.string("urls", 0, "url"), strings.NewReader(content))
	require.NoError(t, err)
	if headers, ok := signed.at("urls", 0, "headers").(map[string]any); ok {
		for k, v := range headers {
			req.Header.Set(k, v.(string))
		}
	}
	put := l.do(req).want(http.StatusOK)
	arrived := l.get(base + "/parts").want(http.StatusOK)
	require.InDelta(t, len(content), arrived.number("parts", 0, "size"), 0)
	wrong := map[string]any{"parts": []map[string]any{{"part_number": 1, "etag": "nonsense"}}}
	require.Equal(t, "part_differs", l.post(base+"/complete", wrong).want(http.StatusUnprocessableEntity).problem())
	parts := map[string]any{"parts": []map[string]any{{"part_number": 1, "etag": put.header.Get("ETag")}}}
	done := l.post(base+"/complete", parts).want(http.StatusOK)
	require.Equal(t, "complete", done.string("profile", "state"))
	require.Equal(t, done.text, l.post(base+"/complete", parts).want(http.StatusOK).text)
	require.Equal(t, "upload_complete", l.post(base+"/parts", map[string]any{"part_numbers": []int{1}}).want(http.StatusConflict).problem())
	require.Equal(t, "upload_complete", l.send(http.MethodDelete, base, nil).want(http.StatusConflict).problem())
}

// A portal takes a second to set up, so that what leaves nothing behind shares one.
func TestUploads(t *testing.T) {
	l := newLab(t)
	t.Run("no CSV", func(t *testing.T) { testFilesThatAreNoCSV(t, l) })
	t.Run("refusals", func(t *testing.T) { testDirectUploadRefusals(t, l) })
	l.portal.MaxUpload = 0
	t.Run("aborted", func(t *testing.T) { testUploadAborted(t, l) })
	t.Run("part sizes", func(t *testing.T) { testPartSizes(t, l) })
	t.Run("filenames", func(t *testing.T) { testFilenames(t, l) })
}

func testUploadAborted(t *testing.T, l *lab) {
	t.Helper()
	id := l.post("/sources/csv/uploads", map[string]any{"filename": "big.csv", "size": 10}).want(http.StatusCreated).string("file_id")
	l.send(http.MethodDelete, "/sources/csv/uploads/"+id, nil).want(http.StatusNoContent)
	require.Equal(t, "not_found", l.get("/sources/csv/"+id+"/metadata").want(http.StatusNotFound).problem())
}

func testPartSizes(t *testing.T, l *lab) {
	t.Helper()
	for _, tc := range []struct {
		size, part int64
		count      int
	}{
		{1, 64 << 20, 1},
		{64 << 20, 64 << 20, 1},
		{64<<20 + 1, 64 << 20, 2},
		{10 << 30, 64 << 20, 160},
		{900 * (64 << 20), 64 << 20, 900},
		{900*(64<<20) + 1, 65 << 20, 887},
		{1 << 40, 1166 << 20, 900},
	} {
		got := l.post("/sources/csv/uploads", map[string]any{"filename": "a.csv", "size": tc.size}).want(http.StatusCreated)
		require.InDelta(t, float64(tc.part), got.number("part_size"), 0, tc.size)
		require.InDelta(t, float64(tc.count), got.number("part_count"), 0, tc.size)
	}
}

func testFilesThatAreNoCSV(t *testing.T, l *lab) {
	t.Helper()
	for _, tc := range []struct{ name, content, code string }{
		{"empty", "", "empty_file"},
		{"PNG", "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR", "binary_file"},
		{"PDF", "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "binary_file"},
		{"gzip", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03abc", "binary_file"},
		{"spreadsheet", "PK\x03\x04\x14\x00\x06\x00[Content_Types].xml xl/workbook.xml", "binary_file"},
		{"SQLite", "SQLite format 3\x00\x10\x00", "binary_file"},
		{"page", "<!DOCTYPE html>\n<html><head><title>404</title></head><body>Not found</body></html>\n", "not_csv"},
		{"JSON", `{"error": "not found", "status": 404}`, "not_csv"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := l.upload(tc.name+".csv", tc.content)
			require.Equal(t, http.StatusUnprocessableEntity, r.status, r.text)
			require.Equal(t, tc.code, r.problem())
			require.NotContains(t, r.string("fix"), "--", "the API has no flags")
		})
	}
	require.Empty(t, l.get("/sources/csv").want(http.StatusOK).at("items"), "nothing is kept")
}

func testFilenames(t *testing.T, l *lab) {
	t.Helper()
	for _, name := range []string{"", "  ", "../x.csv", `a\b.csv`, "..", strings.Repeat("x", 300), "a\u202ecsv.exe", "a\x01.csv", "a\u200b.csv"} {
		r := l.post("/sources/csv/uploads", map[string]any{"filename": name, "size": 5})
		require.Equal(t, http.StatusUnprocessableEntity, r.status, "%q: %s", name, r.text)
		require.Equal(t, "bad_filename", r.problem(), name)
	}
	l.post("/sources/csv/uploads", map[string]any{"filename": "Über 1 (наш) 数.csv", "size": 5}).want(http.StatusCreated)
}

func testDirectUploadRefusals(t *testing.T, l *lab) {
	t.Helper()
	form := func(write func(*multipart.Writer)) *reply {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		write(w)
		require.NoError(t, w.Close())
		return l.send(http.MethodPost, "/sources/csv/upload", b.Bytes(), "Content-Type", w.FormDataContentType())
	}
	require.Equal(t, "missing_field", form(func(*multipart.Writer) {}).want(http.StatusUnprocessableEntity).problem())
	require.Equal(t, "unknown_field", form(func(w *multipart.Writer) { _ = w.WriteField("data", "x") }).want(http.StatusUnprocessableEntity).problem())
	require.Equal(t, "missing_field", form(func(w *multipart.Writer) { _ = w.WriteField("file", "a,b\n1,2\n") }).want(http.StatusUnprocessableEntity).problem())
	require.Equal(t, "unsupported_media", l.post("/sources/csv/upload", "a,b\n1,2\n", "Content-Type", "text/csv").want(http.StatusUnsupportedMediaType).problem())
	require.Equal(t, "unsupported_media", l.post("/sources/csv/upload", nil).want(http.StatusUnsupportedMediaType).problem())
	broken := "--xx\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\na,b\n1,2\n"
	require.Equal(t, "body_interrupted", l.post("/sources/csv/upload", broken, "Content-Type", "multipart/form-data; boundary=xx").want(http.StatusBadRequest).problem())
	l.portal.MaxUpload = 100
	require.Equal(t, "too_large", l.upload("a.csv", orders(100)).want(http.StatusRequestEntityTooLarge).problem())
	require.Empty(t, l.get("/sources/csv").want(http.StatusOK).at("items"), "nothing is kept")
}

func TestPreview(t *testing.T) {
	l := newLab(t)
	id := l.file("id,note\n1,a\n\n2,\"\"\n3,\n4,NULL\n\"5\nx\",e\n6,f,g\n")
	p := l.get("/sources/csv/" + id + "/preview").want(http.StatusOK)
	require.JSONEq(t, `["id","note"]`, toJSON(t, p.at("columns")))
	require.JSONEq(t, `[["1","a"],["2",""],["3",null],["4","NULL"],["5\nx","e"],["6","f","g"]]`, toJSON(t, p.at("rows")))
	require.JSONEq(t, `[2,4,5,6,7,9]`, toJSON(t, p.at("lines")))
	require.InDelta(t, 5, p.number("bad_rows", 0, "row"), 0)
	require.Nil(t, p.at("next_offset"))
	// Pages neither overlap nor leave anything out.
	var seen []string
	for next := any(0.0); next != nil; {
		page := l.get(fmt.Sprintf("/sources/csv/%s/preview?offset=%d&limit=2", id, int(next.(float64)))).want(http.StatusOK)
		for _, row := range page.at("rows").([]any) {
			seen = append(seen, toJSON(t, row))
		}
		next = page.at("next_offset")
	}
	require.Len(t, seen, 6)
	require.Empty(t, l.get("/sources/csv/"+id+"/preview?offset=1000").want(http.StatusOK).at("rows"))
}

func TestPreviewCountsDataRows(t *testing.T) {
	l := newLab(t)
	var b strings.Builder
	b.WriteString("\nid,customer,amount,day\n")
	const rows = 9000
	for i := range rows {
		b.WriteString(strings.Repeat("\n", i%3*(i%2)))
		fmt.Fprintf(&b, "%d,\"Customer\n%d\",%d.50,2024-01-%02d\n", i, i%7, i, i%28+1)
	}
	b.WriteString("\n\n")
	content := b.String()
	id := l.file(content)
	at := "/sources/csv/" + id
	m := l.get(at + "/metadata").want(http.StatusOK)
	require.Equal(t, "complete", m.string("profile", "state"))
	require.InDelta(t, rows, m.number("row_count"), 0)
	src, err := l.store.Source(t.Context(), id)
	require.NoError(t, err)
	spans, err := plan.Split(t.Context(), strings.NewReader(content), int64(len(content)), src.Encoding, src.Dialect, plan.Options{RangeSize: 16 << 10})
	require.NoError(t, err)
	require.Greater(t, len(spans), 10)
	require.NoError(t, l.store.SaveSpans(t.Context(), id, spans))
	// Far first, then what comes before and after it.
	for _, offset := range []int{8000, 0, 1, 4711, 7999, 8990, 8999, 9000, 9005} {
		p := l.get(fmt.Sprintf("%s/preview?offset=%d&limit=10", at, offset)).want(http.StatusOK)
		require.InDelta(t, rows, p.number("total_rows"), 0)
		require.Len(t, p.at("rows"), max(0, min(10, rows-offset)), offset)
		for i := range p.at("rows").([]any) {
			require.Equal(t, fmt.Sprint(offset+i), p.string("rows", i, 0))
		}
		if offset+10 < rows {
			require.InDelta(t, offset+10, p.number("next_offset"), 0)
		} else {
			require.Nil(t, p.at("next_offset"), offset)
		}
	}
}

func TestUploadOfTwoParts(t *testing.T) {
	l := newLab(t)
	for _, second := range []string{"file", "note"} {
		var b bytes.Buffer
		w := multipart.NewWriter(&b)
		for _, field := range []string{"file", second} {
			part, err := w.CreateFormFile(field, "a.csv")
			require.NoError(t, err)
			_, err = part.Write([]byte("id,name\n1,a\n2,b\n"))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		r := l.send(http.MethodPost, "/sources/csv/upload", b.Bytes(), "Content-Type", w.FormDataContentType()).want(http.StatusBadRequest)
		require.Equal(t, "bad_multipart", r.problem())
		require.Contains(t, r.text, "more than one part")
	}
	require.Empty(t, l.get("/sources/csv").want(http.StatusOK).at("items"))
}

func TestPreviewThroughTheIndex(t *testing.T) {
	l := newLab(t)
	content := orders(60000)
	require.Greater(t, len(content), 2<<20)
	id := l.file(content)
	at := "/sources/csv/" + id
	require.Equal(t, "sampled", l.get(at+"/metadata").want(http.StatusOK).string("profile", "state"))
	require.Equal(t, "1", l.get(at+"/preview?limit=1").want(http.StatusOK).string("rows", 0, 0), "the sample is there at once")
	early := l.get(at + "/preview?offset=59990").want(http.StatusConflict)
	require.Equal(t, "profile_running", early.problem())
	require.NotEmpty(t, early.header.Get("Retry-After"))
	require.NotContains(t, l.log.String(), `"level":"ERROR"`, "there is nothing to mend")
	l.index(id, content)
	for _, offset := range []int{0, 1, 12345, 30000, 59989, 59999} {
		p := l.get(fmt.Sprintf("%s/preview?offset=%d&limit=10", at, offset)).want(http.StatusOK)
		require.Equal(t, fmt.Sprint(offset+1), p.string("rows", 0, 0))
		require.InDelta(t, offset+2, p.number("lines", 0), 0)
		require.Len(t, p.at("rows"), min(10, 60000-offset))
		require.Equal(t, offset+10 >= 60000, p.at("next_offset") == nil, offset)
	}
}

// index does what the background profile does, with many small spans.
func (l *lab) index(id, content string) {
	l.t.Helper()
	src, err := l.store.Source(l.t.Context(), id)
	require.NoError(l.t, err)
	spans, err := plan.Split(l.t.Context(), strings.NewReader(content), int64(len(content)), src.Encoding, src.Dialect, plan.Options{RangeSize: 64 << 10})
	require.NoError(l.t, err)
	require.Greater(l.t, len(spans), 20)
	require.NoError(l.t, l.store.SaveSpans(l.t.Context(), id, spans))
	src.State = etl.SourceComplete
	_, err = l.store.UpdateSource(l.t.Context(), src)
	require.NoError(l.t, err)
}

func TestPatchSource(t *testing.T) {
	l := newLab(t)
	id := l.file("id;zip\n1;00123\n2;10115\n")
	at := "/sources/csv/" + id
	r := l.send(http.MethodPatch, at, map[string]any{"types": map[string]string{"zip": "integer"}, "null_values": []string{"-"}}).want(http.StatusOK)
	require.Equal(t, "integer", r.string("columns", 1, "type"))
	require.Equal(t, "integer", r.string("overrides", "types", "zip"))
	tag := r.header.Get("ETag")
	r = l.send(http.MethodPatch, at, map[string]any{"dialect": map[string]any{"header": false}, "types": map[string]string{}}, "If-Match", tag).want(http.StatusOK)
	require.InDelta(t, 3, r.number("row_count"), 0)
	require.Equal(t, "column_1", r.string("columns", 0, "name"))
	require.Equal(t, "version_conflict", l.send(http.MethodPatch, at, map[string]any{"encoding": "utf-8"}, "If-Match", tag).want(http.StatusPreconditionFailed).problem())
	for body, code := range map[string]string{
		`{"types":{"nope":"integer"}}`:                "unknown_column",
		`{"types":{"column_1":"numeric(9"}}`:          "bad_override",
		`{"encoding":"klingon"}`:                      "bad_override",
		`{"dialect":{"delimiter":"\n"}}`:              "bad_option",
		`{"dialect":{"delimiter":""}}`:                "bad_override",
		`{"dialect":{"quote":"é"}}`:                   "bad_override",
		`{"dialect":{"header":true,"header_rows":0}}`: "bad_override",
		`{"dialect":{"quot":"x"}}`:                    "unknown_field",
		`{"timezone":"Mars/Base"}`:                    "bad_override",
		`{"timezone":" "}`:                            "bad_override",
		`{"encoding":" "}`:                            "bad_override",
		`{"date_order":"ydm"}`:                        "bad_value",
		`{"decimal":" "}`:                             "bad_value",
		`{"types":{"column_1":null}}`:                 "bad_value",
	} {
		p := l.send(http.MethodPatch, at, body).want(http.StatusUnprocessableEntity)
		require.Equal(t, code, p.problem(), body)
	}
	require.InDelta(t, 3, l.get(at+"/metadata").number("row_count"), 0, "what was refused changed nothing")
}

func TestOverridesAreTakenBack(t *testing.T) {
	l := newLab(t)
	at := "/sources/csv/" + l.file("id;day;sum;note\n1;01/02/2024;1,234;NA\n2;03/04/2024;5,678;x\n3;05/06/2024;9,012;y\n")
	// known is the metadata without what every change changes.
	known := func(r *reply) map[string]any {
		r.want(http.StatusOK)
		for _, key := range []string{"version", "updated_at"} {
			require.Contains(t, r.body, key)
			delete(r.body, key)
		}
		return r.body
	}
	found := known(l.get(at + "/metadata"))
	require.NotContains(t, found, "overrides")
	for _, tc := range []struct {
		field string
		given any
		// read is where the correction shows, beside the overrides.
		read  []any
		want  any
		empty string
	}{
		{"encoding", "windows-1252", []any{"encoding"}, "windows-1252", `""`},
		{"dialect", map[string]any{"delimiter": ","}, []any{"dialect", "delimiter"}, ",", `{}`},
		{"types", map[string]any{"id": "text"}, []any{"columns", 0, "type"}, "text", `{}`},
		{"null_values", []any{"NA"}, []any{"columns", 3, "null_values"}, []any{"NA"}, `[]`},
		{"date_order", "dmy", []any{"columns", 1, "ambiguous"}, nil, `""`},
		{"decimal", "comma", []any{"columns", 2, "type"}, "numeric(4,3)", `""`},
		{"timezone", "Europe/Berlin", []any{"overrides", "timezone"}, "Europe/Berlin", `""`},
	} {
		for _, back := range []string{"null", tc.empty} {
			change := fmt.Sprintf(`{%q:%s}`, tc.field, toJSON(t, tc.given))
			r := l.send(http.MethodPatch, at, change).want(http.StatusOK)
			require.Equal(t, map[string]any{tc.field: tc.given}, r.at("overrides"), change)
			require.Equal(t, tc.want, r.at(tc.read...), change)
			given := known(r)
			require.NotEqual(t, found, given, change)
			require.Equal(t, given, known(l.send(http.MethodPatch, at, `{}`)), "what is absent stays as it is")
			require.Equal(t, given, known(l.get(at+"/metadata")))
			change = fmt.Sprintf(`{%q:%s}`, tc.field, back)
			require.Equal(t, found, known(l.send(http.MethodPatch, at, change)), change)
			require.Equal(t, found, known(l.get(at+"/metadata")), change)
			require.Equal(t, found, known(l.send(http.MethodPatch, at, change)), "what was not given is taken back, too: %s", change)
		}
	}
	all := `{"encoding":"windows-1252","dialect":{"header":false},"types":{"column_1":"text"},"null_values":[""],"date_order":"mdy","decimal":"point","timezone":"UTC"}`
	l.send(http.MethodPatch, at, all).want(http.StatusOK)
	r := l.send(http.MethodPatch, at, `{"dialect":null,"types":null,"date_order":"","decimal":null,"timezone":""}`).want(http.StatusOK)
	require.Equal(t, map[string]any{"encoding": "windows-1252", "null_values": []any{""}}, r.at("overrides"))
	require.Equal(t, found, known(l.send(http.MethodPatch, at, `{"encoding":null,"null_values":null}`)))
}

// A number is NULL by the words found; that none is, can be said.
func TestNoNullWord(t *testing.T) {
	l := newLab(t)
	at := "/sources/csv/" + l.file("id,n\n1,5\n2,NA\n3,7\n")
	found := l.get(at + "/metadata").want(http.StatusOK)
	require.Equal(t, "integer", found.string("columns", 1, "type"))
	require.Equal(t, []any{"NA"}, found.at("columns", 1, "null_values"))
	none := l.send(http.MethodPatch, at, `{"null_values":[""]}`).want(http.StatusOK)
	require.Equal(t, "text", none.string("columns", 1, "type"))
	require.Nil(t, none.at("columns", 1, "null_values"))
	back := l.send(http.MethodPatch, at, `{"null_values":[]}`).want(http.StatusOK)
	require.Equal(t, found.at("columns"), back.at("columns"))
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}
