package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCredentials(t *testing.T) {
	l := newLab(t)
	l.database()
	const secret = "canary-5e1f"
	created := l.post("/credentials", l.credentialBody(map[string]any{"password": secret, "name": " warehouse "})).want(http.StatusCreated)
	require.Equal(t, "warehouse", created.string("name"))
	require.InDelta(t, 4, created.number("max_parallel"), 0)
	id := int64(created.number("id"))
	at := fmt.Sprintf("/credentials/%d", id)
	require.Equal(t, created.text, l.get(at).want(http.StatusOK).text)
	require.Equal(t, "duplicate_name", l.post("/credentials", l.credentialBody(nil)).want(http.StatusConflict).problem())
	password, err := l.portal.Password(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, secret, password)

	// A ciphertext moved to another credential does not open.
	other := int64(l.post("/credentials", l.credentialBody(map[string]any{"name": "other"})).want(http.StatusCreated).number("id"))
	_, err = l.store.Pool().Exec(t.Context(), `UPDATE credentials SET secret = (SELECT secret FROM credentials WHERE id = $1) WHERE id = $2`, id, other)
	require.NoError(t, err)
	_, err = l.portal.Password(t.Context(), other)
	require.Error(t, err)

	// The stored password goes to no other server.
	tag := created.header.Get("ETag")
	moved := l.credentialBody(map[string]any{"host": "db.example.com"})
	delete(moved, "password")
	require.Equal(t, "password_required", l.send(http.MethodPut, at, moved).want(http.StatusUnprocessableEntity).problem())
	moved["host"], moved["ssl_mode"] = l.targetURL.Hostname(), "disable"
	require.Equal(t, "password_required", l.send(http.MethodPut, at, moved).want(http.StatusUnprocessableEntity).problem())
	moved["ssl_mode"], moved["max_parallel"] = "prefer", 8
	put := l.send(http.MethodPut, at, moved, "If-Match", tag).want(http.StatusOK)
	require.InDelta(t, 8, put.number("max_parallel"), 0)
	password, err = l.portal.Password(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, secret, password)
	require.Equal(t, "version_conflict", l.send(http.MethodPut, at, moved, "If-Match", tag).want(http.StatusPreconditionFailed).problem())
	require.Equal(t, "version_conflict", l.send(http.MethodDelete, at, nil, "If-Match", tag).want(http.StatusPreconditionFailed).problem())
	require.Equal(t, "bad_if_match", l.send(http.MethodDelete, at, nil, "If-Match", "2").want(http.StatusBadRequest).problem())

	for _, r := range []*reply{created, put, l.get(at), l.get("/credentials"), l.post(at+"/test", nil)} {
		require.NotContains(t, r.text, secret)
	}
	require.NotContains(t, l.post("/credentials", `{"name":"x","password":"`+secret+`","nope":1}`).want(http.StatusUnprocessableEntity).text, secret)
	require.NotContains(t, l.post("/credentials", `{"name":"x","password":"`+secret+`"`).want(http.StatusBadRequest).text, secret)
	require.NotContains(t, l.log.String(), secret)
	var audit string
	require.NoError(t, l.store.Pool().QueryRow(t.Context(), `SELECT string_agg(a::text, ' ') FROM audit_log a`).Scan(&audit))
	require.Contains(t, audit, "warehouse")
	require.NotContains(t, audit, secret)
	l.send(http.MethodDelete, at, nil).want(http.StatusNoContent)
	require.Equal(t, "not_found", l.get(at).want(http.StatusNotFound).problem())
}

func TestConnectionTest(t *testing.T) {
	l := newLab(t)
	l.database(`CREATE TABLE t (id int)`, `DROP ROLE IF EXISTS poor`, `CREATE ROLE poor LOGIN PASSWORD 'poor'`)
	t.Cleanup(func() { _, _ = l.target.Exec(t.Context(), `DROP ROLE IF EXISTS poor`) })
	id := l.credential()
	r := l.post(fmt.Sprintf("/credentials/%d/test", id), nil).want(http.StatusOK)
	require.Equal(t, true, r.at("ok"), r.text)
	require.Len(t, r.at("steps"), 5)
	for i, tc := range []struct {
		change     map[string]any
		step, code string
	}{
		{map[string]any{"host": "no-such-host.invalid"}, "dns", "unknown_host"},
		{map[string]any{"port": 1}, "tcp", "connection_refused"},
		{map[string]any{"ssl_mode": "require"}, "tls", "tls_failed"},
		{map[string]any{"ssl_mode": "verify-full"}, "tls", "tls_failed"},
		{map[string]any{"database": `no"such'db`}, "login", "no_such_database"},
		{map[string]any{"username": "poor", "password": "poor", "database": "postgres"}, "privileges", "missing_privilege"},
	} {
		body := l.credentialBody(tc.change)
		body["name"] = fmt.Sprint("case ", i)
		made := int64(l.post("/credentials", body).want(http.StatusCreated).number("id"))
		r := l.post(fmt.Sprintf("/credentials/%d/test", made), nil).want(http.StatusOK)
		require.Equal(t, false, r.at("ok"), r.text)
		last := r.at("steps").([]any)
		step := last[len(last)-1].(map[string]any)
		require.Equal(t, tc.step, step["name"], r.text)
		require.Equal(t, tc.code, step["code"], r.text)
		require.NotEmpty(t, step["fix"], r.text)
		if tc.step == "privileges" {
			require.Contains(t, step["fix"], "GRANT")
		}
	}
	var limited *reply
	for range 40 {
		if limited = l.post(fmt.Sprintf("/credentials/%d/test", id+1), nil); limited.status == http.StatusTooManyRequests {
			break
		}
	}
	require.Equal(t, "too_many_tests", limited.want(http.StatusTooManyRequests).problem())
}

