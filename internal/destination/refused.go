package destination

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/etlportal/etlportal/internal/etl"
)

// singly is the size of a range of rows in which it is no longer worth while to
// halve: the server then tries them one by one, in a function of its own,
// because a round trip per row would cost several times as much.
const singly = 256

func isRefusal(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && isRowState(e.Code)
}

// sift moves those staged rows that the table takes and finds those that it
// refuses. It works through the rows in file order: a range is tried whole and,
// if refused, its halves, so that k refused rows among n cost some k·log n tries,
// and each row meets exactly the rows before it that were taken. Of rows that
// exclude each other, the first in the file wins.
//
// Without SkipRefused the first refused row is the error.
func (s *session) sift(ctx context.Context, result *etl.LoadResult) error {
	first, last, err := s.stagedRange(ctx)
	if err != nil {
		return err
	}
	if err := execute(ctx, s.conn, fmt.Sprintf("CREATE INDEX ON %[1]s (_row); ANALYZE %[1]s (_row); %[2]s", s.stage.from, s.trySingly())); err != nil {
		return err
	}
	v := &sieve{session: s, result: result}
	result.Inserted, result.Updated = 0, 0
	if err := v.settle(ctx, first, last+1); err != nil {
		return err
	}
	if err := v.retryOrphans(ctx); err != nil {
		return err
	}
	return execute(ctx, s.conn, "DROP FUNCTION "+s.stage.sifter+"(bigint[])")
}

// sieve is the state of one sift.
type sieve struct {
	*session
	result      *etl.LoadResult
	constraints map[string]constraint
	// orphans are rows refused for now: their foreign key refers to a row of
	// the table itself, which may come later in the file.
	orphans []refusedRow
	last    bool
}

// settle moves the rows from ≤ _row < to.
func (v *sieve) settle(ctx context.Context, from, to int64) error {
	if to-from <= singly {
		return v.one(ctx, "ARRAY(SELECT s._row FROM "+v.stage.from+" s WHERE s._row >= $1 AND s._row < $2 ORDER BY s._row)", from, to)
	}
	if err := execute(ctx, v.conn, "SAVEPOINT part"); err != nil {
		return err
	}
	inserted, updated, err := v.move(ctx, "s._row >= $1 AND s._row < $2", from, to)
	if err == nil {
		v.result.Inserted += inserted
		v.result.Updated += updated
		return execute(ctx, v.conn, "RELEASE SAVEPOINT part")
	}
	if !isRefusal(err) {
		return err
	}
	if err := execute(ctx, v.conn, "ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part"); err != nil {
		return err
	}
	middle := from + (to-from)/2
	if err := v.settle(ctx, from, middle); err != nil {
		return err
	}
	return v.settle(ctx, middle, to)
}

// trySingly is a temporary function (it goes with the transaction at the
// latest) that tries rows one by one and returns the refused ones, and a last
// row with the counts of the others.
func (s *session) trySingly() string {
	texts := make([]string, len(s.stage.casts))
	var casts strings.Builder
	for i, cast := range s.stage.casts {
		texts[i] = fmt.Sprintf("left(s.c%d::text, 201)", i+1)
		if strings.HasPrefix(cast, "pg_catalog.convert_from") {
			texts[i] = "NULL" // the very bytes that may be the fault
		}
		if cast != "%s" {
			// Which of several casts it was that failed, the error does not say.
			fmt.Fprintf(&casts, "IF culprit = 0 THEN BEGIN PERFORM %s FROM %s s WHERE s._row = r; EXCEPTION WHEN OTHERS THEN culprit := %d; END; END IF;\n",
				s.stage.value("s", i), s.stage.from, i+1)
		}
	}
	move, count := s.insert("s._row = r"), "GET DIAGNOSTICS changed = ROW_COUNT; inserted := inserted + changed;"
	if s.stage.merge.fresh != "" {
		move += " RETURNING " + s.stage.merge.fresh + " INTO fresh"
		count = "IF fresh THEN inserted := inserted + 1; ELSIF NOT fresh THEN updated := updated + 1; END IF;"
	}
	body := fmt.Sprintf(`
#variable_conflict use_column
DECLARE
  r bigint; fresh boolean; changed bigint; culprit int; inserted bigint := 0; updated bigint := 0;
  e_state text; e_message text; e_detail text; e_constraint text; e_column text;
BEGIN
  FOREACH r IN ARRAY records LOOP
    BEGIN
      fresh := NULL;
      %[2]s;
      %[3]s
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS e_state = RETURNED_SQLSTATE, e_message = MESSAGE_TEXT, e_detail = PG_EXCEPTION_DETAIL,
        e_constraint = CONSTRAINT_NAME, e_column = COLUMN_NAME;
      IF left(e_state, 2) IN ('%[6]s') AND e_state <> '%[7]s' THEN RAISE; END IF;
      culprit := 0;
      IF left(e_state, 2) = '22' THEN
        NULL; %[4]s
      END IF;
      RETURN QUERY SELECT r, s._line, e_state, e_message, e_detail, e_constraint, e_column, culprit, ARRAY[%[5]s]::text[], 0::bigint, 0::bigint
        FROM %[1]s s WHERE s._row = r;
    END;
  END LOOP;
  RETURN QUERY SELECT NULL::bigint, NULL::bigint, ''::text, ''::text, ''::text, ''::text, ''::text, 0, NULL::text[], inserted, updated;
END `, s.stage.from, move, count, casts.String(), strings.Join(texts, ", "), strings.Join(statementClasses, "', '"), indexRowTooLarge)
	return `CREATE FUNCTION ` + s.stage.sifter + `(records bigint[]) RETURNS TABLE (
  record bigint, line bigint, state text, message text, detail text, conname text, attname text, castno int, texts text[], inserts bigint, updates bigint)
LANGUAGE plpgsql AS '` + strings.ReplaceAll(body, "'", "''") + `'`
}

