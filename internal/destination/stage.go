package destination

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
	"github.com/etlportal/etlportal/internal/schema"
)

const (
	stageName = "etlportal_stage"
	dryName   = "etlportal_dry_run"
)

// staging is the temporary table of a staged load: columns c1, c2, … for the
// load's, and each row's record and line number.
type staging struct {
	// name is the table's, from how statements call it; sifter is the function
	// that tries rows singly.
	name, from, sifter string
	// into is the table that rows go to from here.
	into string
	// casts are what turns a staged column into a value for the table: "%s" or
	// "%s::type".
	casts []string
	merge merge
}

func (s *session) needsStage() bool {
	spec := &s.spec
	// A refused row of so many columns goes unexplained rather than the rows unloaded.
	explain := spec.Explain && stageable(spec.Columns)
	if spec.Strategy == etl.Upsert || explain || s.target.RowSecurity || s.emptiesOnTrial() {
		return true
	}
	for _, c := range spec.Columns {
		if s.target.column(c.Name).travelsAsText(c.Type.Kind) {
			return true
		}
	}
	return spec.SkipRefused && s.mayRefuse()
}

// emptiesOnTrial says that the load is a dry run that would empty its table.
// TRUNCATE would keep everybody out of it until the rollback, so the rows go
// into an empty temporary copy with the same columns, defaults, unique indexes
// and checks instead.
func (s *session) emptiesOnTrial() bool {
	return s.spec.DryRun && s.spec.Strategy == etl.TruncateInsert && !s.spec.Create
}

// mayRefuse says whether a row whose values have the right types may be refused.
func (s *session) mayRefuse() bool {
	if s.spec.Table.Refusals != (schema.Refusals{}) {
		return true
	}
	return slices.ContainsFunc(s.spec.Columns, func(c schema.Column) bool {
		// Our reading of JSON and the server's could differ (\u0000 in jsonb), and
		// of an enum's labels or XML we have none.
		return s.target.column(c.Name).NotNull || c.Type.Kind == schema.Other || c.Type.Kind == schema.JSON || c.Type.Kind == schema.JSONB || s.recodes(c)
	})
}

// recodes says that the database's own encoding may lack characters of the text.
func (s *session) recodes(c schema.Column) bool {
	if s.target.Encoding == "UTF8" || s.target.Encoding == "SQL_ASCII" {
		return false
	}
	return wires[c.Type.Kind] == wireText || wires[c.Type.Kind] == wireJSONB
}

// openStage makes the temporary table and gives the COPY that fills it.
func (s *session) openStage(ctx context.Context) (string, error) {
	t := s.target
	if !t.Temp {
		return "", etl.Mistakef("permission_denied",
			fmt.Sprintf("Ask for: GRANT TEMPORARY ON DATABASE %s TO %s;", schema.Identifier(t.Database), schema.Identifier(t.User)),
			"user %q may not create the temporary table that this load into %s needs", t.User, qualified(t.Schema, t.Name))
	}
	st, columns := s.stageColumns()
	st.name, st.from, st.sifter = stageName, "pg_temp."+stageName, "pg_temp.etlportal_singly"
	statement := fmt.Sprintf("CREATE TEMPORARY TABLE %s (%s, _row bigint, _line bigint) ON COMMIT DROP", stageName, strings.Join(columns, ", "))
	if s.emptiesOnTrial() {
		statement += fmt.Sprintf("; CREATE TEMPORARY TABLE %s (LIKE %s INCLUDING ALL) ON COMMIT DROP", dryName, t.sql())
		st.into = "pg_temp." + dryName
		if s.spec.Table.Refusals.ForeignKey || s.spec.Table.Refusals.Trigger {
			s.notes = append(s.notes, "foreign keys and triggers are not tried in a dry run of TRUNCATE_INSERT")
		}
	}
	if err := execute(ctx, s.conn, statement); err != nil {
		return "", wrap(ctx, err, "creating a temporary table")
	}
	s.stage = st
	if s.spec.Strategy == etl.Upsert {
		if err := s.planMerge(ctx); err != nil {
			return "", err
		}
		if !st.merge.nullsEqual && s.provable(st.merge.keys) {
			s.layout.hashKeys(st.merge.keys)
		}
	}
	return s.layout.stageCopy(st.from), nil
}

// stageColumns plans the staging table's columns c1, c2, …, with their types, and the way out of them.
func (s *session) stageColumns() (*staging, []string) {
	st := &staging{into: s.target.sql()}
	definition := make([]string, len(s.spec.Columns))
	for i, c := range s.spec.Columns {
		typ, cast := s.staged(c)
		definition[i] = fmt.Sprintf("c%d %s", i+1, typ)
		st.casts = append(st.casts, cast)
	}
	s.layout.stage()
	return st, definition
}

// stage makes the layout that of a staging table, which takes JSON as text.
func (l *layout) stage() {
	l.staged = true
	for i := range l.wires {
		if l.wires[i] == wireJSONB {
			l.wires[i] = wireText
		}
	}
}

