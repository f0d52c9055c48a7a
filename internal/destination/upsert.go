package destination

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

// merge is how staged rows meet those of the table.
type merge struct {
	// clause is the ON CONFLICT clause, empty for INSERT.
	clause string
	// keepsOld says that there is nothing to update.
	keepsOld bool
	// fresh is true, in RETURNING, of a row that was inserted.
	fresh string
	// keys are the keys' places among the load's columns.
	keys []int
	// nullsEqual says that the keys' unique index has NULLS NOT DISTINCT.
	nullsEqual bool
}

// equal compares two expressions as the keys' unique index does.
func (m *merge) equal(a, b string) string {
	if m.nullsEqual {
		// IS NOT DISTINCT FROM would keep the index from being used.
		return fmt.Sprintf("(%[1]s = %[2]s OR %[1]s IS NULL AND %[2]s IS NULL)", a, b)
	}
	return a + " = " + b
}

// nullsQuery asks whether an index that can decide about a key takes NULLs for
// equal. The column is one of PostgreSQL 15.
const nullsQuery = `
SELECT coalesce(bool_or((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean), false)
FROM pg_catalog.pg_index x
WHERE x.indrelid = $1::regclass AND x.indisunique AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL AND ARRAY(
    SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum WHERE k.n <= x.indnkeyatts ORDER BY a.attname::text COLLATE "C")
  = ARRAY(SELECT u FROM unnest($2::text[]) u ORDER BY u COLLATE "C")`

// planMerge works out the ON CONFLICT clause and sees to its unique index.
func (s *session) planMerge(ctx context.Context) error {
	spec, name := &s.spec, qualified(s.target.Schema, s.target.Name)
	if len(spec.Keys) == 0 {
		return etl.Mistakef("keys_required", "Name them (--key).", "strategy UPSERT into %s needs the key columns", name)
	}
	m := &s.stage.merge
	for i, key := range spec.Keys {
		at := slices.Index(s.layout.names, key)
		switch {
		case s.target.column(key) == nil:
			return etl.Mistakef("column_not_found", "Check the key's name.", "%s has no column %s", name, schema.Identifier(key))
		case at < 0:
			return etl.Mistakef("key_not_filled", "Map a source column to it.", "key column %s of %s is not filled", schema.Identifier(key), name)
		case slices.Contains(spec.Keys[:i], key):
			return etl.Mistakef("duplicate_column", "Name it once.", "key column %s is named twice", schema.Identifier(key))
		}
		m.keys = append(m.keys, at)
	}
	covered := slices.ContainsFunc(spec.Table.Unique, func(index schema.Index) bool { return sameNames(index.Columns, spec.Keys) })
	if !covered {
		statement := fmt.Sprintf("CREATE UNIQUE INDEX ON %s (%s)", s.target.sql(), quoteAll(spec.Keys))
		if !spec.Create {
			return noUniqueIndex(s, nil)
		}
		if err := execute(ctx, s.conn, statement); err != nil {
			return wrap(ctx, err, "creating a unique index on "+name)
		}
		s.notes = append(s.notes, fmt.Sprintf("unique index on %s (%s) created for the keys", name, identifiers(spec.Keys)))
	}
	if err := s.conn.QueryRow(ctx, nullsQuery, s.stage.into, spec.Keys).Scan(&m.nullsEqual); err != nil {
		return wrap(ctx, err, "looking at the unique index of "+name)
	}
	var set []string
	for _, n := range s.layout.names {
		// A column GENERATED ALWAYS AS IDENTITY takes a value with its row, and
		// no other afterwards.
		if !slices.Contains(spec.Keys, n) && s.target.column(n).Identity != "a" {
			set = append(set, fmt.Sprintf("%s = excluded.%s", quote(n), quote(n)))
		}
	}
	m.clause = fmt.Sprintf(" ON CONFLICT (%s) DO ", quoteAll(spec.Keys))
	if len(set) == 0 {
		m.clause += "NOTHING"
		m.keepsOld = true
		return nil
	}
	m.clause += "UPDATE SET " + strings.Join(set, ", ")
	m.fresh = s.freshRow()
	return nil
}

