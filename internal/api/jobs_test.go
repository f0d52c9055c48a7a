package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const ordersTable = `CREATE TABLE orders (id bigint PRIMARY KEY, customer text NOT NULL, amount numeric(12,2), day date, twice numeric GENERATED ALWAYS AS (amount * 2) STORED)`

// jobBody is a job over a file and the table orders.
func jobBody(file string, credential int64, change map[string]any) map[string]any {
	body := map[string]any{"name": "load orders", "file_id": file, "credential_id": credential, "table": "orders"}
	maps.Copy(body, change)
	return body
}

func mapping(pairs ...string) []map[string]any {
	var out []map[string]any
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, map[string]any{"source": pairs[i], "destination": pairs[i+1]})
	}
	return out
}

func TestJobs(t *testing.T) {
	l := newLab(t)
	l.database(ordersTable)
	file, credential := l.file(orders(10)), l.credential()
	suggestion := l.post("/jobs/suggest", map[string]any{"file_id": file, "credential_id": credential, "table": "orders"}).want(http.StatusOK)
	require.Len(t, suggestion.at("column_mappings"), 4)
	require.Empty(t, suggestion.at("unmatched_sources"))
	require.InDelta(t, 1, suggestion.number("matches", 0, "score"), 0)
	require.Equal(t, []any{"same name", "integer", "bigint"}, []any{suggestion.at("matches", 0, "reason"), suggestion.at("matches", 0, "source_type"), suggestion.at("matches", 0, "destination_type")})
	other := l.file("ID,cust,amt,customer_name\n1,a,1.5,b\n2,b,2.5,c\n")
	guessed := l.post("/jobs/suggest", map[string]any{"file_id": other, "credential_id": credential, "table": "orders"}).want(http.StatusOK)
	require.Len(t, guessed.at("column_mappings"), 1, guessed.text)
	require.Equal(t, []any{"cust", "amt", "customer_name"}, guessed.at("unmatched_sources"))
	require.Equal(t, []any{"cust", "customer"}, []any{guessed.at("candidates", 0, "source"), guessed.at("candidates", 0, "destination")}, guessed.text)
	require.Len(t, guessed.at("candidates"), 3, guessed.text)
	checked := l.post("/jobs/validate", jobBody(file, credential, nil)).want(http.StatusOK)
	require.Contains(t, checked.string("ddl"), "CREATE TABLE public.orders")
	trial := l.post("/jobs/dry-run", jobBody(file, credential, map[string]any{"filter": "id > 4"})).want(http.StatusOK)
	require.InDelta(t, 4, trial.number("counts", "rows_filtered"), 0, trial.text)
	require.InDelta(t, 6, trial.number("counts", "rows_inserted"), 0, trial.text)
	require.Nil(t, trial.at("error"), trial.text)
	require.Empty(t, l.get("/jobs").want(http.StatusOK).at("items"))
	created := l.post("/jobs", jobBody(file, credential, map[string]any{"load_strategy": "UPSERT", "upsert_keys": []string{"id"}, "filter": "amount > 1"})).want(http.StatusCreated)
	require.Len(t, created.at("column_mappings"), 4)
	at := fmt.Sprintf("/jobs/%d", int(created.number("id")))
	require.Equal(t, "UPSERT", l.get(at).want(http.StatusOK).string("load_strategy"))
	require.Equal(t, "duplicate_name", l.post("/jobs", jobBody(file, credential, nil)).want(http.StatusConflict).problem())
	tag := created.header.Get("ETag")
	put := l.send(http.MethodPut, at, jobBody(file, credential, map[string]any{"name": "renamed"}), "If-Match", tag).want(http.StatusOK)
	require.Equal(t, "renamed", put.string("name"))
	require.Equal(t, "version_conflict", l.send(http.MethodPut, at, jobBody(file, credential, nil), "If-Match", tag).want(http.StatusPreconditionFailed).problem())
	versions := l.get(at + "/versions").want(http.StatusOK)
	require.Len(t, versions.at("items"), 2)
	require.Equal(t, "load orders", versions.string("items", 1, "name"))

	trial = l.post(at+"/dry-run", nil).want(http.StatusOK)
	require.InDelta(t, 10, trial.number("counts", "rows_inserted"), 0, trial.text)
	require.NotEmpty(t, trial.at("samples"), trial.text)
	var rows int
	require.NoError(t, l.target.QueryRow(t.Context(), `SELECT count(*) FROM orders`).Scan(&rows))
	require.Zero(t, rows, "the table is as it was")

	inUse := l.send(http.MethodDelete, "/sources/csv/"+file, nil).want(http.StatusConflict)
	require.Equal(t, "in_use", inUse.problem())
	require.Contains(t, inUse.text, "renamed")
	require.Equal(t, "in_use", l.send(http.MethodDelete, fmt.Sprintf("/credentials/%d", credential), nil).want(http.StatusConflict).problem())

	l.send(http.MethodDelete, at, nil).want(http.StatusNoContent)
	l.send(http.MethodDelete, "/sources/csv/"+file, nil).want(http.StatusNoContent)
	require.Equal(t, "not_found", l.get(at).want(http.StatusNotFound).problem())
}

