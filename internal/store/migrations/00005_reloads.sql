-- Runs that load the mended bad rows of another run.

-- +goose Up
ALTER TABLE job_runs ADD COLUMN parent_run_id bigint;
ALTER TABLE job_runs ADD CONSTRAINT job_runs_parent_fk FOREIGN KEY (parent_run_id) REFERENCES job_runs (id) ON DELETE SET NULL;
ALTER TABLE job_runs ADD CONSTRAINT job_runs_parent_check CHECK (parent_run_id < id);
COMMENT ON COLUMN job_runs.parent_run_id IS 'The run whose bad rows this one loads again';

CREATE INDEX job_runs_parent_idx ON job_runs (parent_run_id, id) WHERE parent_run_id IS NOT NULL;

CREATE TABLE reloaded_rows (
    run_id      bigint NOT NULL,
    -- Where the row is in the reload's own file, in the file of the run before,
    -- and in the first file of all.
    line        bigint NOT NULL,
    parent_line bigint NOT NULL,
    source_line bigint NOT NULL,

    CONSTRAINT reloaded_rows_pkey PRIMARY KEY (run_id, line),
    CONSTRAINT reloaded_rows_parent_line_key UNIQUE (run_id, parent_line),
    CONSTRAINT reloaded_rows_run_fk FOREIGN KEY (run_id) REFERENCES job_runs (id) ON DELETE CASCADE,
    CONSTRAINT reloaded_rows_line_check CHECK (line > 0 AND parent_line > 0 AND source_line > 0)
);
COMMENT ON TABLE reloaded_rows IS 'The bad rows that a run loads again';

-- +goose Down
DROP TABLE reloaded_rows;
ALTER TABLE job_runs DROP COLUMN parent_run_id;