// stageCopy is the COPY that fills a staging table.
func (l *layout) stageCopy(table string) string {
	var columns []string
	for i := range l.wires {
		columns = append(columns, fmt.Sprintf("c%d", i+1))
	}
	if l.chunked {
		columns = append(columns, "_chunk")
	}
	return fmt.Sprintf("COPY %s (%s, _row, _line) FROM STDIN (FORMAT binary)", table, strings.Join(columns, ", "))
}

// staged is the type of a staged column and the cast out of it. The staging
// table must take every row, so that refusals come later and can be told apart
// by row: what only the server can judge is staged as it was sent.
func (s *session) staged(c schema.Column) (typ, cast string) {
	found := s.target.column(c.Name)
	switch {
	case s.recodes(c):
		return "bytea", "pg_catalog.convert_from(%s, 'UTF8')::" + found.Cast
	case c.Type.Kind == schema.Other, c.Type.Kind == schema.JSON, c.Type.Kind == schema.JSONB:
		// Without modifiers, because a cast to bit(3) would cut what an
		// assignment refuses.
		return "text", "%s::" + found.Cast
	case found.Collation != "":
		return found.Type + " COLLATE " + found.Collation, "%s"
	}
	return found.Type, "%s"
}

// value is the i-th column (from 0) of the stage, whose alias is s, as the table takes it.
func (st *staging) value(i int) string {
	return fmt.Sprintf(st.casts[i], fmt.Sprintf("s.c%d", i+1))
}

// insert is the statement that moves rows on from a FROM clause, whose alias is s.
func (s *session) insert(from string) string {
	values := make([]string, len(s.stage.casts))
	overriding := ""
	for i := range values {
		values[i] = s.stage.value(i)
		// COPY takes values for such a column as they are; so shall this.
		if s.target.column(s.layout.names[i]).Identity == "a" {
			overriding = " OVERRIDING SYSTEM VALUE"
		}
	}
	return fmt.Sprintf("INSERT INTO %s AS target (%s)%s SELECT %s FROM %s%s",
		s.stage.into, quoteAll(s.layout.names), overriding, strings.Join(values, ", "), from, s.stage.merge.clause)
}

// publish moves the staged rows into the table.
func (s *session) publish(ctx context.Context) (etl.LoadResult, error) {
	var result etl.LoadResult
	what := "writing to " + qualified(s.target.Schema, s.target.Name)
	var err error
	if s.spec.Strategy == etl.Upsert {
		if err := s.deduplicate(ctx, &result); err != nil {
			return result, wrap(ctx, err, what)
		}
	}
	if s.spec.DryRun && s.spec.Sample > 0 {
		every := make([]int, len(s.layout.names))
		for i := range every {
			every[i] = i
		}
		err := s.castable(ctx, every, &result, func() (err error) {
			result.Comparison, err = s.compare(ctx)
			return err
		})
		if err != nil {
			return result, wrap(ctx, err, what)
		}
	}
	if err := execute(ctx, s.conn, "SET CONSTRAINTS ALL IMMEDIATE; SAVEPOINT whole"); err != nil {
		return result, wrap(ctx, err, what)
	}
	result.Inserted, result.Updated, err = s.move(ctx)
	if err != nil {
		if !s.mayBeRow(err) {
			return result, mergeError(ctx, err, s, what)
		}
		if err := execute(ctx, s.conn, "ROLLBACK TO SAVEPOINT whole"); err != nil {
			return result, wrap(ctx, err, what)
		}
		if err := s.sift(ctx, &result); err != nil {
			return result, wrap(ctx, err, what)
		}
	}
	staged := s.ledger.rows - result.Deduplicated - result.Refused.Len()
	if s.stage.merge.keepsOld {
		// Rows that were there already and need no change are as asked for.
		there := staged
		if s.spec.Table.Refusals.Trigger {
			if there, err = s.kept(ctx); err != nil {
				return result, wrap(ctx, err, what)
			}
		}
		result.Updated = there - result.Inserted
	}
	if got := result.Inserted + result.Updated; got != staged {
		return result, s.countError(got + result.Deduplicated + result.Refused.Len())
	}
	return result, nil
}

// move runs insert over the whole stage and counts.
func (s *session) move(ctx context.Context) (inserted, updated int64, err error) {
	// ON CONFLICT needs a condition before it, to tell it from a join's.
	from := s.stage.from + " s WHERE true"
	if s.stage.merge.fresh == "" {
		tag, err := s.conn.Exec(ctx, s.insert(from))
		return tag.RowsAffected(), 0, err
	}
	err = s.conn.QueryRow(ctx, s.counted(from, "")).Scan(&inserted, &updated)
	return inserted, updated, err
}

// counted is insert with the numbers of inserted and updated rows, for merges that update.
func (s *session) counted(from, into string) string {
	return fmt.Sprintf("WITH merged AS (%s RETURNING %s AS fresh) SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh)%s FROM merged",
		s.insert(from), s.stage.merge.fresh, into)
}

// number of rows and bounds of the stage.
func (s *session) stagedRange(ctx context.Context) (first, last int64, err error) {
	err = s.conn.QueryRow(ctx, "SELECT coalesce(min(_row), 0), coalesce(max(_row), -1) FROM "+s.stage.from).Scan(&first, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, -1, nil
	}
	return first, last, err
}
