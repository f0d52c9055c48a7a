package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/etlportal/etlportal/internal/etl"
)

const jobColumns = `id, name, file_id::text, credential_id, schema_name, table_name, create_table, load_strategy, upsert_keys, duplicate_keys, batch_size,
	filter, bad_row_mode, bad_row_rows, bad_row_ratio, orchestrator, table_options, version, created_at, updated_at`

func scanJob(row pgx.Row) (j etl.Job, err error) {
	bad := &j.Mapping.OnBadRow
	err = row.Scan(&j.ID, &j.Name, &j.FileID, &j.CredentialID, &j.Schema, &j.Table, &j.CreateTable, &j.Strategy, &j.UpsertKeys, &j.DuplicateKeys, &j.BatchSize,
		&j.Mapping.Filter, &bad.Mode, &bad.MaxRows, &bad.MaxRatio, &j.Orchestrator, &j.TableOptions, &j.Version, &j.CreatedAt, &j.UpdatedAt)
	j.UpsertKeys = unlist(j.UpsertKeys)
	return j, err
}

// jobValues are the arguments $1 to $16.
func jobValues(j etl.Job) []any {
	bad := j.Mapping.OnBadRow
	return []any{
		j.Name, j.FileID, j.CredentialID, j.Schema, j.Table, j.CreateTable, j.Strategy, list(j.UpsertKeys), j.DuplicateKeys, j.BatchSize,
		j.Mapping.Filter, bad.Mode, bad.MaxRows, bad.MaxRatio, cmp.Or(j.Orchestrator, etl.EngineNative), j.TableOptions,
	}
}

// CreateJob stores a job at version 1 with its mapping. A name that is taken is
// duplicate_name; a file or credential that is not there, not_found.
func (s *Store) CreateJob(ctx context.Context, j etl.Job) (etl.Job, error) {
	if !isUUID(j.FileID) {
		return etl.Job{}, notFound("file", j.FileID)
	}
	var created etl.Job
	err := s.tx(ctx, "creating the job", func(tx pgx.Tx) (err error) {
		created, err = scanJob(tx.QueryRow(ctx, `
			INSERT INTO etl_jobs (name, file_id, credential_id, schema_name, table_name, create_table, load_strategy, upsert_keys, duplicate_keys, batch_size,
				filter, bad_row_mode, bad_row_rows, bad_row_ratio, orchestrator, table_options)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) RETURNING `+jobColumns, jobValues(j)...))
		if err != nil {
			return err
		}
		created.Mapping.Columns = j.Mapping.Columns
		return writeJob(ctx, tx, created)
	})
	if err != nil {
		return etl.Job{}, err
	}
	return created, nil
}

// writeJob writes the mapping and the version of a job whose row is written.
func writeJob(ctx context.Context, tx pgx.Tx, j etl.Job) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"column_mappings"},
		[]string{"job_id", "position", "source", "destination", "type", "format", "transformations", "expression", "default_value", "null_values", "required"},
		pgx.CopyFromSlice(len(j.Mapping.Columns), func(i int) ([]any, error) {
			c := j.Mapping.Columns[i]
			var steps any
			if len(c.Transformations) > 0 {
				steps = c.Transformations
			}
			return []any{j.ID, int32(i), c.Source, c.Destination, c.Type, c.Format, steps, c.Expression, c.Default, c.NullValues, c.Required}, nil
		}))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO job_versions (job_id, version, job) VALUES ($1, $2, $3)`, j.ID, j.Version, encodeJob(j))
	return err
}

// Job reads a job with its mapping.
func (s *Store) Job(ctx context.Context, id int64) (etl.Job, error) {
	var job etl.Job
	// One snapshot, so that the mapping is of the version that the row says.
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		if job, err = one(ctx, tx, "job", id, scanJob, `SELECT `+jobColumns+` FROM etl_jobs WHERE id = $1`, id); err != nil {
			return err
		}
		jobs := []etl.Job{job}
		err = readMappings(ctx, tx, jobs)
		job = jobs[0]
		return err
	})
	return job, wrap(ctx, err, fmt.Sprintf("reading job %d", id))
}

// readMappings fills in the columns of the jobs' mappings.
func readMappings(ctx context.Context, q queryer, jobs []etl.Job) error {
	at := make(map[int64]int, len(jobs))
	ids := make([]int64, len(jobs))
	for i, j := range jobs {
		at[j.ID], ids[i] = i, j.ID
	}
	rows, err := q.Query(ctx, `
		SELECT job_id, source, destination, type, format, transformations, expression, default_value, null_values, required
		FROM column_mappings WHERE job_id = ANY ($1) ORDER BY job_id, position`, ids)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var (
			id int64
			c  etl.ColumnMapping
		)
		if err := rows.Scan(&id, &c.Source, &c.Destination, &c.Type, &c.Format, &c.Transformations, &c.Expression, &c.Default, &c.NullValues, &c.Required); err != nil {
			return err
		}
		c.Transformations = integers(c.Transformations)
		m := &jobs[at[id]].Mapping
		m.Columns = append(m.Columns, c)
	}
	return rows.Err()
}

// Jobs lists the jobs that f chooses with their mappings, newest first.
func (s *Store) Jobs(ctx context.Context, f etl.JobFilter, p etl.Page) (etl.List[etl.Job], error) {
	w, err := read(p, fmt.Sprintf("jobs %q %d %s %s %t", f.Text, f.CredentialID, f.FileID, f.Status, f.Never), 1)
	if err != nil {
		return etl.List[etl.Job]{}, err
	}
	if f.FileID != "" && !isUUID(f.FileID) {
		return etl.List[etl.Job]{}, notFound("file", f.FileID)
	}
	var jobs etl.List[etl.Job]
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		items, err := all(ctx, tx, "listing jobs", scanJob, `
			SELECT `+jobColumns+` FROM etl_jobs AS j
			WHERE id < $1 AND ($3 = '' OR strpos(lower(name || ' ' || schema_name || '.' || table_name), lower($3)) > 0)
				AND ($4 = 0 OR credential_id = $4) AND ($5 = '' OR file_id = nullif($5, '')::uuid)
				AND ($6 = '' OR (SELECT r.status FROM job_runs AS r WHERE r.job_id = j.id ORDER BY r.id DESC LIMIT 1) = $6)
				AND (NOT $7 OR NOT EXISTS (SELECT FROM job_runs AS r WHERE r.job_id = j.id))
			ORDER BY id DESC LIMIT $2`, w.key(0, math.MaxInt64), w.fetch(), clean(f.Text), f.CredentialID, f.FileID, string(f.Status), f.Never)
		if err != nil {
			return err
		}
		jobs = page(w, items, func(j etl.Job) []int64 { return []int64{j.ID} })
		return readMappings(ctx, tx, jobs.Items)
	})
	return jobs, wrap(ctx, err, "listing jobs")
}

// UpdateJob replaces a job and its mapping if it is still at j.Version, records
// the new version, and gives it; else version_conflict. Runs keep the version
// that they were made with.
func (s *Store) UpdateJob(ctx context.Context, j etl.Job) (etl.Job, error) {
	if !isUUID(j.FileID) {
		return etl.Job{}, notFound("file", j.FileID)
	}
	var updated etl.Job
	err := s.tx(ctx, fmt.Sprintf("updating job %d", j.ID), func(tx pgx.Tx) (err error) {
		updated, err = scanJob(tx.QueryRow(ctx, `
			UPDATE etl_jobs SET name = $1, file_id = $2, credential_id = $3, schema_name = $4, table_name = $5, create_table = $6, load_strategy = $7, upsert_keys = $8,
				duplicate_keys = $9, batch_size = $10, filter = $11, bad_row_mode = $12, bad_row_rows = $13, bad_row_ratio = $14, orchestrator = $15, table_options = $16,
				version = version + 1, updated_at = portal_now()
			WHERE id = $17 AND version = $18 RETURNING `+jobColumns, append(jobValues(j), j.ID, j.Version)...))
		if errors.Is(err, pgx.ErrNoRows) {
			return jobConflict(ctx, tx, j)
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM column_mappings WHERE job_id = $1`, j.ID); err != nil {
			return err
		}
		updated.Mapping.Columns = j.Mapping.Columns
		return writeJob(ctx, tx, updated)
	})
	if err != nil {
		return etl.Job{}, err
	}
	return updated, nil
}

