package api_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMappingTried(t *testing.T) {
	l := newLab(t)
	file := l.file("id,name,amount,day\n1,ann,10.50,2024-01-01\n2,,oops,2024-01-02\n3,cid,30,2024-01-03\n4,dan\n5,eve,-5,2024-01-05\n")
	body := map[string]any{
		"file_id": file, "filter": "id != 3", "limit": 4,
		"column_mappings": []map[string]any{
			{"source": "name", "destination": "name", "transformations": []map[string]any{{"fn": "UPPER"}}, "required": true},
			{"destination": "broken", "expression": "amount *\n  nme"},
			{"source": "amount", "destination": "amount", "type": "numeric(10,2)"},
			{"destination": "next", "expression": "id + 1"},
			{"source": "nope", "destination": "other"},
		},
	}
	r := l.post("/jobs/preview", body).want(http.StatusOK)
	require.Equal(t, []any{"id", "name", "amount", "day"}, r.at("sources"))
	require.Equal(t, "numeric(10,2)", r.string("columns", 2, "type"))
	problem := r.at("columns", 1, "error").(map[string]any)
	require.Equal(t, "body.column_mappings[1].expression", problem["location"])
	require.Equal(t, "expression_error", problem["code"])
	require.Equal(t, map[string]any{"line": 2.0, "column": 3.0, "length": 3.0}, problem["position"])
	require.Equal(t, "Did you mean name?", problem["fix"])
	require.Equal(t, "body.column_mappings[4].source", r.string("columns", 4, "error", "location"))
	require.Len(t, r.at("rows"), 4)
	require.Equal(t, []any{"ANN", nil, "10.50", "2", nil}, r.at("rows", 0, "values"))
	require.Equal(t, "loaded", r.string("rows", 0, "result"))
	require.Equal(t, "rejected", r.string("rows", 1, "result"))
	require.Equal(t, []any{"2", nil, "oops", "2024-01-02"}, r.at("rows", 1, "source"))
	require.Equal(t, []any{nil, nil, nil, "3", nil}, r.at("rows", 1, "values"))
	require.Len(t, r.at("rows", 1, "errors"), 2, "each cell tells its own: %s", r.text)
	require.InDelta(t, 0, r.number("rows", 1, "errors", 0, "column_index"), 0)
	require.Equal(t, "oops", r.string("rows", 1, "errors", 1, "value"))
	require.Equal(t, "filtered", r.string("rows", 2, "result"))
	require.Equal(t, "rejected", r.string("rows", 3, "result"))
	require.Equal(t, "field_count", r.string("rows", 3, "errors", 0, "code"))
	require.InDelta(t, 4, r.number("next_offset"), 0)
	body["offset"] = 4
	require.Equal(t, "6", l.post("/jobs/preview", body).want(http.StatusOK).string("rows", 0, "values", 3))

	// Nothing mapped, a filter that cannot be, types of a table.
	r = l.post("/jobs/preview", map[string]any{"file_id": file, "filter": "amount >"}).want(http.StatusOK)
	require.Equal(t, "body.filter", r.string("filter_error", "location"))
	require.InDelta(t, 1, r.number("filter_error", "position", "line"), 0)
	require.Len(t, r.at("rows"), 5)
	target := []map[string]any{{"name": "a", "type": "smallint", "required": true}, {"name": "b", "type": "text", "required": true}}
	r = l.post("/jobs/preview", map[string]any{"file_id": file, "target_columns": target, "column_mappings": mapping("amount", "a", "id", "gone")}).want(http.StatusOK)
	require.Equal(t, "smallint", r.string("columns", 0, "type"))
	require.Equal(t, "rejected", r.string("rows", 0, "result"), "10.50 is no whole number: %s", r.text)
	require.Equal(t, "30", r.string("rows", 2, "values", 0))
	require.Equal(t, "body.column_mappings[1].destination", r.string("columns", 1, "error", "location"), r.text)
	target[0]["type"] = "numeric(x)"
	require.Equal(t, "bad_type", l.post("/jobs/preview", map[string]any{"file_id": file, "target_columns": target}).want(http.StatusUnprocessableEntity).problem())
}

