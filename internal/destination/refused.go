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
)

const (
	// firstStep is how many rows are tried at once at first, longestStep at most:
	// what a refused row among them costs is bounded by it.
	firstStep, longestStep = 1 << 14, 1 << 16
	// handful is how many refused rows are found between two looks at AllowRefused.
	handful = 256
)

// mayBeRow says whether a row may be at fault for a failed statement over the
// stage. Casts fail with states that are usually a statement's (a tsvector's
// syntax error is 42601, too long a name 42622), and so does row security.
func (s *session) mayBeRow(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || len(e.Code) != 5 {
		return false
	}
	return isRowState(e.Code) || s.stage.hasCasts() && slices.Contains(castClasses, e.Code[:2]) || s.target.RowSecurity && e.Code == rowSecurityViolation
}

func (st *staging) hasCasts() bool {
	return slices.ContainsFunc(st.casts, func(cast string) bool { return cast != "%s" })
}

// sift moves those staged rows that the table takes and finds those that it
// refuses. It works through the rows in file order, so that each row meets
// exactly the rows before it that were taken: of rows that exclude each other,
// the first in the file wins.
//
// Without SkipRefused the first refused row is the error.
func (s *session) sift(ctx context.Context, result *etl.LoadResult) error {
	result.Inserted, result.Updated = 0, 0
	v := &sieve{session: s, result: result}
	defer v.forget()
	rows := s.stage.ordered()
	count := "GET DIAGNOSTICS fresh_rows = ROW_COUNT; old_rows := 0;"
	move := s.insert(rows) + ";"
	if s.stage.merge.fresh != "" {
		move, count = s.counted(rows, " INTO fresh_rows, old_rows")+";", ""
	}
	if err := v.open(ctx, move+" "+count); err != nil {
		return err
	}
	if err := v.settle(ctx); err != nil {
		return err
	}
	if err := v.retryOrphans(ctx); err != nil {
		return err
	}
	return v.close(ctx)
}

// siftValues finds those staged rows whose values for some of the load's columns
// cannot be cast, and takes them out of the stage.
func (s *session) siftValues(ctx context.Context, columns []int, result *etl.LoadResult) error {
	values := make([]string, len(columns))
	for n, i := range columns {
		values[n] = s.stage.value(i)
	}
	v := &sieve{session: s, result: result, removes: true}
	defer v.forget()
	if err := v.open(ctx, "fresh_rows := 0; old_rows := 0; PERFORM "+strings.Join(values, ", ")+" FROM "+s.stage.ordered()+";"); err != nil {
		return err
	}
	if err := v.settle(ctx); err != nil {
		return err
	}
	return v.close(ctx)
}

// sieve is the state of one sift.
type sieve struct {
	*session
	result      *etl.LoadResult
	constraints map[string]constraint
	// removes says that refused rows leave the stage as they are found.
	removes bool
	// orphans are the records of rows refused for now: their foreign key refers to
	// a row of the table itself, which may come later in the file. reasons are why,
	// and orphan is the first of them.
	orphans []int64
	reasons *etl.Rejects
	orphan  *refusedRow
	last    bool
}

// forget gives the reasons of orphans back.
func (v *sieve) forget() { _ = v.reasons.Close() }

// open makes what the sieve needs; it goes with the transaction at the latest.
func (v *sieve) open(ctx context.Context, action string) error {
	kind := "SEQUENCE"
	if !strings.HasPrefix(v.stage.sifter, "pg_temp.") && serverVersion(v.conn) >= 15 {
		kind = "UNLOGGED SEQUENCE" // setval logs every call otherwise
	}
	return execute(ctx, v.conn, fmt.Sprintf("CREATE INDEX ON %[1]s (_row); ANALYZE %[1]s (_row); CREATE %[2]s %[3]s MINVALUE -9223372036854775807; %[4]s",
		v.stage.from, kind, v.stage.sifter, v.function(action)))
}

func (v *sieve) close(ctx context.Context) error {
	return execute(ctx, v.conn, fmt.Sprintf("DROP FUNCTION %[1]s(bigint, bigint, bigint, bigint[], int); DROP SEQUENCE %[1]s", v.stage.sifter))
}

// settle works through all rows.
func (v *sieve) settle(ctx context.Context) error {
	from, last, err := v.stagedRange(ctx)
	if err != nil {
		return err
	}
	enough := handful
	if !v.spec.SkipRefused {
		enough = 1
	}
	for step := int64(firstStep); from <= last; {
		if from, step, err = v.try(ctx, "$1, $2, $3, NULL, $4", from, last+1, step, enough); err != nil {
			return err
		}
	}
	return nil
}

