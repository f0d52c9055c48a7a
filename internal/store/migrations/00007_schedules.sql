-- When jobs run by themselves, and what became of each time.

-- +goose Up
ALTER TABLE schedules
    ADD COLUMN overlap_policy  text        NOT NULL DEFAULT 'skip',
    ADD COLUMN catch_up_policy text        NOT NULL DEFAULT 'none',
    ADD COLUMN catch_up_max    integer     NOT NULL DEFAULT 10,
    ADD COLUMN jitter          interval    NOT NULL DEFAULT '0',
    ADD COLUMN start_at        timestamptz,
    ADD COLUMN end_at          timestamptz,
    -- The next time, and when it is to be acted on: later by its jitter. Null: never.
    ADD COLUMN next_at         timestamptz,
    ADD COLUMN due_at          timestamptz,
    ADD COLUMN last_at         timestamptz,
    ADD COLUMN last_run_id     bigint,
    ADD COLUMN last_outcome    text        NOT NULL DEFAULT '',
    ADD COLUMN last_reason     text        NOT NULL DEFAULT '',
    ADD COLUMN state           text        NOT NULL DEFAULT 'active',
    ADD COLUMN state_reason    text        NOT NULL DEFAULT '',
    ADD CONSTRAINT schedules_overlap_check CHECK (overlap_policy IN ('skip', 'queue', 'allow')),
    ADD CONSTRAINT schedules_catch_up_check CHECK (catch_up_policy IN ('none', 'one', 'all') AND catch_up_max BETWEEN 1 AND 1000),
    ADD CONSTRAINT schedules_jitter_check CHECK (jitter BETWEEN '0' AND '24 hours'),
    ADD CONSTRAINT schedules_bounds_check CHECK (start_at < end_at),
    ADD CONSTRAINT schedules_due_check CHECK ((next_at IS NULL) = (due_at IS NULL) AND due_at >= next_at),
    ADD CONSTRAINT schedules_state_check CHECK (state IN ('active', 'pending', 'broken') AND (state = 'active') = (state_reason = '')),
    -- A job does not go while something is to run it.
    DROP CONSTRAINT schedules_job_fk,
    ADD CONSTRAINT schedules_job_fk FOREIGN KEY (job_id) REFERENCES etl_jobs (id),
    ADD CONSTRAINT schedules_run_fk FOREIGN KEY (last_run_id) REFERENCES job_runs (id) ON DELETE SET NULL;

CREATE INDEX schedules_due_idx ON schedules (due_at) WHERE enabled AND engine = 'native' AND due_at IS NOT NULL;
CREATE INDEX schedules_state_idx ON schedules (id) WHERE state <> 'active';
CREATE INDEX schedules_run_idx ON schedules (last_run_id);

-- One row for each time of a schedule. Its primary key makes a time happen
-- once, however many clocks tell of it.
CREATE TABLE schedule_ticks (
    schedule_id bigint      NOT NULL,
    at          timestamptz NOT NULL,
    outcome     text        NOT NULL DEFAULT 'due',
    reason      text        NOT NULL DEFAULT '',
    run_id      bigint,
    -- When it is looked at (again), and how often that failed.
    try_at      timestamptz NOT NULL DEFAULT portal_now(),
    tries       integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT portal_now(),

    CONSTRAINT schedule_ticks_pkey PRIMARY KEY (schedule_id, at),
    CONSTRAINT schedule_ticks_schedule_fk FOREIGN KEY (schedule_id) REFERENCES schedules (id) ON DELETE CASCADE,
    CONSTRAINT schedule_ticks_run_fk FOREIGN KEY (run_id) REFERENCES job_runs (id) ON DELETE SET NULL,
    CONSTRAINT schedule_ticks_outcome_check CHECK (outcome IN ('due', 'waiting', 'started', 'skipped', 'missed', 'failed'))
);
COMMENT ON TABLE schedule_ticks IS 'The times of schedules that have come, and what became of them';

CREATE INDEX schedule_ticks_open_idx ON schedule_ticks (try_at) WHERE outcome IN ('due', 'waiting');
CREATE INDEX schedule_ticks_created_idx ON schedule_ticks (created_at);
CREATE INDEX schedule_ticks_run_idx ON schedule_ticks (run_id);

-- +goose Down
DROP TABLE schedule_ticks;
DROP INDEX schedules_due_idx;
DROP INDEX schedules_state_idx;
DROP INDEX schedules_run_idx;
ALTER TABLE schedules
    DROP CONSTRAINT schedules_job_fk,
    ADD CONSTRAINT schedules_job_fk FOREIGN KEY (job_id) REFERENCES etl_jobs (id) ON DELETE CASCADE,
    DROP COLUMN overlap_policy, DROP COLUMN catch_up_policy, DROP COLUMN catch_up_max, DROP COLUMN jitter, DROP COLUMN start_at, DROP COLUMN end_at,
    DROP COLUMN next_at, DROP COLUMN due_at, DROP COLUMN last_at, DROP COLUMN last_run_id, DROP COLUMN last_outcome, DROP COLUMN last_reason,
    DROP COLUMN state, DROP COLUMN state_reason;
