package redshift_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/etltest"
	"github.com/etlportal/etlportal/internal/redshift"
	"github.com/etlportal/etlportal/internal/schema"
)

// newTable has a column of every type that one is made with, named after it.
func newTable(o schema.TableOptions) *schema.Table {
	t := &schema.Table{Name: "made", Options: o}
	for _, k := range []schema.Kind{
		schema.SmallInt, schema.Integer, schema.BigInt, schema.Numeric, schema.Real, schema.Double, schema.Boolean, schema.Date, schema.Time,
		schema.Timestamp, schema.TimestampTZ, schema.Text, schema.JSONB, schema.Bytea, schema.UUID, schema.Interval,
	} {
		typ := schema.Type{Kind: k}
		t.Columns = append(t.Columns, schema.Column{Name: "c_" + strings.Fields(typ.String())[0], Type: typ})
	}
	t.Columns = append(t.Columns, schema.Column{Name: "c_timetz", Type: schema.Type{Kind: schema.Other, Name: "timetz"}})
	return t
}

func columnsNamed(names ...string) []schema.Column {
	out := make([]schema.Column, len(names))
	for i, n := range names {
		out[i] = schema.Column{Name: n, Type: schema.Type{Kind: schema.Integer}}
	}
	return out
}

func many(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("k%d", i)
	}
	return out
}

func TestCheckTable(t *testing.T) {
	type options = schema.TableOptions
	long := strings.Repeat("é", 64)
	for name, tc := range map[string]struct {
		table *schema.Table
		// want is field and code of each problem.
		want string
	}{
		"nothing chosen":         {newTable(options{}), ""},
		"all of it":              {newTable(options{DistStyle: "KEY", DistKey: "c_integer", SortStyle: "INTERLEAVED", SortKeys: []string{"c_date", "c_text"}, Encodings: map[string]string{"c_text": "ZSTD", "c_jsonb": "LZO"}}), ""},
		"key by its column":      {newTable(options{DistKey: "c_uuid", SortKeys: []string{"c_date"}}), ""},
		"no such words":          {newTable(options{DistStyle: "RANDOM", SortStyle: "UP"}), "table_options.dist_style bad_value, table_options.sort_style bad_value"},
		"KEY without a column":   {newTable(options{DistStyle: "KEY"}), "table_options.dist_key missing_dist_key"},
		"EVEN with one":          {newTable(options{DistStyle: "EVEN", DistKey: "c_integer"}), "table_options.dist_key unused_dist_key"},
		"no such columns":        {newTable(options{DistKey: "x", SortKeys: []string{"c_date", "y"}, Encodings: map[string]string{"z": "RAW"}}), "table_options.dist_key unknown_column, table_options.sort_keys[1] unknown_column, table_options.encodings.z unknown_column"},
		"types without an order": {newTable(options{DistKey: "c_jsonb", SortKeys: []string{"c_bytea"}}), "table_options.dist_key bad_key_type, table_options.sort_keys[0] bad_key_type"},
		"sorted by nothing":      {newTable(options{SortStyle: "COMPOUND"}), "table_options.sort_keys missing_sort_keys"},
		"AUTO by something":      {newTable(options{SortStyle: "AUTO", SortKeys: []string{"c_date"}}), "table_options.sort_keys unused_sort_keys"},
		"a key twice":            {newTable(options{SortKeys: []string{"c_date", "c_date"}}), "table_options.sort_keys[1] duplicate_key"},
		"400 keys":               {&schema.Table{Name: "t", Columns: columnsNamed(many(401)...), Options: options{SortKeys: many(400)}}, ""},
		"401 keys":               {&schema.Table{Name: "t", Columns: columnsNamed(many(401)...), Options: options{SortKeys: many(401)}}, "table_options.sort_keys too_many_sort_keys"},
		"8 interleaved":          {&schema.Table{Name: "t", Columns: columnsNamed(many(9)...), Options: options{SortStyle: "INTERLEAVED", SortKeys: many(8)}}, ""},
		"9 interleaved":          {&schema.Table{Name: "t", Columns: columnsNamed(many(9)...), Options: options{SortStyle: "INTERLEAVED", SortKeys: many(9)}}, "table_options.sort_keys too_many_sort_keys"},
		"no such encoding":       {newTable(options{Encodings: map[string]string{"c_text": "GZIP"}}), "table_options.encodings.c_text bad_encoding"},
		"not for its type":       {newTable(options{Encodings: map[string]string{"c_text": "AZ64"}}), "table_options.encodings.c_text bad_encoding"},
		"names but for case":     {&schema.Table{Name: "t", Columns: columnsNamed("id", "ID")}, "columns duplicate_column"},
		"capital letters":        {&schema.Table{Schema: "S", Name: "T", Columns: columnsNamed("Id", "Ä")}, "schema name_folded, table name_folded, columns name_folded"},
		"long names":             {&schema.Table{Name: long[:127] + "xx", Columns: columnsNamed(long[:126], long+"x")}, "table name_too_long, columns name_too_long"},
		"a reserved word":        {&schema.Table{Name: "select", Columns: columnsNamed("from", "a b", `"`)}, ""},
		"the load's own":         {&schema.Table{Name: "t", Columns: columnsNamed("_etl_row", "_ETL_LINE", "ctid")}, "columns reserved_name, columns reserved_name, columns reserved_name"},
		"temporary":              {&schema.Table{Name: "#t", Columns: columnsNamed("a")}, "table bad_name"},
		"types of others": {&schema.Table{Name: "t", Columns: []schema.Column{
			{Name: "a", Type: schema.Type{Kind: schema.Other, Name: "geometry"}},
			{Name: "b", Type: schema.Type{Kind: schema.Other, Name: "text[]"}},
			{Name: "c", Type: schema.Type{Kind: schema.Other, Name: "timestamp(3)"}},
			{Name: "d", Type: schema.Type{Kind: schema.Other, Name: "time with time zone"}},
		}}, "columns unknown_type, columns unknown_type, columns unknown_type"},
		"1598 columns": {&schema.Table{Name: "t", Columns: columnsNamed(many(1598)...)}, ""},
		"1599 columns": {&schema.Table{Name: "t", Columns: columnsNamed(many(1599)...)}, "columns too_many_columns"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range (&redshift.Redshift{}).CheckTable(tc.table) {
				got = append(got, p.Field+" "+string(p.Code))
				if p.Reason == "" || p.Fix == "" {
					t.Errorf("%s has no reason or no fix: %+v", p.Field, p)
				}
			}
			if all := strings.Join(got, ", "); all != tc.want {
				t.Errorf("got %s\nwant %s", all, tc.want)
			}
		})
	}
}