// refusedRow is a row of trySingly.
type refusedRow struct {
	record, line      *int64
	error             pgconn.PgError
	culprit           int
	texts             []*string
	inserted, updated int64
}

// one tries rows one by one: those of an SQL expression for an array of record numbers.
func (v *sieve) one(ctx context.Context, records string, args ...any) error {
	rows, err := v.conn.Query(ctx, "SELECT * FROM "+v.stage.sifter+"("+records+")", args...)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (refusedRow, error) {
		var r refusedRow
		err := row.Scan(&r.record, &r.line, &r.error.Code, &r.error.Message, &r.error.Detail, &r.error.ConstraintName, &r.error.ColumnName,
			&r.culprit, &r.texts, &r.inserted, &r.updated)
		return r, err
	})
	if err != nil {
		return err
	}
	for i := range found {
		r := &found[i]
		if r.record == nil {
			v.result.Inserted += r.inserted
			v.result.Updated += r.updated
			continue
		}
		if err := v.refuse(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// refuse records a refused row, or makes it the error.
func (v *sieve) refuse(ctx context.Context, r *refusedRow) error {
	if err := v.readConstraints(ctx); err != nil {
		return err
	}
	if !v.last && r.error.Code == "23503" && v.constraints[r.error.ConstraintName].self {
		v.orphans = append(v.orphans, *r)
		return nil
	}
	bad := v.explain(r)
	if !v.spec.SkipRefused {
		return &etl.Error{
			Kind: etl.Refused, Code: bad.Code, Line: bad.Line, Column: bad.Column, Value: bad.Value, Err: &r.error,
			Message: fmt.Sprintf("the database refused the row: %s", bad.Reason),
			Fix:     "Correct the row, or let such rows be skipped (--on-bad-row skip).",
		}
	}
	v.result.Refused = append(v.result.Refused, bad)
	if v.spec.AllowRefused != nil {
		return v.spec.AllowRefused(int64(len(v.result.Refused)))
	}
	return nil
}

// retryOrphans tries them again for as long as that brings any of them home,
// each time in the opposite order: in most files children come either before
// their parents or after them.
func (v *sieve) retryOrphans(ctx context.Context) error {
	for before := 0; len(v.orphans) != before; {
		records := make([]int64, len(v.orphans))
		for i := range v.orphans {
			records[len(records)-1-i] = *v.orphans[i].record
		}
		v.orphans, before = nil, len(records)
		for chunk := range slices.Chunk(records, 4*singly) {
			if err := v.one(ctx, "$1::bigint[]", chunk); err != nil {
				return err
			}
		}
	}
	v.last = true
	for i := range v.orphans {
		if err := v.refuse(ctx, &v.orphans[i]); err != nil {
			return err
		}
	}
	slices.SortFunc(v.result.Refused, func(a, b etl.Reject) int { return cmp.Compare(a.Record, b.Record) })
	return nil
}

// constraint is what the catalogue says of one.
type constraint struct {
	kind       string
	columns    []string
	definition string
	references string
	// self says that it refers to its own table.
	self bool
}

const constraintsQuery = `
WITH part AS (SELECT $1::regclass::oid AS oid UNION SELECT relid FROM pg_catalog.pg_partition_tree($1::regclass))
SELECT k.conname, k.contype::text, ARRAY(
    SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum ORDER BY u.n),
  pg_catalog.pg_get_constraintdef(k.oid), CASE WHEN k.confrelid = 0 THEN '' ELSE k.confrelid::regclass::text END,
  k.confrelid IN (SELECT oid FROM part)
FROM part JOIN pg_catalog.pg_constraint k ON k.conrelid = part.oid
UNION ALL
SELECT i.relname, 'u', ARRAY(
    SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS u(attnum, n)
    JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.attnum WHERE u.n <= x.indnkeyatts ORDER BY u.n),
  pg_catalog.pg_get_indexdef(x.indexrelid), '', false
FROM part JOIN pg_catalog.pg_index x ON x.indrelid = part.oid JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
WHERE x.indisunique AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.indexrelid AND k.conrelid = x.indrelid)`

func (v *sieve) readConstraints(ctx context.Context) error {
	if v.constraints != nil {
		return nil
	}
	v.constraints = map[string]constraint{}
	rows, err := v.conn.Query(ctx, constraintsQuery, v.stage.into)
	if err != nil {
		return err
	}
	var name string
	var c constraint
	_, err = pgx.ForEachRow(rows, []any{&name, &c.kind, &c.columns, &c.definition, &c.references, &c.self}, func() error {
		v.constraints[name] = c
		c.columns = nil
		return nil
	})
	return err
}

// explain puts a refusal into words. They are ours wherever the catalogue tells
// enough, because the server's may be in another language.
func (v *sieve) explain(r *refusedRow) etl.Reject {
	e := &r.error
	bad := etl.Reject{Line: *r.line, Record: *r.record, Code: refusalCode(e), Column: e.ColumnName, Reason: sentence(e)}
	c, known := v.constraints[e.ConstraintName]
	name := e.ConstraintName
	if known && v.emptiesOnTrial() && (c.kind == "u" || c.kind == "p") {
		// The temporary copy's index has a name of its own.
		for _, index := range v.spec.Table.Unique {
			if slices.Equal(index.Columns, c.columns) {
				name = index.Name
			}
		}
	}
	switch {
	case bad.Column != "":
	case r.culprit > 0:
		bad.Column = v.layout.names[r.culprit-1]
	case known && len(c.columns) == 1:
		bad.Column = c.columns[0]
	default:
		bad.Column = name
	}
	if at := slices.Index(v.layout.names, bad.Column); at >= 0 && r.texts[at] != nil {
		bad.Value = limit(*r.texts[at], 200)
	}
	if e.Code == "23502" && e.ColumnName != "" {
		bad.Reason = fmt.Sprintf("column %q takes no NULL", e.ColumnName)
	}
	if !known {
		return bad
	}
	key := v.key(r, c.columns)
	switch {
	case e.Code == "23505" && key != "":
		bad.Reason = fmt.Sprintf("key %s already exists (constraint %s)", key, name)
	case e.Code == "23503" && key != "" && c.references != "":
		bad.Reason = fmt.Sprintf("key %s is not in table %s (constraint %s)", key, c.references, name)
	case e.Code == "23514" && key != "":
		bad.Reason = fmt.Sprintf("%s does not meet %s (constraint %s)", key, c.definition, name)
	case e.Code == "23P01" && key != "":
		bad.Reason = fmt.Sprintf("key %s conflicts with an existing one (constraint %s)", key, name)
	}
	return bad
}

// key shows columns and values: (id)=(7). It is empty where a column is not
// one that the load fills.
func (v *sieve) key(r *refusedRow, columns []string) string {
	var values []string
	for _, c := range columns {
		at := slices.Index(v.layout.names, c)
		if at < 0 {
			return ""
		}
		value := "null"
		if r.texts[at] != nil {
			value = limit(*r.texts[at], 60)
		}
		values = append(values, value)
	}
	if len(values) == 0 {
		return ""
	}
	return fmt.Sprintf("(%s)=(%s)", identifiers(columns), strings.Join(values, ", "))
}