func TestTypesTried(t *testing.T) {
	l := newLab(t)
	file := l.file("id,amount,day\n1,10,01/02/2024\n2,20,03/04/2024\n3,n/a,05/06/2024\n4,40.5,07/08/2024\n")
	at := "/sources/csv/" + file + "/fits"
	r := l.post(at, map[string]any{"column": "amount"}).want(http.StatusOK)
	fits := map[string]map[string]any{}
	for _, c := range r.at("choices").([]any) {
		c := c.(map[string]any)
		if c["format"] == nil {
			fits[c["type"].(string)] = c
		}
	}
	require.Equal(t, true, fits["numeric"]["fits"], r.text)
	require.Equal(t, false, fits["integer"]["fits"])
	require.Equal(t, map[string]any{"line": 5.0, "value": "40.5"}, pick(fits["integer"]["counter_example"], "line", "value"))
	require.Equal(t, true, fits["text"]["fits"])
	require.InDelta(t, 4, fits["date"]["rejected"].(float64), 1)
	require.Equal(t, true, r.at("complete"))
	r = l.post(at, map[string]any{"column": "day", "choices": []map[string]any{{"type": "date", "format": "DD/MM/YYYY"}, {"type": "date"}, {"type": "numeric(x)"}}}).want(http.StatusOK)
	require.Equal(t, true, r.at("choices", 0, "fits"), r.text)
	require.NotEmpty(t, r.string("choices", 2, "error"))
	require.Equal(t, "unknown_column", l.post(at, map[string]any{"column": "nope"}).want(http.StatusUnprocessableEntity).problem())
}

func TestHistograms(t *testing.T) {
	l := newLab(t)
	file := l.file("n,price,day,at,name,none\n1,0.5,2024-01-01,2024-01-01 00:00:00,a,\n2,1.5,2024-01-02,2024-01-01 12:00:00,b,\n10,9.5,2024-01-31,2024-01-02 00:00:00,c,\n,4.5,2024-01-31,2024-01-02 00:00:00,d,\n")
	r := l.get("/sources/csv/" + file + "/histograms?bins=3").want(http.StatusOK)
	require.Equal(t, []any{true, 4.0}, []any{r.at("complete"), r.at("rows")})
	require.Len(t, r.at("columns"), 4, r.text)
	bin := func(from, to string, count float64) any {
		return map[string]any{"from": from, "to": to, "count": count}
	}
	require.Equal(t, []any{bin("1", "5", 2), bin("5", "9", 0), bin("9", "13", 1)}, r.at("columns", 0, "bins"))
	require.Equal(t, []any{bin("0.5", "3.5", 2), bin("3.5", "6.5", 1), bin("6.5", "9.5", 1)}, r.at("columns", 1, "bins"))
	require.Equal(t, []any{bin("2024-01-01", "2024-01-12", 2), bin("2024-01-12", "2024-01-23", 0), bin("2024-01-23", "2024-02-03", 2)}, r.at("columns", 2, "bins"))
	require.Equal(t, "2024-01-01 00:00:00", r.string("columns", 3, "bins", 0, "from"))
	one := l.get("/sources/csv/" + l.file("n,m\n5,x\n5,y\n") + "/histograms").want(http.StatusOK)
	require.Equal(t, []any{bin("5", "6", 2)}, one.at("columns", 0, "bins"))
	require.Empty(t, l.get("/sources/csv/"+l.file("a,b\nx,y\nz,w\n")+"/histograms").want(http.StatusOK).at("columns"))
}

func pick(v any, keys ...string) map[string]any {
	out := map[string]any{}
	for _, k := range keys {
		out[k] = v.(map[string]any)[k]
	}
	return out
}