// freshRow is the expression that is true, in RETURNING, of an inserted row and
// false of an updated one.
func (s *session) freshRow() string {
	key := quote(s.spec.Keys[0])
	switch {
	case serverVersion(s.conn) >= 18 && !s.stage.merge.nullsEqual:
		return "old." + key + " IS NULL"
	case s.target.Kind != "p":
		// A row version that ON CONFLICT wrote over another carries the lock that
		// was taken on that one; a new row carries none.
		return "target.xmax = 0"
	}
	// Partitioned tables do not give xmax. The subquery sees the table as it was
	// before the statement.
	equal := make([]string, len(s.spec.Keys))
	for i, k := range s.spec.Keys {
		equal[i] = s.stage.merge.equal("before."+quote(k), "target."+quote(k))
	}
	return fmt.Sprintf("NOT EXISTS (SELECT FROM %s before WHERE %s)", s.stage.into, strings.Join(equal, " AND "))
}

// kept counts the staged rows whose keys are in the table, for merges that
// update nothing: what is not there was kept out by a trigger.
func (s *session) kept(ctx context.Context) (int64, error) {
	var equal, null []string
	for n, i := range s.stage.merge.keys {
		equal = append(equal, s.stage.merge.equal("t."+quote(s.spec.Keys[n]), s.stage.value(i)))
		null = append(null, fmt.Sprintf("s.c%d IS NULL", i+1))
	}
	var n int64
	err := s.conn.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s s WHERE %s OR EXISTS (SELECT FROM %s t WHERE %s)",
		s.stage.from, strings.Join(null, " OR "), s.stage.into, strings.Join(equal, " AND "))).Scan(&n)
	return n, err
}

func sameNames(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(n string) bool { return !slices.Contains(b, n) })
}

func identifiers(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = schema.Identifier(n)
	}
	return strings.Join(out, ", ")
}

func noUniqueIndex(s *session, cause error) error {
	name := qualified(s.target.Schema, s.target.Name)
	return &etl.Error{
		Kind: etl.Mistake, Code: "no_unique_index", Err: cause,
		Message: fmt.Sprintf("no unique index of %s covers exactly the key (%s)", name, identifiers(s.spec.Keys)),
		Fix:     fmt.Sprintf("Create one: CREATE UNIQUE INDEX ON %s (%s);", name, identifiers(s.spec.Keys)),
	}
}

// mergeError explains a failed move that is no row's fault.
func mergeError(ctx context.Context, err error, s *session, what string) error {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P10" {
		return noUniqueIndex(s, err)
	}
	return wrap(ctx, err, what)
}

// enoughMemory lets the duplicates of some million keys be found in memory;
// beyond that the server spills to disk.
const enoughMemory = `SELECT pg_catalog.set_config('work_mem', '64MB', true)
WHERE pg_catalog.pg_size_bytes(pg_catalog.current_setting('work_mem')) < 67108864`

// deduplicate leaves one row per key in the stage and tells how many went. Keys
// are compared as the table's unique index compares them; NULL equals nothing
// unless that index says so. Rows whose keys cannot be cast are refused first.
func (s *session) deduplicate(ctx context.Context, result *etl.LoadResult) error {
	if err := execute(ctx, s.conn, enoughMemory); err != nil {
		return err
	}
	if err := s.noteNullKeys(ctx); err != nil {
		return err
	}
	if s.layout.keyed != nil && !s.keys.unsure {
		return nil
	}
	return s.castable(ctx, s.stage.merge.keys, result, func() error {
		if s.spec.DuplicateKeys == "fail" {
			return s.failOnDuplicates(ctx)
		}
		sql, err := s.duplicates()
		if err != nil {
			return err
		}
		tag, err := s.conn.Exec(ctx, sql)
		result.Deduplicated = tag.RowsAffected()
		return err
	})
}

// castable runs do, which casts the values of columns, and once more without
// the rows whose values cannot be cast where that is why it fails.
func (s *session) castable(ctx context.Context, columns []int, result *etl.LoadResult, do func() error) error {
	if !slices.ContainsFunc(columns, func(i int) bool { return s.stage.casts[i] != "%s" }) {
		return do()
	}
	if err := execute(ctx, s.conn, "SAVEPOINT casts"); err != nil {
		return err
	}
	err := do()
	if err != nil && s.mayBeRow(err) {
		if err := execute(ctx, s.conn, "ROLLBACK TO SAVEPOINT casts"); err != nil {
			return err
		}
		if err := s.siftValues(ctx, columns, result); err != nil {
			return err
		}
		err = do()
	}
	if err != nil {
		return err
	}
	return execute(ctx, s.conn, "RELEASE SAVEPOINT casts")
}

