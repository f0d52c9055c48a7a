package store

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/csv"
	"github.com/etlportal/etlportal/internal/etl"
)

const sourceColumns = `file_id::text, filename, size, state, object, upload_id, part_size, encoding, dialect, names, inspection, overrides,
	row_count, bytes_profiled, error, version, created_at, updated_at`

// listedSource is a source with its place in lists.
type listedSource struct {
	etl.Source
	ordinal int64
}

func scanListed(row pgx.Row) (listedSource, error) {
	var (
		s       listedSource
		object  *etl.ObjectRef
		dialect dialectDocument
		failure *errorDocument
	)
	err := row.Scan(&s.ordinal, &s.ID, &s.Filename, &s.Size, &s.State, &object, &s.UploadID, &s.PartSize, &s.Encoding, &dialect, &s.Names,
		&s.Inspection, &s.Overrides, &s.RowCount, &s.BytesProfiled, &failure, &s.Version, &s.CreatedAt, &s.UpdatedAt)
	if object != nil {
		s.Object = *object
	}
	s.Dialect, s.Error, s.Names = dialect.decode(), failure.decode(), unlist(s.Names)
	return s, err
}

func scanSource(row pgx.Row) (etl.Source, error) {
	s, err := scanListed(row)
	return s.Source, err
}

// sourceValues are the arguments $1 to $14 of CreateSource and UpdateSource.
func sourceValues(src etl.Source) []any {
	var object *etl.ObjectRef
	if src.Object.Key != "" {
		object = &src.Object
	}
	return []any{
		src.Filename, src.Size, src.State, object, src.UploadID, src.PartSize, src.Encoding, encodeDialect(src.Dialect),
		cleanAll(list(src.Names)), rawJSON(src.Inspection), rawJSON(src.Overrides), src.RowCount, src.BytesProfiled, encodeError(src.Error),
	}
}

// CreateSource stores a new source at version 1. Its ID is made where it is
// empty; an ID that exists is a Mistake of code duplicate_name.
func (s *Store) CreateSource(ctx context.Context, src etl.Source) (etl.Source, error) {
	if src.ID != "" && !isUUID(src.ID) {
		return etl.Source{}, etl.Mistakef(CodeInvalidValue, "Leave it to the store.", "%q is no file id", src.ID)
	}
	if src.State == "" {
		src.State = etl.SourceUploading
	}
	return one(ctx, s.pool, "source", src.Filename, scanSource, `
		INSERT INTO sources (filename, size, state, object, upload_id, part_size, encoding, dialect, names, inspection, overrides, row_count, bytes_profiled, error, file_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, coalesce(nullif($15, '')::uuid, gen_random_uuid()))
		RETURNING ordinal, `+sourceColumns, append(sourceValues(src), src.ID)...)
}

// Source reads a source.
func (s *Store) Source(ctx context.Context, id string) (etl.Source, error) {
	if !isUUID(id) {
		return etl.Source{}, notFound("file", id)
	}
	return one(ctx, s.pool, "file", id, scanSource, `SELECT ordinal, `+sourceColumns+` FROM sources WHERE file_id = $1`, id)
}

// Sources lists the sources, newest first. Inspections are left out: they are long.
func (s *Store) Sources(ctx context.Context, p etl.Page) (etl.List[etl.Source], error) {
	w, err := read(p, "sources", 1)
	if err != nil {
		return etl.List[etl.Source]{}, err
	}
	items, err := all(ctx, s.pool, "listing files", scanListed, `
		SELECT ordinal, file_id::text, filename, size, state, object, upload_id, part_size, encoding, dialect, names, NULL::json, NULL::json,
			row_count, bytes_profiled, error, version, created_at, updated_at
		FROM sources WHERE ordinal < $1 ORDER BY ordinal DESC LIMIT $2`, w.key(0, math.MaxInt64), w.fetch())
	if err != nil {
		return etl.List[etl.Source]{}, err
	}
	listed := page(w, items, func(l listedSource) []int64 { return []int64{l.ordinal} })
	sources := etl.List[etl.Source]{Next: listed.Next}
	for _, l := range listed.Items {
		sources.Items = append(sources.Items, l.Source)
	}
	return sources, nil
}

// UpdateSource replaces a source if it is still at src.Version, and gives it
// with the next one; else version_conflict.
func (s *Store) UpdateSource(ctx context.Context, src etl.Source) (etl.Source, error) {
	if !isUUID(src.ID) {
		return etl.Source{}, notFound("file", src.ID)
	}
	updated, err := scanSource(s.pool.QueryRow(ctx, `
		UPDATE sources SET filename = $1, size = $2, state = $3, object = $4, upload_id = $5, part_size = $6, encoding = $7, dialect = $8, names = $9,
			inspection = $10, overrides = $11, row_count = $12, bytes_profiled = $13, error = $14,
			version = version + 1, updated_at = portal_now(), nudges = CASE WHEN state = $3 THEN nudges ELSE 0 END
		WHERE file_id = $15 AND version = $16 RETURNING ordinal, `+sourceColumns, append(sourceValues(src), src.ID, src.Version)...))
	if errors.Is(err, pgx.ErrNoRows) {
		current, err := s.Source(ctx, src.ID)
		if err != nil {
			return etl.Source{}, err
		}
		return etl.Source{}, versionConflict("file", src.ID, src.Version, current.Version)
	}
	return updated, wrap(ctx, err, "updating file "+src.ID)
}

