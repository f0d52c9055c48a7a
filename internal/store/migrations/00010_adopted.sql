-- Runs whose table another run made before them.

-- +goose Up
ALTER TABLE job_runs ADD COLUMN adopted boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN job_runs.adopted IS 'It loads into the table that it was to make';

-- +goose Down
ALTER TABLE job_runs DROP COLUMN adopted;