// What is checked beforehand is what the warehouse would refuse, for every
// encoding of every type, and for every type as a key.
func TestLayoutAgrees(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	r := &redshift.Redshift{}
	agree := func(what string, o schema.TableOptions) {
		t.Helper()
		table := newTable(o)
		problems := r.CheckTable(table)
		_, err := s.Ask(r.CreateTableSQL(table))
		if (len(problems) == 0) != (err == nil) {
			t.Errorf("%s: %v, and the warehouse: %v", what, problems, err)
		}
		if err == nil {
			s.Exec("DROP TABLE made")
		}
	}
	for _, c := range newTable(schema.TableOptions{}).Columns {
		for e := range strings.FieldsSeq("RAW AZ64 BYTEDICT DELTA DELTA32K LZO MOSTLY8 MOSTLY16 MOSTLY32 RUNLENGTH TEXT255 TEXT32K ZSTD GZIP") {
			agree(c.Name+" "+e, schema.TableOptions{Encodings: map[string]string{c.Name: e}})
		}
		agree(c.Name+" as distribution key", schema.TableOptions{DistKey: c.Name})
		agree(c.Name+" as sort key", schema.TableOptions{SortKeys: []string{c.Name}})
	}
	for _, o := range []schema.TableOptions{
		{DistStyle: "ALL"},
		{DistStyle: "EVEN"},
		{DistStyle: "AUTO", SortStyle: "AUTO"},
		{DistStyle: "KEY", DistKey: "c_date"},
		{SortStyle: "INTERLEAVED", SortKeys: []string{"c_date", "c_integer"}},
		{DistStyle: "KEY"},
		{DistKey: "x"},
		{SortKeys: []string{"x"}},
	} {
		agree(fmt.Sprintf("%+v", o), o)
	}
}

// creating is a load that makes its table.
func creating(o schema.TableOptions, columns ...schema.Column) etl.LoadSpec {
	return etl.LoadSpec{Table: &schema.Table{Name: "made", Columns: columns, Options: o}, Columns: columns, Create: true, Strategy: etl.Insert}
}