// SourceProgress notes how many bytes the background profile has read and that
// it is alive. It never goes back and leaves the version as it is.
func (s *Store) SourceProgress(ctx context.Context, id string, bytesProfiled int64) error {
	if !isUUID(id) {
		return notFound("file", id)
	}
	tag, err := s.pool.Exec(ctx, `
		UPDATE sources SET nudges = CASE WHEN $2 > bytes_profiled THEN 0 ELSE nudges END, bytes_profiled = greatest(bytes_profiled, $2), updated_at = portal_now()
		WHERE file_id = $1`, id, bytesProfiled)
	if err == nil && tag.RowsAffected() == 0 {
		return notFound("file", id)
	}
	return wrap(ctx, err, "noting the progress of file "+id)
}

// DeleteSource removes a source and its spans. One that jobs or active runs use
// is a Mistake of code in_use that names them.
func (s *Store) DeleteSource(ctx context.Context, id string) error {
	if !isUUID(id) {
		return notFound("file", id)
	}
	err := s.deleteInput(ctx, "file", id, "deleting file "+id,
		`SELECT FROM sources WHERE file_id = $1 FOR UPDATE`,
		`SELECT FROM job_runs WHERE source_id = $1 ORDER BY id FOR NO KEY UPDATE`,
		`DELETE FROM sources WHERE file_id = $1`)
	if users, found := s.users(ctx, err, "etl_jobs_source_fk", `SELECT name FROM etl_jobs WHERE file_id = $1 ORDER BY id LIMIT 6`, id); found {
		return etl.Mistakef(CodeInUse, "Delete these jobs, or give them another file.", "file %s is used by %s", id, users)
	}
	return err
}

// deleteInput deletes what runs are made from by three statements: one locks
// it, one the runs that forget it, in the order of lockRun, and one deletes it.
func (s *Store) deleteInput(ctx context.Context, kind string, id any, what, lock, lockRuns, remove string) error {
	return s.tx(ctx, what, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, lock, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return notFound(kind, id)
		}
		batch := &pgx.Batch{}
		batch.Queue(lockRuns, id)
		batch.Queue(remove, id)
		return tx.SendBatch(ctx, batch).Close()
	})
}

// SaveSpans replaces the record index of a source. The spans must tile it: each
// begins where the one before ends.
func (s *Store) SaveSpans(ctx context.Context, fileID string, spans []csv.Span) error {
	if !isUUID(fileID) {
		return notFound("file", fileID)
	}
	for i, span := range spans {
		if i > 0 && (span.Start != spans[i-1].End || span.FirstRow != spans[i-1].FirstRow+spans[i-1].Rows) {
			return &etl.Error{Kind: etl.Internal, Code: "spans_gap", Message: fmt.Sprintf("span %d of file %s does not begin where the one before ends", i, fileID)}
		}
	}
	return s.tx(ctx, "saving the record index of file "+fileID, func(tx pgx.Tx) error {
		// The row's lock keeps two inspections of one file from mixing their spans.
		tag, err := tx.Exec(ctx, `UPDATE sources SET updated_at = portal_now() WHERE file_id = $1`, fileID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return notFound("file", fileID)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM source_spans WHERE file_id = $1`, fileID); err != nil {
			return err
		}
		id, err := uuidBytes(fileID)
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"source_spans"}, []string{"file_id", "number", "start_byte", "end_byte", "rows", "first_row", "first_line"},
			pgx.CopyFromSlice(len(spans), func(i int) ([]any, error) {
				p := spans[i]
				return []any{id, int32(i), p.Start, p.End, p.Rows, p.FirstRow, p.FirstLine}, nil
			}))
		return err
	})
}

const spanColumns = `start_byte, end_byte, rows, first_row, first_line`

func scanSpan(row pgx.Row) (p csv.Span, err error) {
	err = row.Scan(&p.Start, &p.End, &p.Rows, &p.FirstRow, &p.FirstLine)
	return p, err
}

// Spans gives the record index of a source in file order; empty where there is none yet.
func (s *Store) Spans(ctx context.Context, fileID string) ([]csv.Span, error) {
	if !isUUID(fileID) {
		return nil, notFound("file", fileID)
	}
	return all(ctx, s.pool, "reading the record index of file "+fileID, scanSpan,
		`SELECT `+spanColumns+` FROM source_spans WHERE file_id = $1 ORDER BY number`, fileID)
}

// SpanAt gives the span that holds a row, counted from 0 as Span.FirstRow is;
// not_found where the index does not reach that far (yet).
func (s *Store) SpanAt(ctx context.Context, fileID string, row int64) (csv.Span, error) {
	if !isUUID(fileID) {
		return csv.Span{}, notFound("file", fileID)
	}
	span, err := scanSpan(s.pool.QueryRow(ctx, `
		SELECT `+spanColumns+` FROM source_spans WHERE file_id = $1 AND first_row <= $2 ORDER BY first_row DESC, number DESC LIMIT 1`, fileID, row))
	if errors.Is(err, pgx.ErrNoRows) || err == nil && row >= span.FirstRow+span.Rows {
		return csv.Span{}, notFound("row in the record index of file "+fileID+", number", row)
	}
	return span, wrap(ctx, err, "reading the record index of file "+fileID)
}

// users says who keeps a row from being deleted, where err says that the
// constraint does: names quoted, five at most.
func (s *Store) users(ctx context.Context, err error, constraint, sql string, id any) (string, bool) {
	if !violates(err, constraint) {
		return "", false
	}
	// A user that is gone by now leaves the sentence without a name.
	names, _ := all(ctx, s.pool, "reading who uses it", func(row pgx.Row) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}, sql, id)
	return enumerate("job", names), true
}
