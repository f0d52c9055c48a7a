-- Jobs whose runs an orchestrator outside of the portal executes.

-- +goose Up
ALTER TABLE etl_jobs
    ADD COLUMN orchestrator text NOT NULL DEFAULT 'native',
    ADD CONSTRAINT etl_jobs_orchestrator_check CHECK (orchestrator IN ('native', 'airflow'));
COMMENT ON COLUMN etl_jobs.orchestrator IS 'Who executes its runs';

ALTER TABLE job_runs ADD COLUMN held boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN job_runs.held IS 'Made, and waiting for the orchestrator to start it';

-- +goose Down
ALTER TABLE job_runs DROP COLUMN held;
ALTER TABLE etl_jobs DROP COLUMN orchestrator;