func TestJobThatCreatesItsTable(t *testing.T) {
	l := newLab(t)
	l.database(`CREATE SCHEMA sales`)
	file, credential := l.file(orders(10)), l.credential()
	r := l.post("/jobs", jobBody(file, credential, map[string]any{"schema": "sales", "create_table": true, "load_strategy": "UPSERT", "upsert_keys": []string{"id"}})).want(http.StatusCreated)
	require.Equal(t, "CREATE TABLE sales.orders (\n  id integer,\n  customer text,\n  amount numeric(3,2),\n  day date,\n  PRIMARY KEY (id)\n)", r.string("ddl"))
	require.Equal(t, "id", r.string("matches", 0, "destination"))
}

func TestJobThatCreatesItsTableRunsAgain(t *testing.T) {
	l := newLab(t)
	l.database()
	l.serve()
	created := map[string]any{"create_table": true}
	job := l.job(l.file(orders(10)), created)
	rows := func() (n int) {
		require.NoError(t, l.target.QueryRow(t.Context(), `SELECT count(*) FROM orders`).Scan(&n))
		return n
	}
	completed := func() {
		t.Helper()
		run := l.execute(job)
		_, err := l.follow(t.Context(), run, "")
		require.NoError(t, err)
		r := l.get("/job-runs/" + run).want(http.StatusOK)
		require.Equal(t, "COMPLETED", r.string("status"), r.text)
	}
	completed()
	completed()
	require.Equal(t, 20, rows())
	l.post("/jobs/"+job+"/dry-run", nil).want(http.StatusOK)
	// Also into a table that has more by now, and anew once it is gone.
	_, err := l.target.Exec(t.Context(), `ALTER TABLE orders ADD note text`)
	require.NoError(t, err)
	completed()
	require.Equal(t, 30, rows())
	_, err = l.target.Exec(t.Context(), `DROP TABLE orders`)
	require.NoError(t, err)
	completed()
	require.Equal(t, 10, rows())

	job = l.job(l.file(orders(10)), map[string]any{"name": "other", "create_table": true, "table": "others"})
	_, err = l.target.Exec(t.Context(), `CREATE TABLE others (id int)`)
	require.NoError(t, err)
	require.Equal(t, "table_exists", l.post("/jobs/execute/"+job, nil).want(http.StatusConflict).problem())
	_, err = l.target.Exec(t.Context(), `DROP TABLE others; CREATE TABLE others (id integer, customer text, amount numeric(3,2), day date)`)
	require.NoError(t, err)
	completed()
}