// ordered is the stage's rows from p up to q in file order, for the sieve's
// function, each of them noted as it passes: what setval does outlasts the
// rollback of a failed try, and the subquery's order keeps the note from
// running ahead of what is done with the row.
func (st *staging) ordered() string {
	return fmt.Sprintf("(SELECT * FROM %s s WHERE s._row >= p AND s._row < q ORDER BY s._row) s WHERE pg_catalog.setval('%s', s._row) IS NOT NULL",
		st.from, strings.ReplaceAll(st.sifter, "'", "''"))
}

// function tries the rows first ≤ _row < past (or those of an array, singly) in
// ranges that it makes shorter where a row is refused and longer where none is,
// and returns the refused rows, and a last row with the counts of the others and
// where to go on.
//
// A range that fails tells which row was at work. What came before that row is
// tried again, then the row alone. Foreign keys and AFTER triggers fail at the
// end of the range, so that the row at work is none; then the range is halved.
func (v *sieve) function(action string) string {
	st := v.stage
	texts := make([]string, len(st.casts))
	var variables, casts strings.Builder
	for i, cast := range st.casts {
		texts[i] = fmt.Sprintf("left(s.c%d::text, 201)", i+1)
		if strings.HasPrefix(cast, "pg_catalog.convert_from") {
			texts[i] = "NULL" // the very bytes that may be the fault
		}
		column := v.target.column(v.layout.names[i])
		if cast != "%s" || column.Domain {
			// Which of several values it was the error does not say. A variable
			// takes a value as the column does, by assignment.
			fmt.Fprintf(&variables, "  x%d %s.%s%%TYPE;\n", i+1, v.target.sql(), quote(column.Name))
			fmt.Fprintf(&casts, "IF culprit = 0 THEN BEGIN x%[1]d := (SELECT %[2]s FROM %[3]s s WHERE s._row = p); EXCEPTION WHEN OTHERS THEN culprit := %[1]d; END; END IF;\n",
				i+1, st.value(i), st.from)
		}
	}
	weather := slices.DeleteFunc(slices.Clone(statementClasses), func(class string) bool { return slices.Contains(castClasses, class) })
	body := fmt.Sprintf(`
#variable_conflict use_column
DECLARE
  p bigint := first; q bigint; n bigint := step; at_work bigint; suspect bigint; bad bigint; since bigint := first; i int := 0;
  fresh_rows bigint; old_rows bigint; culprit int; found int := 0; inserted bigint := 0; updated bigint := 0;
  e_state text; e_message text; e_detail text; e_hint text; e_constraint text; e_column text; e_type text; e_table text;
%[7]sBEGIN
  LOOP
    IF records IS NOT NULL AND i < cardinality(records) AND (i = 0 OR p >= past) THEN
      i := i + 1; p := records[i]; past := p + 1; since := p;
    END IF;
    EXIT WHEN p >= past OR found >= enough;
    q := least(p + n, past);
    PERFORM pg_catalog.setval('%[2]s', p - 1);
    BEGIN
      %[3]s
      inserted := inserted + fresh_rows; updated := updated + old_rows;
      p := q;
      n := CASE WHEN p = suspect THEN 1 WHEN p < bad THEN greatest((bad - p) / 2, 1) ELSE least(2 * n, %[9]d) END;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS e_state = RETURNED_SQLSTATE, e_message = MESSAGE_TEXT, e_detail = PG_EXCEPTION_DETAIL, e_hint = PG_EXCEPTION_HINT,
        e_constraint = CONSTRAINT_NAME, e_column = COLUMN_NAME, e_type = PG_DATATYPE_NAME, e_table = TABLE_NAME;
      SELECT last_value INTO at_work FROM %[1]s;
      IF at_work < p OR left(e_state, 2) IN ('%[6]s') THEN RAISE; END IF;
      IF q > p + 1 THEN
        bad := q;
        n := CASE WHEN at_work = p THEN 1 WHEN e_state = '23503' OR q = suspect THEN (q - p) / 2 ELSE at_work - p END;
        suspect := p + n;
      ELSE
        culprit := 0;
        IF left(e_state, 2) IN ('22', '%[10]s') OR e_type <> '' THEN
          NULL; %[4]s
        END IF;
        IF left(e_state, 2) IN ('%[10]s') AND culprit = 0 AND e_state NOT IN (%[11]s) THEN RAISE; END IF;
        RETURN QUERY SELECT p, s._line, e_state, e_message, e_detail, e_hint, e_constraint, e_column, e_table, culprit, ARRAY[%[5]s]::text[], 0::bigint, 0::bigint
          FROM %[8]s s WHERE s._row = p;
        found := found + 1; p := q; n := greatest(2 * (p - since), 16); since := p;
      END IF;
    END;
  END LOOP;
  RETURN QUERY SELECT p, n, ''::text, ''::text, ''::text, ''::text, ''::text, ''::text, ''::text, -1, NULL::text[], inserted, updated;
END `, st.sifter, strings.ReplaceAll(st.sifter, "'", "''"), action, casts.String(), strings.Join(texts, ", "), strings.Join(weather, "', '"),
		variables.String(), st.from, longestStep, strings.Join(castClasses, "', '"), v.excepted())
	return `CREATE FUNCTION ` + st.sifter + `(first bigint, past bigint, step bigint, records bigint[], enough int) RETURNS TABLE (
  record bigint, line bigint, state text, message text, detail text, hint text, conname text, attname text, relation text, castno int, texts text[], inserts bigint, updates bigint)
LANGUAGE plpgsql AS '` + strings.ReplaceAll(body, "'", "''") + `'`
}