func TestLayout(t *testing.T) {
	columns := []schema.Column{{Name: "id", Type: schema.Type{Kind: schema.Integer}}, {Name: "day", Type: schema.Type{Kind: schema.Date}}, {Name: "note", Type: schema.Type{Kind: schema.Text}}}
	for name, tc := range map[string]struct {
		o             schema.TableOptions
		table, column string
	}{
		"by use":   {schema.TableOptions{}, "AUTO|AUTO(SORTKEY)|0", "id||f|0\nday||f|0\nnote||f|0"},
		"key":      {schema.TableOptions{DistKey: "id", SortKeys: []string{"day", "id"}, Encodings: map[string]string{"note": "ZSTD"}}, "KEY(id)|day|2", "id||t|2\nday||f|1\nnote|zstd|f|0"},
		"to all":   {schema.TableOptions{DistStyle: "ALL", SortStyle: "INTERLEAVED", SortKeys: []string{"id", "day"}}, "ALL|INTERLEAVED|2", "id||f|1\nday||f|-2\nnote||f|0"},
		"in turns": {schema.TableOptions{DistStyle: "EVEN", Encodings: map[string]string{"id": "RAW"}}, "EVEN|AUTO(SORTKEY)|0", "id|none|f|0\nday||f|0\nnote||f|0"},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, nil, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
				t.Helper()
				result, err := load(t, r, creating(tc.o, columns...), row(1, nil, "a note"))
				if err != nil || result.Inserted != 1 || !strings.HasPrefix(result.Created, "CREATE TABLE") {
					t.Fatalf("%+v, %v", result, err)
				}
				s.Want(`SELECT diststyle, sortkey1, sortkey_num FROM svv_table_info WHERE "table" = 'made'`, tc.table)
				s.Want("SELECT column_name, encoding, distkey, sortkey FROM svv_redshift_columns WHERE table_name = 'made'", tc.column)
			})
		})
	}
}

// A load whose table cannot be made ends before a row is staged.
func TestLayoutRefused(t *testing.T) {
	each(t, nil, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := creating(schema.TableOptions{DistKey: "nope"}, columnsNamed("id")...)
		_, direct := r.Begin(t.Context(), spec)
		for road, err := range map[string]error{"direct": direct, "fan-out": r.Prepare(t.Context(), "refused", spec)} {
			e, ok := errors.AsType[*etl.Error](err)
			if !ok || e.Kind != etl.Mistake || e.Code != "unknown_column" || e.Column != "nope" || e.Fix == "" {
				t.Errorf("%s: %v", road, err)
			}
		}
	})
}

func TestSizes(t *testing.T) {
	text := schema.Type{Kind: schema.Text}
	columns := []schema.Column{
		{Name: "id", Type: schema.Type{Kind: schema.Integer}},
		{Name: "a", Type: text},
		{Name: "known", Type: text, MaxBytes: 100},
		{Name: "declared", Type: schema.Type{Kind: schema.Varchar, Length: 5}},
		{Name: "empty", Type: text},
		{Name: "wide", Type: text},
	}
	widest := strings.Repeat("w", 65535)
	for _, tc := range []struct {
		a, want string
	}{
		{"äöü", "a|16"},
		{strings.Repeat("x", 10), "a|16"},
		{strings.Repeat("x", 11), "a|32"},
		{strings.Repeat("é", 21), "a|64"},
		{strings.Repeat("é", 22), "a|128"},
		{strings.Repeat("x", 21845), "a|32768"},
		{strings.Repeat("x", 21846), "a|65535"},
		{widest, "a|65535"},
	} {
		s := etltest.Redshift(t, etltest.Blobs(t))
		road, err := roads["wire"](t.Context(), s)
		if err != nil {
			t.Fatal(err)
		}
		r := over(t, s, road)
		result, err := load(t, r, creating(schema.TableOptions{}, columns...), row(1, "", "k", "d", nil, nil), row(2, tc.a, "k", "d", nil, widest))
		if err != nil || result.Inserted != 2 {
			t.Fatalf("%d bytes: %+v, %v", len(tc.a), result, err)
		}
		s.Want("SELECT column_name, character_maximum_length FROM svv_columns WHERE table_name = 'made' AND data_type = 'character varying' ORDER BY column_name",
			tc.want+"\ndeclared|20\nempty|65535\nknown|256\nwide|65535")
		s.Want("SELECT max(octet_length(a)), max(octet_length(wide)) FROM made", fmt.Sprintf("%d|65535", len(tc.a)))
	}
}

