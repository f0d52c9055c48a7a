package destination_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/destination"
	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/schema"
)

// database is a fresh database with an adapter and a plain connection to it.
type database struct {
	t   testing.TB
	url string
	p   *destination.Postgres
	raw *pgx.Conn
}

func newDatabase(t testing.TB, statements ...string) *database {
	t.Helper()
	return newDatabaseAt(t, etltest.Postgres(t), statements...)
}

func newDatabaseAt(t testing.TB, at string, statements ...string) *database {
	t.Helper()
	d := &database{t: t, url: at}
	d.p = open(t, d.url)
	config, err := pgx.ParseConfig(d.url)
	if err != nil {
		t.Fatal(err)
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec // tables change their shape between queries
	config.RuntimeParams["client_encoding"] = "UTF8"
	raw, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	d.raw = raw
	t.Cleanup(func() { _ = raw.Close(context.Background()) })
	for _, s := range statements {
		d.exec(s)
	}
	return d
}

func open(t testing.TB, at string) *destination.Postgres {
	t.Helper()
	p, err := destination.OpenPostgres(t.Context(), at, destination.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

func (d *database) exec(sql string, args ...any) {
	d.t.Helper()
	if _, err := d.raw.Exec(d.t.Context(), sql, args...); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
}

// ask gives the rows of a query as text: columns joined by |, rows by a newline, NULL as ∅.
func (d *database) ask(sql string, args ...any) string {
	d.t.Helper()
	rows, err := d.raw.Query(d.t.Context(), sql, append([]any{pgx.QueryResultFormats{pgx.TextFormatCode}}, args...)...)
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var fields []string
		for _, raw := range rows.RawValues() {
			if raw == nil {
				fields = append(fields, "∅")
				continue
			}
			fields = append(fields, string(raw))
		}
		lines = append(lines, strings.Join(fields, "|"))
	}
	if err := rows.Err(); err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return strings.Join(lines, "\n")
}

func (d *database) want(sql, want string) {
	d.t.Helper()
	if got := d.ask(sql); got != want {
		d.t.Errorf("%s\n got %q\nwant %q", sql, got, want)
	}
}

func (d *database) table(name string) *schema.Table {
	d.t.Helper()
	schemaName := ""
	if before, after, found := strings.Cut(name, "."); found {
		schemaName, name = before, after
	}
	table, err := d.p.Table(d.t.Context(), schemaName, name)
	if err != nil {
		d.t.Fatal(err)
	}
	return table
}

// spec fills the named columns, or all that take values.
func (d *database) spec(table string, columns ...string) etl.LoadSpec {
	d.t.Helper()
	found := d.table(table)
	spec := etl.LoadSpec{Table: found, Strategy: etl.Insert}
	for _, c := range found.Columns {
		if len(columns) == 0 && !c.Generated && c.Identity == "" {
			spec.Columns = append(spec.Columns, c)
		}
	}
	for _, name := range columns {
		for _, c := range found.Columns {
			if c.Name == name {
				spec.Columns = append(spec.Columns, c)
			}
		}
	}
	return spec
}

// row makes values: string, int, bool, float64, nil, or a schema.Value.
func row(values ...any) []schema.Value {
	made := make([]schema.Value, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil:
		case string:
			made[i] = schema.Value{Kind: schema.VText, Bytes: []byte(v)}
		case int:
			made[i] = schema.Value{Kind: schema.VInt, Int: int64(v)}
		case bool:
			made[i] = schema.Value{Kind: schema.VBool}
			if v {
				made[i].Int = 1
			}
		case float64:
			made[i] = schema.Value{Kind: schema.VFloat, Float: v}
		case schema.Value:
			made[i] = v
		default:
			panic(fmt.Sprintf("no value for %T", v))
		}
	}
	return made
}

// load sends rows, the i-th (from 0) as line 2·i+2 and record i+1, in batches
// of three rows, and finishes.
func load(ctx context.Context, p *destination.Postgres, spec etl.LoadSpec, rows ...[]schema.Value) (etl.LoadResult, error) {
	s, err := p.Begin(ctx, spec)
	if err != nil {
		return etl.LoadResult{}, err
	}
	result, err := send(ctx, s, rows...)
	return result, errors.Join(err, s.Abort(ctx))
}

func line(i int) int64 { return int64(2*i + 2) }

func send(ctx context.Context, s etl.LoadSession, rows ...[]schema.Value) (etl.LoadResult, error) {
	b := s.NewBatch()
	for i, r := range rows {
		if bad := b.Append(r, line(i), int64(i+1)); bad != nil {
			return etl.LoadResult{}, fmt.Errorf("row %d: %s", i, bad.Reason)
		}
		if b.Rows() == 3 {
			if err := s.Write(ctx, b); err != nil {
				return etl.LoadResult{}, err
			}
		}
	}
	if err := s.Write(ctx, b); err != nil {
		return etl.LoadResult{}, err
	}
	return s.Finish(ctx)
}

func (d *database) load(spec etl.LoadSpec, rows ...[]schema.Value) etl.LoadResult {
	d.t.Helper()
	result, err := load(d.t.Context(), d.p, spec, rows...)
	if err != nil {
		d.t.Fatal(err)
	}
	return result
}

// refusal is the *etl.Error of an error, which must be one.
func refusal(t testing.TB, err error) *etl.Error {
	t.Helper()
	e, ok := errors.AsType[*etl.Error](err)
	if !ok {
		t.Fatalf("got %v, want an *etl.Error", err)
	}
	if e.Kind != etl.Internal && e.Fix == "" {
		t.Errorf("%v has no fix", e)
	}
	return e
}

func withURL(t testing.TB, at string, change func(u *url.URL)) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	change(u)
	return u.String()
}
