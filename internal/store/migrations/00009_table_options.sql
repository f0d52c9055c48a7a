-- How a table that a job makes in Amazon Redshift is laid out.

-- +goose Up
ALTER TABLE etl_jobs
    ADD COLUMN table_options jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN etl_jobs.table_options IS 'Distribution, sort order and encodings of the table that it makes';

-- +goose Down
ALTER TABLE etl_jobs DROP COLUMN table_options;