// The longest value counts wherever it was staged: in any chunk, by any loader.
func TestSizesOfChunks(t *testing.T) {
	columns := []schema.Column{{Name: "a", Type: schema.Type{Kind: schema.Text}}, {Name: "b", Type: schema.Type{Kind: schema.Text}}}
	each(t, nil, func(t *testing.T, s *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := creating(schema.TableOptions{}, columns...)
		if err := r.Prepare(t.Context(), "sized", spec); err != nil {
			t.Fatal(err)
		}
		var claims []etl.ChunkClaim
		for i, rows := range [][][]schema.Value{{row("x", strings.Repeat("b", 300))}, {row(strings.Repeat("a", 40), nil), row("y", "z")}} {
			claim := etl.ChunkClaim{Chunk: i, Attempt: 1, Start: int64(10 * i), End: int64(10*i + 10)}
			chunk, err := r.BeginChunk(t.Context(), "sized", spec, claim)
			if err != nil {
				t.Fatal(err)
			}
			b := chunk.NewBatch()
			for k, values := range rows {
				if bad := b.Append(values, int64(k+2), int64(k+1)); bad != nil {
					t.Fatal(bad.Reason)
				}
			}
			if err := chunk.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			if _, err := chunk.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			claim.Rows = int64(len(rows))
			claims = append(claims, claim)
		}
		result, err := r.Publish(t.Context(), "sized", spec, claims)
		if err != nil || result.Inserted != 3 {
			t.Fatalf("%+v, %v", result, err)
		}
		s.Want("SELECT column_name, character_maximum_length FROM svv_columns WHERE table_name = 'made' ORDER BY 1", "a|64\nb|512")
	})
}

// A dry run shows the table as a load would make it.
func TestSizesOfDryRun(t *testing.T) {
	each(t, nil, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		spec := creating(schema.TableOptions{DistStyle: "ALL"}, schema.Column{Name: "a", Type: schema.Type{Kind: schema.Text}})
		spec.DryRun, spec.Explain, spec.Sample = true, true, 1
		result, err := load(t, r, spec, row("abc"))
		if err != nil {
			t.Fatal(err)
		}
		want := "CREATE TABLE \"made\" (\n  \"a\" VARCHAR(16)\n)\nDISTSTYLE ALL\nSORTKEY AUTO\nENCODE AUTO"
		if result.Created != want || result.Comparison == nil || !slices.Contains(result.Comparison.SQL, want) {
			t.Errorf("created %s\ncomparison %+v", result.Created, result.Comparison)
		}
		if _, err := r.Table(t.Context(), "", "made"); err == nil {
			t.Error("a dry run made the table")
		}
	})
}

func TestTableNotes(t *testing.T) {
	table := newTable(schema.TableOptions{})
	table.Columns = append(table.Columns, schema.Column{Name: "known", Type: schema.Type{Kind: schema.Text}, MaxBytes: 3},
		schema.Column{Name: "declared", Type: schema.Type{Kind: schema.Varchar, Length: 3}})
	notes := (&redshift.Redshift{}).TableNotes(table)
	if len(notes) != 1 || !strings.HasSuffix(notes[0], ": c_text") {
		t.Errorf("%q", notes)
	}
}

// What a table is made with is told again from the table that was made.
func TestMadeAs(t *testing.T) {
	s := etltest.Redshift(t, etltest.Blobs(t))
	road, err := roads["wire"](t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	r := over(t, s, road)
	want := newTable(schema.TableOptions{})
	for i := range want.Columns {
		want.Columns[i].MaxBytes = 7 * i
	}
	s.Exec(r.CreateTableSQL(want))
	have, err := r.Table(t.Context(), "", "made")
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want.Columns {
		for k, h := range have.Columns {
			texts := w.Type.Kind == schema.Text && h.Type.Kind == schema.Varchar
			if got := r.MadeAs(w.Type, h.Type); got != (i == k || texts) {
				t.Errorf("%s from %s: %t", h.Type, w.Type, got)
			}
		}
	}
}

// What a stage cannot hold is told before anything is staged, of tables that exist, too.
func TestStageRefused(t *testing.T) {
	each(t, []string{"CREATE TABLE made (" + strings.Join(many(1599), " INTEGER, ") + " INTEGER)", "CREATE TABLE own (id INTEGER, _etl_row INTEGER, _etl_line INTEGER)"}, func(t *testing.T, _ *etltest.RedshiftServer, r *redshift.Redshift) {
		t.Helper()
		for name, code := range map[string]etl.Code{"made": "too_many_columns", "own": "reserved_name"} {
			spec := specOf(t, r, name)
			_, direct := r.Begin(t.Context(), spec)
			for road, err := range map[string]error{"direct": direct, "fan-out": r.Prepare(t.Context(), "refused", spec)} {
				if e, ok := errors.AsType[*etl.Error](err); !ok || e.Kind != etl.Mistake || e.Code != code || e.Fix == "" {
					t.Errorf("%s, %s: %v", name, road, err)
				}
				// All of them are told at once, as of a table to be made.
				if name == "own" && (!strings.Contains(err.Error(), `"_etl_row"`) || !strings.Contains(err.Error(), `"_etl_line"`)) {
					t.Errorf("%s: %v", road, err)
				}
			}
		}
	})
}