func TestTypeClash(t *testing.T) {
	l := newLab(t)
	l.database(`CREATE TABLE typed (n integer, big bigint, num numeric, b boolean, d date, ts timestamp, t text, u uuid, small smallint)`)
	file, credential := l.file("word,code,num,frac,day,mixed\nalpha,00123,1,1.5,2024-01-31,7\nbeta,00456,2,2.25,2024-02-01,x7\ngamma,00789,3,3.0,2024-02-02,9\n"), l.credential()
	try := func(source, destination string, change map[string]any) *reply {
		m := map[string]any{"source": source, "destination": destination}
		for _, key := range []string{"null_values", "transformations", "expression"} {
			if v, ok := change[key]; ok {
				m[key] = v
				delete(change, key)
			}
		}
		body := jobBody(file, credential, change)
		body["table"], body["column_mappings"] = "typed", []map[string]any{m}
		return l.post("/jobs/validate", body)
	}
	for _, pair := range [][2]string{{"word", "n"}, {"word", "num"}, {"word", "b"}, {"word", "d"}, {"word", "ts"}, {"word", "u"}, {"mixed", "n"}, {"frac", "n"}, {"num", "d"}, {"num", "u"}, {"day", "n"}, {"day", "b"}} {
		r := try(pair[0], pair[1], nil).want(http.StatusUnprocessableEntity)
		require.Equal(t, "type_clash", r.problem(), pair)
		require.Equal(t, "body.column_mappings[0]", r.string("errors", 0, "location"))
		require.Equal(t, pair[0], r.string("column"))
		require.NotEmpty(t, r.string("value"), pair)
	}
	mixed := try("mixed", "n", nil)
	require.InDelta(t, 3, mixed.number("line"), 0, mixed.text)
	require.Contains(t, mixed.string("detail"), `column "mixed" of the file is text, and "n" takes integer (line 3: "x7")`)
	for _, pair := range [][2]string{{"code", "n"}, {"num", "big"}, {"num", "small"}, {"num", "num"}, {"num", "t"}, {"frac", "num"}, {"day", "ts"}, {"day", "t"}, {"word", "t"}} {
		require.NotContains(t, try(pair[0], pair[1], nil).want(http.StatusOK).text, " takes ", pair)
	}
	for _, change := range []map[string]any{
		{"filter": "num > 5"}, {"on_bad_row": map[string]any{"mode": "skip"}}, {"null_values": []string{"-"}},
	} {
		require.Contains(t, try("word", "n", change).want(http.StatusOK).text, "takes integer")
	}
	try("word", "n", map[string]any{"expression": "length(value)"}).want(http.StatusOK)
}

func TestLimitsOfAJob(t *testing.T) {
	l := newLab(t)
	l.database()
	var b strings.Builder
	for i := range 1601 {
		fmt.Fprintf(&b, "c%d,", i)
	}
	head := strings.TrimSuffix(b.String(), ",")
	line := strings.TrimSuffix(strings.Repeat("1,", 1601), ",")
	wide := jobBody(l.file(head+"\n"+line+"\n"+line+"\n"), l.credential(), map[string]any{"create_table": true})
	require.Equal(t, "too_many_columns", l.post("/jobs", wide).want(http.StatusUnprocessableEntity).problem())
	wide["file_id"], wide["batch_size"] = l.file(orders(5)), 10
	require.Contains(t, l.post("/jobs", wide).want(http.StatusCreated).string("notes", 0), "at least 8 MiB")
}

func TestMappingFile(t *testing.T) {
	l := newLab(t)
	l.database(ordersTable)
	file, credential := l.file(orders(10)), l.credential()
	columns := []map[string]any{
		{"source": "id", "destination": "id"},
		{"source": "customer", "destination": "customer", "transformations": []map[string]any{{"fn": "TRIM"}, {"fn": "REPLACE", "args": []any{"a", 1}}}, "null_values": []string{"-", ""}, "default": "nobody"},
		{"source": "amount", "destination": "amount", "expression": "value * 1.19"},
		{"destination": "day", "expression": "today()"},
	}
	created := l.post("/jobs", jobBody(file, credential, map[string]any{"column_mappings": columns, "filter": "amount > 0", "on_bad_row": map[string]any{"mode": "skip", "max_rows": 5}})).want(http.StatusCreated)
	at := fmt.Sprintf("/jobs/%d", int(created.number("id")))
	export := l.get(at + "/mapping").want(http.StatusOK)
	require.Equal(t, "application/yaml", export.header.Get("Content-Type"))
	require.Contains(t, export.text, "value * 1.19")
	back := l.send(http.MethodPut, at+"/mapping", export.text, "Content-Type", "application/yaml", "If-Match", export.header.Get("ETag")).want(http.StatusOK)
	for _, key := range []string{"column_mappings", "filter", "on_bad_row"} {
		require.Equal(t, created.at(key), back.at(key))
	}
	require.Equal(t, export.text, l.get(at+"/mapping").text)
	bad := l.send(http.MethodPut, at+"/mapping", "columns:\n  - {source: id, destinatoin: id}\n", "Content-Type", "application/yaml").want(http.StatusUnprocessableEntity)
	require.Equal(t, "mapping_error", bad.problem())
	require.InDelta(t, 2, bad.number("line"), 0)
	require.Equal(t, "unsupported_media", l.send(http.MethodPut, at+"/mapping", export.text, "Content-Type", "text/html").want(http.StatusUnsupportedMediaType).problem())
}