// duplicates is the statement that deletes all rows of a key but one.
//
// One DELETE finds and removes: its hash aggregate over the keys costs a few
// per cent of the merge, and is left out where keySet has shown that there is
// nothing to find. Trying the merge first and deduplicating only on
// cardinality_violation would cost nothing on clean files, but leave the
// aborted attempt's dead rows in the customer's table on others.
func (s *session) duplicates() (string, error) {
	keep, order := "max", "DESC"
	switch s.spec.DuplicateKeys {
	case "", "last":
	case "first":
		keep, order = "min", "ASC"
	default:
		return "", etl.Mistakef("unknown_policy", "Choose last, first or fail.", "there is no policy %q for duplicate keys", s.spec.DuplicateKeys)
	}
	m := &s.stage.merge
	var values, inner, group, join []string
	for n, i := range m.keys {
		value := s.stage.value(i)
		values = append(values, value)
		inner = append(inner, fmt.Sprintf("%s AS k%d", value, n))
		group = append(group, fmt.Sprint(n+1))
		join = append(join, fmt.Sprintf("%s = d.k%d", value, n))
	}
	if m.nullsEqual {
		// IS NOT DISTINCT FROM cannot be hashed; a window's partitions take NULLs for equal.
		return fmt.Sprintf("DELETE FROM %[1]s s USING (SELECT s._row, row_number() OVER (PARTITION BY %[2]s ORDER BY s._row %[3]s) AS n FROM %[1]s s) d WHERE s._row = d._row AND d.n > 1",
			s.stage.from, strings.Join(values, ", "), order), nil
	}
	return fmt.Sprintf(
		"DELETE FROM %[1]s s USING (SELECT %[2]s, %[3]s(s._row) AS keep FROM %[1]s s GROUP BY %[4]s HAVING count(*) > 1) d WHERE %[5]s AND s._row <> d.keep",
		s.stage.from, strings.Join(inner, ", "), keep, strings.Join(group, ", "), strings.Join(join, " AND ")), nil
}

func (s *session) noteNullKeys(ctx context.Context) error {
	if s.stage.merge.nullsEqual {
		return nil
	}
	var nulls []string
	for _, i := range s.stage.merge.keys {
		if !s.target.column(s.layout.names[i]).NotNull {
			nulls = append(nulls, fmt.Sprintf("s.c%d IS NULL", i+1))
		}
	}
	if len(nulls) == 0 {
		return nil
	}
	var n int64
	err := s.conn.QueryRow(ctx, fmt.Sprintf("SELECT count(*) FROM %s s WHERE %s", s.stage.from, strings.Join(nulls, " OR "))).Scan(&n)
	if n > 0 {
		s.notes = append(s.notes, fmt.Sprintf("%d rows have NULL in their key (%s), which equals no other: they were inserted", n, identifiers(s.spec.Keys)))
	}
	return err
}

// failOnDuplicates names the first row whose key an earlier one has.
func (s *session) failOnDuplicates(ctx context.Context) error {
	var keys, named, texts, filled []string
	for n, i := range s.stage.merge.keys {
		keys = append(keys, fmt.Sprintf("k%d", n))
		named = append(named, fmt.Sprintf("%s AS k%d", s.stage.value(i), n))
		texts = append(texts, fmt.Sprintf("coalesce(k%d::text, 'null')", n))
		filled = append(filled, fmt.Sprintf("k%d IS NOT NULL", n))
	}
	if s.stage.merge.nullsEqual {
		filled = []string{"true"}
	}
	list := strings.Join(keys, ", ")
	rows, err := s.conn.Query(ctx, fmt.Sprintf(`
SELECT first, _line, ARRAY[%[4]s] FROM (
  SELECT *, first_value(_line) OVER w AS first, row_number() OVER w AS n
  FROM (SELECT s._row, s._line, %[2]s FROM %[1]s s) s WHERE %[5]s WINDOW w AS (PARTITION BY %[3]s ORDER BY _row)) d
WHERE n = 2 ORDER BY _row LIMIT 1`,
		s.stage.from, strings.Join(named, ", "), list, strings.Join(texts, ", "), strings.Join(filled, " AND ")))
	if err != nil {
		return err
	}
	var first, second int64
	var values []string
	_, err = pgx.ForEachRow(rows, []any{&first, &second, &values}, func() error {
		key := fmt.Sprintf("(%s)=(%s)", identifiers(s.spec.Keys), strings.Join(values, ", "))
		return &etl.Error{
			Kind: etl.Refused, Code: "duplicate_key", Line: second, Column: strings.Join(s.spec.Keys, ", "), Value: limit(strings.Join(values, ", "), 200),
			Message: fmt.Sprintf("lines %d and %d have the same key %s", first, second, limit(key, 300)),
			Fix:     "Remove one of them, or let the first or the last count (duplicate_keys, on the command line --duplicate-keys).",
		}
	})
	return err
}
