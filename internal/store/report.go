package store

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

// AppendLog adds entries to the logs of their runs. A reader of a log that goes
// on after the last ID it saw misses none: within a run, IDs become visible in
// their order.
func (s *Store) AppendLog(ctx context.Context, entries ...etl.LogEntry) error {
	if len(entries) == 0 {
		return nil
	}
	runs := make(map[int64]bool)
	for i := range entries {
		runs[entries[i].RunID] = true
	}
	rows, err := logRows(entries)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(runs))
	return s.tx(ctx, "writing to a run's log", func(tx pgx.Tx) error {
		// Held until commit, so that no entry with a higher ID is visible before these.
		tag, err := tx.Exec(ctx, `SELECT FROM job_runs WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`, ids)
		if err != nil {
			return err
		}
		if int(tag.RowsAffected()) < len(ids) {
			return notFound("run among", ids)
		}
		return copyLog(ctx, tx, rows)
	})
}

func copyLog(ctx context.Context, tx pgx.Tx, rows [][]any) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"run_logs"}, []string{"run_id", "level", "chunk", "message", "attributes"}, pgx.CopyFromRows(rows))
	return err
}

// writeLog adds entries to the log of a run that tx has locked.
func writeLog(ctx context.Context, tx pgx.Tx, runID int64, entries []etl.LogEntry) error {
	if len(entries) == 0 {
		return nil
	}
	rows, err := logRows(entries)
	if err != nil {
		return err
	}
	for _, row := range rows {
		row[0] = runID
	}
	return copyLog(ctx, tx, rows)
}

// logRows are entries as run_logs takes them.
func logRows(entries []etl.LogEntry) ([][]any, error) {
	rows := make([][]any, len(entries))
	for i, e := range entries {
		var attributes any
		if len(e.Attributes) > 0 {
			encoded, err := json.Marshal(e.Attributes)
			if err != nil {
				return nil, &etl.Error{Code: "internal", Message: "an attribute of a log entry cannot be stored", Err: err}
			}
			attributes = json.RawMessage(encoded)
		}
		level := e.Level
		if level == "" {
			level = "info"
		}
		rows[i] = []any{e.RunID, level, e.Chunk, clean(e.Message), attributes}
	}
	return rows, nil
}

const logColumns = `id, run_id, at, level, chunk, message, attributes`

func scanLog(row pgx.Row) (e etl.LogEntry, err error) {
	err = row.Scan(&e.ID, &e.RunID, &e.At, &e.Level, &e.Chunk, &e.Message, &e.Attributes)
	return e, err
}

// Logs lists a run's log, oldest first.
func (s *Store) Logs(ctx context.Context, runID int64, p etl.Page) (etl.List[etl.LogEntry], error) {
	w, err := read(p, fmt.Sprintf("logs %d", runID), 1)
	if err != nil {
		return etl.List[etl.LogEntry]{}, err
	}
	items, err := s.LogsAfter(ctx, runID, w.key(0, 0), w.fetch())
	return page(w, items, func(e etl.LogEntry) []int64 { return []int64{e.ID} }), err
}

// LogsAfter gives up to limit entries of a run's log with IDs above afterID, oldest first.
func (s *Store) LogsAfter(ctx context.Context, runID, afterID int64, limit int) ([]etl.LogEntry, error) {
	return all(ctx, s.pool, fmt.Sprintf("reading the log of run %d", runID), scanLog,
		`SELECT `+logColumns+` FROM run_logs WHERE run_id = $1 AND id > $2 ORDER BY id LIMIT $3`, runID, afterID, limit)
}

// LogTail gives the last entries of a run's log, oldest first.
func (s *Store) LogTail(ctx context.Context, runID int64, limit int) ([]etl.LogEntry, error) {
	entries, err := all(ctx, s.pool, fmt.Sprintf("reading the log of run %d", runID), scanLog,
		`SELECT `+logColumns+` FROM run_logs WHERE run_id = $1 ORDER BY id DESC LIMIT $2`, runID, limit)
	slices.Reverse(entries)
	return entries, err
}