// excepted are the states of castClasses that a row may cause without a cast.
func (v *sieve) excepted() string {
	if v.target.RowSecurity {
		return "'" + indexRowTooLarge + "', '" + rowSecurityViolation + "'"
	}
	return "'" + indexRowTooLarge + "'"
}

// refusedRow is a row of the sieve's function.
type refusedRow struct {
	record, line      int64
	error             pgconn.PgError
	culprit           int
	texts             []*string
	inserted, updated int64
}

// try calls the sieve's function with arguments in SQL and says where to go on, and by how many rows.
func (v *sieve) try(ctx context.Context, arguments string, args ...any) (next, step int64, err error) {
	rows, err := v.conn.Query(ctx, "SELECT * FROM "+v.stage.sifter+"("+arguments+")", args...)
	if err != nil {
		return 0, 0, err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (refusedRow, error) {
		var r refusedRow
		e := &r.error
		err := row.Scan(&r.record, &r.line, &e.Code, &e.Message, &e.Detail, &e.Hint, &e.ConstraintName, &e.ColumnName, &e.TableName,
			&r.culprit, &r.texts, &r.inserted, &r.updated)
		return r, err
	})
	if err != nil {
		return 0, 0, err
	}
	var removed []int64
	for i := range found {
		r := &found[i]
		if r.culprit < 0 {
			v.result.Inserted += r.inserted
			v.result.Updated += r.updated
			next, step = r.record, r.line
			continue
		}
		if err := v.refuse(ctx, r); err != nil {
			return 0, 0, err
		}
		if v.removes {
			removed = append(removed, r.record)
		}
	}
	if len(removed) > 0 {
		_, err = v.conn.Exec(ctx, "DELETE FROM "+v.stage.from+" WHERE _row = ANY($1)", removed)
	}
	return next, step, err
}

// refuse records a refused row, or makes it the error.
func (v *sieve) refuse(ctx context.Context, r *refusedRow) error {
	if err := v.readConstraints(ctx); err != nil {
		return err
	}
	bad := v.explain(r)
	if !v.last && r.error.Code == "23503" && v.constraints[r.error.ConstraintName].self {
		if v.orphans == nil {
			v.reasons, v.orphan = &etl.Rejects{}, r
		}
		v.orphans = append(v.orphans, r.record)
		return v.reasons.Add(&bad)
	}
	if !v.spec.SkipRefused {
		return &etl.Error{
			Kind: etl.Refused, Code: bad.Code, Line: bad.Line, Column: bad.Column, Value: bad.Value, Err: &r.error,
			Message: "the database refused the row: " + naming(bad.Column, bad.Reason),
			Fix:     skipFix,
		}
	}
	return v.leaveOut(&bad)
}

// leaveOut makes a refused row a reject.
func (v *sieve) leaveOut(bad *etl.Reject) error {
	if v.result.Refused == nil {
		v.result.Refused = &etl.Rejects{Most: v.spec.KeepRefused}
	}
	if err := v.result.Refused.Add(bad); err != nil {
		return err
	}
	if v.spec.AllowRefused == nil {
		return nil
	}
	if err := v.spec.AllowRefused(v.result.Refused.Len()); err != nil {
		return &etl.RowsRefused{Err: err, Rows: v.result.Refused}
	}
	return nil
}

// retryOrphans tries them again for as long as that brings any of them home,
// each time in the opposite order: in most files children come either before
// their parents or after them.
func (v *sieve) retryOrphans(ctx context.Context) error {
	for before := 0; len(v.orphans) != before; {
		records := v.orphans
		slices.Reverse(records)
		before = len(records)
		v.forget()
		v.orphans, v.reasons = nil, nil
		for chunk := range slices.Chunk(records, 1024) {
			if _, _, err := v.try(ctx, "0, 0, 1, $1, $2", chunk, len(chunk)); err != nil {
				return err
			}
		}
	}
	v.last = true
	if len(v.orphans) > 0 && !v.spec.SkipRefused {
		return v.refuse(ctx, v.orphan)
	}
	for bad, err := range v.reasons.All() {
		if err != nil {
			return err
		}
		if err := v.leaveOut(&bad); err != nil {
			return err
		}
	}
	return nil
}
