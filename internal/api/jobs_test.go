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
	checked := l.post("/jobs/validate", jobBody(file, credential, nil)).want(http.StatusOK)
	require.Contains(t, checked.string("ddl"), "CREATE TABLE public.orders")
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

	trial := l.post(at+"/dry-run", nil).want(http.StatusOK)
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