func TestBadCredentials(t *testing.T) {
	l := newLab(t)
	l.database()
	for _, tc := range []struct {
		change map[string]any
		code   string
	}{
		{map[string]any{"host": ""}, "bad_host"},
		{map[string]any{"username": ""}, "missing_value"},
		{map[string]any{"host": "  "}, "bad_host"},
		{map[string]any{"host": "db.example.com:5432"}, "bad_host"},
		{map[string]any{"host": "db example"}, "bad_host"},
		{map[string]any{"host": "/tmp"}, "bad_host"},
		{map[string]any{"host": "a,b"}, "bad_host"},
		{map[string]any{"host": "postgres://db"}, "bad_host"},
		{map[string]any{"host": "a?sslmode=disable"}, "bad_host"},
		{map[string]any{"host": "a'b"}, "bad_host"},
		{map[string]any{"host": "169.254.169.254"}, "address_refused"},
		{map[string]any{"host": "::ffff:169.254.169.254"}, "address_refused"},
		{map[string]any{"host": "64:ff9b::a9fe:a9fe"}, "address_refused"},
		{map[string]any{"host": "2002:a9fe:a9fe::1"}, "address_refused"},
		{map[string]any{"host": "fe80::1"}, "address_refused"},
		{map[string]any{"host": "fd00:ec2::254"}, "address_refused"},
		{map[string]any{"host": "0.0.0.0"}, "address_refused"},
		{map[string]any{"host": "2852039166"}, "bad_host"},
		{map[string]any{"host": "0xA9.0xFE.0xA9.0xFE"}, "bad_host"},
		{map[string]any{"host": "169.254.43518"}, "bad_host"},
		{map[string]any{"host": strings.Repeat("a", 300)}, "bad_host"},
		{map[string]any{"port": 0}, "bad_value"},
		{map[string]any{"port": 70000}, "bad_value"},
		{map[string]any{"port": -1}, "bad_value"},
		{map[string]any{"port": "5432"}, "bad_value"},
		{map[string]any{"port": 5432.5}, "bad_value"},
		{map[string]any{"database": ""}, "bad_value"},
		{map[string]any{"database": strings.Repeat("d", 64)}, "too_long"},
		{map[string]any{"database": "a\nb"}, "bad_character"},
		{map[string]any{"username": "\t"}, "missing_value"},
		{map[string]any{"password": strings.Repeat("p", 10<<10)}, "bad_password"},
		{map[string]any{"name": "\x7f"}, "bad_character"},
		{map[string]any{"type": "oracle"}, "bad_value"},
		{map[string]any{"type": "redshift"}, "unsupported_type"},
		{map[string]any{"ssl_mode": "maybe"}, "bad_value"},
		{map[string]any{"options": map[string]string{"service": "x"}}, "unknown_option"},
		{map[string]any{"options": map[string]string{"ssl_root_cert": "x"}}, "bad_certificate"},
		{map[string]any{"options": map[string]string{"connect_timeout": "0"}}, "bad_option"},
		{map[string]any{"max_parallel": 1000}, "bad_value"},
	} {
		r := l.post("/credentials", l.credentialBody(tc.change))
		require.Equal(t, http.StatusUnprocessableEntity, r.status, "%v: %s", tc.change, r.text)
		require.Equal(t, tc.code, r.problem(), "%v: %s", tc.change, r.text)
		require.NotEmpty(t, r.at("errors"), r.text)
	}
	require.Empty(t, l.get("/credentials").want(http.StatusOK).at("items"), "nothing is stored")
}

func TestDestinations(t *testing.T) {
	l := newLab(t)
	l.database(`CREATE SCHEMA sales`, `CREATE TABLE sales.orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code varchar(5) NOT NULL UNIQUE,
		amount numeric(12,2) DEFAULT 0, twice numeric GENERATED ALWAYS AS (amount * 2) STORED)`)
	for i := range 1000 {
		_, err := l.target.Exec(t.Context(), fmt.Sprintf(`CREATE TABLE sales."Table %d" (id int)`, i))
		require.NoError(t, err)
	}
	at := fmt.Sprintf("/destinations/%d", l.credential())
	schemas := l.post(at+"/schemas", nil).want(http.StatusOK)
	require.Equal(t, "public", schemas.string("schemas", 0, "name"))
	require.Equal(t, true, schemas.at("schemas", 0, "default"))
	require.Equal(t, "sales", schemas.string("schemas", 1, "name"))
	tables := l.post(at+"/tables", map[string]any{"schema": "sales"}).want(http.StatusOK)
	require.Len(t, tables.at("tables"), 1001)
	require.Equal(t, true, tables.at("tables", 0, "can_insert"))
	require.Equal(t, "schema_not_found", l.post(at+"/tables", map[string]any{"schema": `x'; DROP TABLE t; --`}).want(http.StatusUnprocessableEntity).problem())
	table := l.post(at+"/schema", map[string]any{"schema": "sales", "table": "orders"}).want(http.StatusOK)
	require.Equal(t, "always", table.string("columns", 0, "identity"))
	require.Equal(t, true, table.at("columns", 0, "primary_key"))
	require.Equal(t, "varchar(5)", table.string("columns", 1, "type"))
	require.Equal(t, true, table.at("columns", 1, "required"))
	require.Equal(t, "0", table.string("columns", 2, "default"))
	require.Equal(t, true, table.at("columns", 3, "generated"))
	require.Len(t, table.at("unique_indexes"), 2)
	require.Equal(t, "table_not_found", l.post(at+"/schema", map[string]any{"schema": "sales", "table": "order"}).want(http.StatusUnprocessableEntity).problem())
	require.Equal(t, "not_found", l.post("/destinations/999/schemas", nil).want(http.StatusNotFound).problem())
}
