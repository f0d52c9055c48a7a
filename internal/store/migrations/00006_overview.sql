-- Figures over the runs of the last days.

-- +goose Up
CREATE INDEX job_runs_finished_idx ON job_runs (finished_at) WHERE finished_at IS NOT NULL;

-- +goose Down
DROP INDEX job_runs_finished_idx;