func TestBadJobs(t *testing.T) {
	l := newLab(t)
	l.database(ordersTable, `CREATE TABLE plain (id int, note text)`, `CREATE VIEW seen AS SELECT 1 AS x`)
	file, credential := l.file(orders(10)), l.credential()
	ambiguous := l.file("id,customer,amount,day\n1,a,1,03/04/2024\n2,b,2,05/06/2024\n")
	whole := mapping("id", "id", "customer", "customer", "amount", "amount", "day", "day")
	expression := func(text string) map[string]any {
		return map[string]any{"column_mappings": append(mapping("id", "id", "customer", "customer"), map[string]any{"destination": "amount", "expression": text})}
	}
	transformation := func(fn string, args ...any) map[string]any {
		return map[string]any{"column_mappings": append(mapping("id", "id"), map[string]any{"source": "customer", "destination": "customer", "transformations": []map[string]any{{"fn": fn, "args": args}}})}
	}
	for _, tc := range []struct {
		name     string
		change   map[string]any
		status   int
		code     string
		location string
	}{
		{"two mappings to one destination", map[string]any{"column_mappings": mapping("id", "id", "amount", "id")}, 422, "duplicate_destination", "body.column_mappings[1].destination"},
		{"unknown source column", map[string]any{"column_mappings": mapping("id", "id", "custommer", "customer")}, 422, "unknown_column", "body.column_mappings[1]"},
		{"unknown destination column", map[string]any{"column_mappings": mapping("id", "id", "customer", "customer", "amount", "amonut")}, 422, "unknown_column", "body.column_mappings[2]"},
		{"unknown transformation", transformation("EXPLODE"), 422, "transformation_error", "body.column_mappings[1]"},
		{"wrong argument count", transformation("REPLACE", "a"), 422, "transformation_error", "body.column_mappings[1]"},
		{"syntax error", expression("amount + * 2"), 422, "expression_error", "body.column_mappings[2].expression"},
		{"unknown name", expression("amuont * 2"), 422, "expression_error", "body.column_mappings[2].expression"},
		{"wrong type", expression("upper(amount) * day"), 422, "expression_error", "body.column_mappings[2].expression"},
		{"expression of 1 MB", expression("1" + strings.Repeat(" + 1", 250000)), 422, "too_long", "body.column_mappings[2].expression"},
		{"deep expression", expression(strings.Repeat("(", 10000) + "1" + strings.Repeat(")", 10000)), 422, "expression_error", "body.column_mappings[2].expression"},
		{"filter of wrong type", map[string]any{"filter": "amount +"}, 422, "expression_error", "body.filter"},
		{"upsert without keys", map[string]any{"load_strategy": "UPSERT"}, 422, "upsert_without_keys", "body.upsert_keys"},
		{"keys without upsert", map[string]any{"upsert_keys": []string{"id"}}, 422, "keys_without_upsert", "body.upsert_keys"},
		{"key named twice", map[string]any{"load_strategy": "UPSERT", "upsert_keys": []string{"id", "id"}}, 422, "duplicate_key", "body.upsert_keys[1]"},
		{"key not unique", map[string]any{"load_strategy": "UPSERT", "upsert_keys": []string{"customer"}}, 422, "key_not_unique", "body.upsert_keys"},
		{"unknown key", map[string]any{"load_strategy": "UPSERT", "upsert_keys": []string{"ident"}}, 422, "unknown_key", "body.upsert_keys[0]"},
		{"key not mapped", map[string]any{"table": "plain", "load_strategy": "UPSERT", "upsert_keys": []string{"id"}, "column_mappings": mapping("customer", "note")}, 422, "key_not_mapped", "body.upsert_keys[0]"},
		{"table missing", map[string]any{"table": "odrers"}, 422, "table_not_found", "body.table"},
		{"table exists", map[string]any{"create_table": true}, 422, "table_exists", "body.table"},
		{"schema missing", map[string]any{"schema": "nowhere", "create_table": true}, 422, "schema_not_found", "body.schema"},
		{"a view", map[string]any{"table": "seen"}, 422, "not_a_table", "body.table"},
		{"type clash", map[string]any{"column_mappings": append(mapping("id", "id", "customer", "customer"), map[string]any{"source": "amount", "destination": "day", "type": "numeric"})}, 422, "mapping_error", "body.column_mappings[2]"},
		{"unknown type", map[string]any{"column_mappings": []map[string]any{{"source": "id", "destination": "id", "type": "numeric(9"}, {"source": "customer", "destination": "customer"}}}, 422, "mapping_error", "body.column_mappings[0]"},
		{"NOT NULL unmapped", map[string]any{"column_mappings": mapping("id", "id")}, 422, "mapping_error", ""},
		{"generated column mapped", map[string]any{"column_mappings": append(whole, mapping("amount", "twice")...)}, 422, "mapping_error", "body.column_mappings[4]"},
		{"ambiguous date", map[string]any{"file_id": ambiguous}, 422, "ambiguous_date", "body.column_mappings[3].format"},
		{"source and expression missing", map[string]any{"column_mappings": []map[string]any{{"destination": "id"}}}, 422, "mapping_error", "body.column_mappings[0]"},
		{"file missing", map[string]any{"file_id": "00000000-0000-4000-8000-000000000000"}, 404, "not_found", "body.file_id"},
		{"file id no UUID", map[string]any{"file_id": "12"}, 422, "bad_value", "body.file_id"},
		{"credential missing", map[string]any{"credential_id": 999}, 404, "not_found", "body.credential_id"},
		{"credential id negative", map[string]any{"credential_id": -1}, 422, "bad_value", "body.credential_id"},
		{"credential id huge", map[string]any{"credential_id": 1e300}, 422, "bad_value", "body"},
		{"strategy unknown", map[string]any{"load_strategy": "MERGE"}, 422, "bad_value", "body.load_strategy"},
		{"bounds without skip", map[string]any{"on_bad_row": map[string]any{"mode": "fail", "max_rows": 1}}, 422, "bad_value", "body.on_bad_row"},
		{"ratio over 1", map[string]any{"on_bad_row": map[string]any{"mode": "skip", "max_ratio": 5}}, 422, "bad_value", "body.on_bad_row.max_ratio"},
		{"table options without a table", map[string]any{"table_options": map[string]any{"dist_style": "ALL"}}, 422, "options_without_table", "body.table_options"},
		{"table options of PostgreSQL", map[string]any{"table": "fresh", "create_table": true, "table_options": map[string]any{"sort_keys": []string{"day"}}}, 422, "unsupported_option", "body.table_options"},
		{"unknown distribution", map[string]any{"table": "fresh", "create_table": true, "table_options": map[string]any{"dist_style": "RANDOM"}}, 422, "bad_value", "body.table_options.dist_style"},
		{"long column name", map[string]any{"table": "fresh", "create_table": true, "column_mappings": mapping("id", strings.Repeat("i", 64))}, 422, "name_too_long", "body.column_mappings[0].destination"},
		{"negative batch", map[string]any{"batch_size": -1}, 422, "bad_value", "body.batch_size"},
		{"unknown field", map[string]any{"tabel": "orders"}, 422, "unknown_field", "body.tabel"},
		{"unknown field inside", map[string]any{"column_mappings": []map[string]any{{"sorce": "id", "destination": "id"}}}, 422, "unknown_field", "body.column_mappings[0].sorce"},
		{"table name with NUL", map[string]any{"table": "a\x00b"}, 400, "bad_json", "body"},
		{"long table name", map[string]any{"table": strings.Repeat("é", 40)}, 422, "too_long", "body.table"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := l.post("/jobs", jobBody(file, credential, tc.change))
			require.Equal(t, tc.status, r.status, r.text)
			require.Equal(t, tc.code, r.problem(), r.text)
			if tc.location != "" {
				require.Equal(t, tc.location, r.string("errors", 0, "location"), r.text)
			}
			require.NotContains(t, r.string("fix"), "--", "the API has no flags")
		})
	}
	require.Empty(t, l.get("/jobs").want(http.StatusOK).at("items"), "nothing is stored")
	syntax := l.post("/jobs", jobBody(file, credential, expression("amount + * 2")))
	require.Contains(t, syntax.string("detail"), "^", "the place is shown")
}