// writeRejects copies bad rows in; chunk nil is for those found while publishing.
func writeRejects(ctx context.Context, tx pgx.Tx, runID int64, chunk *int, rejects *etl.Rejects) error {
	if rejects.Len() == 0 {
		return nil
	}
	next, stop := iter.Pull2(rejects.All())
	defer stop()
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"run_rejects"},
		[]string{"run_id", "chunk", "line", "record", "column_name", "value", "code", "reason", "fields", "raw"},
		pgx.CopyFromFunc(func() ([]any, error) {
			r, err, more := next()
			if !more || err != nil {
				return nil, err
			}
			return []any{runID, chunk, r.Line, r.Record, clean(r.Column), clean(r.Value), string(r.Code), clean(r.Reason), cleanAll(r.Fields), r.Raw}, nil
		}))
	return err
}

// rejectColumns are of run_rejects of the run $1.
var rejectColumns = `id, chunk, line, record, column_name, value, code, reason, fields, raw,
	coalesce((SELECT source_line FROM reloaded_rows AS w WHERE w.run_id = $1 AND w.line = run_rejects.line), line),
	coalesce((SELECT min(theirs.run_id) FROM (` + strings.ReplaceAll(reloaders, "$2", "0") + `) AS theirs WHERE theirs.parent_line = run_rejects.line), 0)`

func scanReject(row pgx.Row) (r etl.RunReject, err error) {
	err = row.Scan(&r.ID, &r.Chunk, &r.Line, &r.Record, &r.Column, &r.Value, &r.Code, &r.Reason, &r.Fields, &r.Raw, &r.SourceLine, &r.ReloadedBy)
	return r, err
}

// Rejects lists the bad rows of a run that the filter chooses, in file order.
func (s *Store) Rejects(ctx context.Context, runID int64, f etl.RejectFilter, p etl.Page) (etl.List[etl.RunReject], error) {
	column := "any"
	if f.Column != nil {
		column = fmt.Sprintf("%q", *f.Column)
	}
	w, err := read(p, fmt.Sprintf("rejects %d %s %s", runID, f.Code, column), 2)
	if err != nil {
		return etl.List[etl.RunReject]{}, err
	}
	items, err := all(ctx, s.pool, fmt.Sprintf("listing the bad rows of run %d", runID), scanReject, `
		SELECT `+rejectColumns+` FROM run_rejects
		WHERE run_id = $1 AND (line, id) > ($2, $3) AND ($5 = '' OR code = $5) AND ($6::text IS NULL OR column_name = $6)
		ORDER BY line, id LIMIT $4`, runID, w.key(0, math.MinInt64), w.key(1, math.MinInt64), w.fetch(), string(f.Code), f.Column)
	return page(w, items, func(r etl.RunReject) []int64 { return []int64{r.Line, r.ID} }), err
}

// RejectGroups counts a run's bad rows by code and column, most frequent first.
func (s *Store) RejectGroups(ctx context.Context, runID int64) ([]etl.RejectGroup, error) {
	return all(ctx, s.pool, fmt.Sprintf("counting the bad rows of run %d", runID), func(row pgx.Row) (g etl.RejectGroup, err error) {
		err = row.Scan(&g.Code, &g.Column, &g.Count, &g.FirstLine, &g.Value, &g.Reason)
		return g, err
	}, `
		SELECT code, column_name, n, line, value, reason
		FROM (SELECT *, count(*) OVER (PARTITION BY code, column_name) AS n, row_number() OVER (PARTITION BY code, column_name ORDER BY line, id) AS place
			FROM run_rejects WHERE run_id = $1) AS counted
		WHERE place = 1 ORDER BY n DESC, code, column_name`, runID)
}