// jobConflict says why no job has the id and version.
func jobConflict(ctx context.Context, tx pgx.Tx, j etl.Job) error {
	var current int64
	err := tx.QueryRow(ctx, `SELECT version FROM etl_jobs WHERE id = $1`, j.ID).Scan(&current)
	if errors.Is(err, pgx.ErrNoRows) {
		return notFound("job", j.ID)
	}
	if err != nil {
		return err
	}
	return versionConflict("job", j.ID, j.Version, current)
}

// JobVersions lists every version that a job has had, newest first.
func (s *Store) JobVersions(ctx context.Context, id int64, p etl.Page) (etl.List[etl.JobVersion], error) {
	w, err := read(p, fmt.Sprintf("job versions %d", id), 1)
	if err != nil {
		return etl.List[etl.JobVersion]{}, err
	}
	items, err := all(ctx, s.pool, fmt.Sprintf("listing the versions of job %d", id), scanVersion,
		`SELECT job, created_at FROM job_versions WHERE job_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3`, id, w.key(0, math.MaxInt64), w.fetch())
	if err == nil && len(items) == 0 && w.after == nil {
		return etl.List[etl.JobVersion]{}, notFound("job", id)
	}
	return page(w, items, func(v etl.JobVersion) []int64 { return []int64{v.Job.Version} }), err
}

// JobVersion reads one version of a job.
func (s *Store) JobVersion(ctx context.Context, id, version int64) (etl.JobVersion, error) {
	return one(ctx, s.pool, fmt.Sprintf("version of job %d, number", id), version, scanVersion,
		`SELECT job, created_at FROM job_versions WHERE job_id = $1 AND version = $2`, id, version)
}

func scanVersion(row pgx.Row) (etl.JobVersion, error) {
	var (
		job jobDocument
		at  time.Time
	)
	err := row.Scan(&job, &at)
	return etl.JobVersion{Job: job.decode(), At: at}, err
}

// DeleteJob removes a job with its versions and its runs. One with an active
// run, or with schedules, is a Mistake of code in_use that names them.
func (s *Store) DeleteJob(ctx context.Context, id int64) error {
	return s.tx(ctx, fmt.Sprintf("deleting job %d", id), func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `SELECT FROM etl_jobs WHERE id = $1 FOR UPDATE`, id)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return notFound("job", id)
		}
		if err := scheduled(ctx, tx, id); err != nil {
			return err
		}
		// In the order of lockRun; the cascade alone has none.
		batch := &pgx.Batch{}
		batch.Queue(`SELECT FROM job_versions WHERE job_id = $1 ORDER BY version FOR UPDATE`, id)
		batch.Queue(`SELECT FROM job_runs WHERE job_id = $1 ORDER BY id FOR UPDATE`, id)
		batch.Queue(`DELETE FROM etl_jobs WHERE id = $1`, id)
		return tx.SendBatch(ctx, batch).Close()
	})
}
