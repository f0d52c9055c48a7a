-- Runs and their chunks. What may follow what is decided here and nowhere else:
-- a server of an older release, a late message or a hand at psql cannot make a
-- run tell a lie.
--
-- Fencing: every UPDATE writes the attempt that its author believes in. The
-- triggers refuse one that is over, so that a loader or finalizer of an older
-- attempt changes nothing, however late it wakes.

-- +goose Up
CREATE TABLE job_runs (
    id                bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    job_id            bigint      NOT NULL,

    -- Frozen when the run is made.
    job_version       bigint      NOT NULL,
    trigger           text        NOT NULL,
    load_id           text        NOT NULL,
    job               json        NOT NULL,
    file_id           uuid        NOT NULL,
    object            jsonb       NOT NULL,
    encoding          text        NOT NULL,
    dialect           jsonb       NOT NULL,
    source_columns    json        NOT NULL,
    bytes_total       bigint      NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT portal_now(),

    -- Null once what they name is deleted, which waits for the run's end.
    source_id         uuid,
    credential_id     bigint,

    -- The run's state.
    status            text        NOT NULL DEFAULT 'PENDING',
    phase             text        NOT NULL DEFAULT 'plan',
    attempt           integer     NOT NULL DEFAULT 1,
    path              text        NOT NULL DEFAULT '',
    rows_read         bigint      NOT NULL DEFAULT 0,
    rows_loaded       bigint      NOT NULL DEFAULT 0,
    rows_inserted     bigint      NOT NULL DEFAULT 0,
    rows_updated      bigint      NOT NULL DEFAULT 0,
    rows_filtered     bigint      NOT NULL DEFAULT 0,
    rows_rejected     bigint      NOT NULL DEFAULT 0,
    rows_deduplicated bigint      NOT NULL DEFAULT 0,
    bytes_read        bigint      NOT NULL DEFAULT 0,
    chunks_total      integer     NOT NULL DEFAULT 0,
    chunks_done       integer     NOT NULL DEFAULT 0,
    error             json,

    -- Kept by the triggers.
    started_at        timestamptz,
    finished_at       timestamptz,
    seq               bigint      NOT NULL DEFAULT 1,
    moved_at          timestamptz NOT NULL DEFAULT portal_now(),

    -- The reconciler's, as in sources; they are no change of the run.
    nudged_at         timestamptz,
    nudges            integer     NOT NULL DEFAULT 0,

    CONSTRAINT job_runs_pkey PRIMARY KEY (id),
    CONSTRAINT job_runs_load_id_key UNIQUE (load_id),
    CONSTRAINT job_runs_job_fk FOREIGN KEY (job_id, job_version) REFERENCES job_versions (job_id, version) ON DELETE CASCADE,
    CONSTRAINT job_runs_source_fk FOREIGN KEY (source_id) REFERENCES sources (file_id) ON DELETE SET NULL,
    CONSTRAINT job_runs_credential_fk FOREIGN KEY (credential_id) REFERENCES credentials (id) ON DELETE SET NULL,
    CONSTRAINT job_runs_load_id_check CHECK (load_id <> ''),
    CONSTRAINT job_runs_status_check CHECK (status IN ('PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'CANCELLED')),
    CONSTRAINT job_runs_phase_check CHECK (phase IN ('plan', 'load', 'publish', 'done')
        AND (status = 'COMPLETED') = (phase = 'done') AND (status <> 'PENDING' OR phase = 'plan')),
    CONSTRAINT job_runs_path_check CHECK (path IN ('', 'direct', 'fan-out')),
    CONSTRAINT job_runs_attempt_check CHECK (attempt >= 1),
    CONSTRAINT job_runs_error_check CHECK ((status = 'FAILED') = (error IS NOT NULL)),
    CONSTRAINT job_runs_times_check CHECK ((status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)
        AND CASE status WHEN 'PENDING' THEN started_at IS NULL WHEN 'RUNNING' THEN started_at IS NOT NULL WHEN 'COMPLETED' THEN started_at IS NOT NULL ELSE true END),
    CONSTRAINT job_runs_counts_check CHECK (rows_read >= 0 AND rows_loaded >= 0 AND rows_inserted >= 0 AND rows_updated >= 0
        AND rows_filtered >= 0 AND rows_rejected >= 0 AND rows_deduplicated >= 0 AND bytes_read >= 0 AND bytes_total >= 0),
    CONSTRAINT job_runs_chunks_check CHECK (chunks_done BETWEEN 0 AND chunks_total
        AND (phase = 'plan' OR chunks_total > 0) AND (phase NOT IN ('publish', 'done') OR chunks_done = chunks_total)),
    -- Count before you say done.
    CONSTRAINT job_runs_balance_check CHECK (status <> 'COMPLETED'
        OR rows_read = rows_loaded + rows_filtered + rows_rejected + rows_deduplicated AND rows_loaded = rows_inserted + rows_updated),
    -- What is not published is not loaded, however much of it was staged.
    CONSTRAINT job_runs_unpublished_check CHECK (status NOT IN ('FAILED', 'CANCELLED')
        OR rows_loaded = 0 AND rows_inserted = 0 AND rows_updated = 0 AND rows_deduplicated = 0)
);
COMMENT ON TABLE job_runs IS 'Executions of jobs';
COMMENT ON COLUMN job_runs.attempt IS 'Grows with each retry; fences out writers of older attempts';
COMMENT ON COLUMN job_runs.load_id IS 'Names the stage and the ledger in the destination; a retry keeps it';
COMMENT ON COLUMN job_runs.seq IS 'Grows with every change; the event id of the run''s stream';
COMMENT ON COLUMN job_runs.job IS 'The job as it was when the run was made';

CREATE INDEX job_runs_job_idx ON job_runs (job_id, id DESC);
CREATE INDEX job_runs_status_idx ON job_runs (status, id DESC);
CREATE INDEX job_runs_source_idx ON job_runs (source_id);
CREATE INDEX job_runs_credential_idx ON job_runs (credential_id);
CREATE INDEX job_runs_active_idx ON job_runs (moved_at) WHERE status IN ('PENDING', 'RUNNING');

CREATE TABLE run_chunks (
    run_id            bigint      NOT NULL,
    number            integer     NOT NULL,

    -- Frozen by the plan.
    start_byte        bigint      NOT NULL,
    end_byte          bigint      NOT NULL,
    rows              bigint      NOT NULL,
    first_row         bigint      NOT NULL,
    first_line        bigint      NOT NULL,

    state             text        NOT NULL DEFAULT 'waiting',
    -- The attempt of the run under which the chunk was last claimed or reset.
    run_attempt       integer     NOT NULL,
    -- Grows with each claim; fences out the loaders before.
    attempt           integer     NOT NULL DEFAULT 0,
    rows_read         bigint      NOT NULL DEFAULT 0,
    rows_loaded       bigint      NOT NULL DEFAULT 0,
    rows_inserted     bigint      NOT NULL DEFAULT 0,
    rows_updated      bigint      NOT NULL DEFAULT 0,
    rows_filtered     bigint      NOT NULL DEFAULT 0,
    rows_rejected     bigint      NOT NULL DEFAULT 0,
    rows_deduplicated bigint      NOT NULL DEFAULT 0,
    bytes_read        bigint      NOT NULL DEFAULT 0,
    error             json,

    moved_at          timestamptz NOT NULL DEFAULT portal_now(),
    nudged_at         timestamptz,
    nudges            integer     NOT NULL DEFAULT 0,

    CONSTRAINT run_chunks_pkey PRIMARY KEY (run_id, number),
    CONSTRAINT run_chunks_run_fk FOREIGN KEY (run_id) REFERENCES job_runs (id) ON DELETE CASCADE,
    CONSTRAINT run_chunks_range_check CHECK (number >= 0 AND start_byte >= 0 AND end_byte >= start_byte AND rows >= 0 AND first_row >= 0 AND first_line >= 0),
    CONSTRAINT run_chunks_state_check CHECK (state IN ('waiting', 'loading', 'loaded', 'failed') AND attempt >= 0 AND (state <> 'failed' OR error IS NOT NULL)),
    CONSTRAINT run_chunks_counts_check CHECK (rows_read >= 0 AND rows_loaded >= 0 AND rows_inserted >= 0 AND rows_updated >= 0
        AND rows_filtered >= 0 AND rows_rejected >= 0 AND rows_deduplicated >= 0 AND bytes_read >= 0),
    CONSTRAINT run_chunks_balance_check CHECK (state <> 'loaded' OR rows_read = rows_loaded + rows_filtered + rows_rejected + rows_deduplicated)
);
COMMENT ON TABLE run_chunks IS 'The spans of a run''s file, and how far each has come';

CREATE INDEX run_chunks_loading_idx ON run_chunks (moved_at) WHERE state = 'loading';

-- Refuses a change in the words that people are shown; the constraint's name
-- is what programs go by.
-- +goose StatementBegin
CREATE FUNCTION portal_refuse(rule text, message text, hint text) RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = rule, MESSAGE = message, HINT = hint;
END
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION job_runs_begin() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF NEW.status <> 'PENDING' OR NEW.phase <> 'plan' OR NEW.attempt <> 1 OR NEW.chunks_total <> 0 THEN
        PERFORM portal_refuse('job_runs_begin', 'a run begins as PENDING, unplanned, at attempt 1', 'Make it PENDING, then move it.');
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER job_runs_begin BEFORE INSERT ON job_runs
    FOR EACH ROW EXECUTE FUNCTION job_runs_begin();

-- +goose StatementBegin
CREATE FUNCTION job_runs_frozen() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM portal_refuse('job_runs_frozen', format('what run %s was made with does not change', OLD.id), 'Make a new run.');
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER job_runs_frozen
    BEFORE UPDATE OF id, job_id, job_version, trigger, load_id, job, file_id, object, encoding, dialect, source_columns, bytes_total, created_at,
        started_at, finished_at, seq, moved_at ON job_runs
    FOR EACH ROW EXECUTE FUNCTION job_runs_frozen();

-- +goose StatementBegin
CREATE FUNCTION job_runs_inputs() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF OLD.status IN ('PENDING', 'RUNNING') OR NEW.source_id IS NOT NULL AND NEW.source_id IS DISTINCT FROM OLD.source_id
        OR NEW.credential_id IS NOT NULL AND NEW.credential_id IS DISTINCT FROM OLD.credential_id THEN
        PERFORM portal_refuse('job_runs_inputs', format('run %s is %s and needs its file and its credential', OLD.id, OLD.status), 'Cancel the run or wait for its end.');
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER job_runs_inputs BEFORE UPDATE OF source_id, credential_id ON job_runs
    FOR EACH ROW EXECUTE FUNCTION job_runs_inputs();

-- +goose StatementBegin
CREATE FUNCTION job_runs_move() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    retried boolean := OLD.status = 'FAILED' AND NEW.status = 'PENDING';
BEGIN
    IF NEW.attempt <> OLD.attempt + retried::integer THEN
        IF NEW.attempt < OLD.attempt THEN
            PERFORM portal_refuse('job_runs_attempt_fence', format('attempt %s of run %s is over: attempt %s has begun', NEW.attempt, OLD.id, OLD.attempt), 'Drop what belongs to the older attempt.');
        END IF;
        PERFORM portal_refuse('job_runs_attempt_fence', format('run %s is at attempt %s: only a retry begins the next', OLD.id, OLD.attempt), 'Retry the run.');
    END IF;
    IF NOT (CASE
        WHEN OLD.status = 'PENDING' THEN NEW.status IN ('PENDING', 'RUNNING', 'FAILED', 'CANCELLED')
        WHEN OLD.status = 'RUNNING' THEN NEW.status IN ('RUNNING', 'FAILED')
            OR NEW.status = 'COMPLETED' AND OLD.phase = 'publish' OR NEW.status = 'CANCELLED' AND OLD.phase <> 'publish'
        ELSE retried
    END) THEN
        PERFORM portal_refuse('job_runs_status_move',
            CASE WHEN OLD.status = NEW.status THEN format('run %s is %s: nothing more happens to it', OLD.id, OLD.status)
                WHEN OLD.status = 'RUNNING' THEN format('run %s is RUNNING in phase %s and cannot become %s', OLD.id, OLD.phase, NEW.status)
                ELSE format('run %s is %s and cannot become %s', OLD.id, OLD.status, NEW.status) END,
            CASE OLD.status
                WHEN 'FAILED' THEN 'Retry it, or execute the job again.'
                WHEN 'RUNNING' THEN CASE WHEN NEW.status = 'CANCELLED' THEN 'It is publishing and will end by itself.' ELSE 'Wait until it gets there.' END
                WHEN 'PENDING' THEN 'Wait until it runs.'
                ELSE 'Execute the job again.' END);
    END IF;
    IF NOT (CASE NEW.status
        WHEN 'RUNNING' THEN CASE
            WHEN OLD.status = 'PENDING' THEN NEW.phase = CASE WHEN OLD.chunks_total > 0 THEN 'load' ELSE 'plan' END
            ELSE NEW.phase = OLD.phase OR (OLD.phase, NEW.phase) IN (('plan', 'load'), ('load', 'publish'), ('publish', 'load')) END
        WHEN 'PENDING' THEN NEW.phase = 'plan'
        WHEN 'COMPLETED' THEN NEW.phase = 'done'
        ELSE NEW.phase = OLD.phase
    END) THEN
        PERFORM portal_refuse('job_runs_phase_move', format('run %s is in phase %s, from which phase %s does not follow', OLD.id, OLD.phase, NEW.phase), 'Go by plan, load, publish.');
    END IF;
    -- The plan is frozen before the first chunk.
    IF (NEW.chunks_total <> OLD.chunks_total OR NEW.path <> OLD.path) AND NOT (OLD.status = 'RUNNING' AND OLD.phase = 'plan' AND OLD.chunks_total = 0) THEN
        PERFORM portal_refuse('job_runs_plan', format('run %s is planned already', OLD.id), 'Make a new run for another plan.');
    END IF;

    IF NEW.status <> OLD.status THEN
        NEW.started_at := CASE WHEN NEW.status = 'RUNNING' THEN portal_now() WHEN NEW.status = 'PENDING' THEN NULL ELSE OLD.started_at END;
        NEW.finished_at := CASE WHEN NEW.status IN ('COMPLETED', 'FAILED', 'CANCELLED') THEN portal_now() END;
    END IF;
    NEW.seq := OLD.seq + 1;
    NEW.moved_at := portal_now();
    NEW.nudges := 0;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER job_runs_move
    BEFORE UPDATE OF status, phase, attempt, path, rows_read, rows_loaded, rows_inserted, rows_updated, rows_filtered, rows_rejected, rows_deduplicated,
        bytes_read, chunks_total, chunks_done, error ON job_runs
    FOR EACH ROW EXECUTE FUNCTION job_runs_move();

-- +goose StatementBegin
CREATE FUNCTION job_runs_end() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF OLD.status IN ('PENDING', 'RUNNING') THEN
        PERFORM portal_refuse('job_runs_end', format('run %s is %s', OLD.id, OLD.status), 'Cancel the run or wait for its end.');
    END IF;
    RETURN OLD;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER job_runs_end BEFORE DELETE ON job_runs
    FOR EACH ROW EXECUTE FUNCTION job_runs_end();

-- Whoever listens reads the run again; the payload is its id.
-- +goose StatementBegin
CREATE FUNCTION job_runs_tell() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('etlportal_runs', CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END::text);
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER job_runs_tell
    AFTER INSERT OR DELETE OR UPDATE OF status, phase, attempt, path, rows_read, rows_loaded, rows_inserted, rows_updated, rows_filtered, rows_rejected,
        rows_deduplicated, bytes_read, chunks_total, chunks_done, error ON job_runs
    FOR EACH ROW EXECUTE FUNCTION job_runs_tell();

-- +goose StatementBegin
CREATE FUNCTION run_chunks_plan() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    run record;
BEGIN
    SELECT status, phase, attempt INTO run FROM job_runs WHERE id = NEW.run_id FOR NO KEY UPDATE;
    IF FOUND AND (run.status <> 'RUNNING' OR run.phase <> 'plan' OR run.attempt <> NEW.run_attempt OR NEW.state <> 'waiting' OR NEW.attempt <> 0) THEN
        PERFORM portal_refuse('run_chunks_plan', format('run %s is %s in phase %s, attempt %s: chunks are planned in phase plan, and begin waiting', NEW.run_id, run.status, run.phase, run.attempt), 'Make a new run for another plan.');
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER run_chunks_plan BEFORE INSERT ON run_chunks
    FOR EACH ROW EXECUTE FUNCTION run_chunks_plan();

-- +goose StatementBegin
CREATE FUNCTION run_chunks_frozen() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM portal_refuse('run_chunks_frozen', format('the plan of run %s does not change', OLD.run_id), 'Make a new run for another plan.');
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER run_chunks_frozen BEFORE UPDATE OF run_id, number, start_byte, end_byte, rows, first_row, first_line, moved_at ON run_chunks
    FOR EACH ROW EXECUTE FUNCTION run_chunks_frozen();

-- Whoever changes a chunk holds its run's row, so that cancelling and
-- publishing wait for it and it for them. Lock the run first: two who lock run
-- and chunk in different orders wait for each other.
-- +goose StatementBegin
CREATE FUNCTION run_chunks_move() RETURNS trigger
LANGUAGE plpgsql
AS $$
DECLARE
    run record;
    claimed boolean := NEW.state = 'loading' AND NEW.attempt = OLD.attempt + 1;
BEGIN
    SELECT status, phase, attempt INTO run FROM job_runs WHERE id = OLD.run_id FOR NO KEY UPDATE;
    IF NEW.run_attempt <> run.attempt THEN
        PERFORM portal_refuse('run_chunks_attempt_fence', format('attempt %s of run %s is over: attempt %s has begun', NEW.run_attempt, OLD.run_id, run.attempt), 'Drop what belongs to the older attempt.');
    END IF;
    IF NEW.attempt <> OLD.attempt AND NOT claimed THEN
        PERFORM portal_refuse('run_chunks_attempt_fence', format('claim %s of chunk %s of run %s is over: claim %s has begun', NEW.attempt, OLD.number, OLD.run_id, OLD.attempt), 'Drop what belongs to the older claim.');
    END IF;
    -- A retry resets chunks while the run is PENDING; everything else happens in phase load.
    IF NOT (run.status = 'RUNNING' AND run.phase = 'load'
        OR run.status = 'PENDING' AND NEW.state = 'waiting') THEN
        PERFORM portal_refuse('run_chunks_run_state', format('run %s is %s in phase %s: its chunks do not change', OLD.run_id, run.status, run.phase), 'Drop what belongs to it.');
    END IF;
    IF NOT (CASE OLD.state
        WHEN 'waiting' THEN NEW.state = 'waiting' OR claimed
        WHEN 'loading' THEN NEW.state IN ('loading', 'loaded', 'waiting', 'failed')
        WHEN 'loaded' THEN NEW.state = 'waiting'
        WHEN 'failed' THEN NEW.state = 'waiting' AND run.status = 'PENDING'
    END) THEN
        PERFORM portal_refuse('run_chunks_state_move', format('chunk %s of run %s is %s and cannot become %s', OLD.number, OLD.run_id, OLD.state, NEW.state), 'Claim the chunk first.');
    END IF;
    NEW.moved_at := portal_now();
    -- Claims do not count as a move: a chunk that kills its loaders must run out of tries.
    NEW.nudges := CASE WHEN NEW.state = 'loaded' OR run.status = 'PENDING' THEN 0 ELSE OLD.nudges END;
    RETURN NEW;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER run_chunks_move
    BEFORE UPDATE OF state, run_attempt, attempt, rows_read, rows_loaded, rows_inserted, rows_updated, rows_filtered, rows_rejected, rows_deduplicated,
        bytes_read, error ON run_chunks
    FOR EACH ROW EXECUTE FUNCTION run_chunks_move();

CREATE TABLE run_logs (
    id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    run_id     bigint      NOT NULL,
    at         timestamptz NOT NULL DEFAULT portal_now(),
    level      text        NOT NULL,
    chunk      integer,
    message    text        NOT NULL,
    attributes json,

    CONSTRAINT run_logs_pkey PRIMARY KEY (id),
    CONSTRAINT run_logs_run_fk FOREIGN KEY (run_id) REFERENCES job_runs (id) ON DELETE CASCADE,
    CONSTRAINT run_logs_level_check CHECK (level IN ('debug', 'info', 'warn', 'error'))
);
COMMENT ON TABLE run_logs IS 'What a run has to say; no secrets, no values of cells';

CREATE INDEX run_logs_run_idx ON run_logs (run_id, id);

-- +goose StatementBegin
CREATE FUNCTION run_logs_tell() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_notify('etlportal_runs', run_id::text) FROM (SELECT DISTINCT run_id FROM entries) AS told;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER run_logs_tell AFTER INSERT ON run_logs
    REFERENCING NEW TABLE AS entries FOR EACH STATEMENT EXECUTE FUNCTION run_logs_tell();

CREATE TABLE run_rejects (
    id          bigint  NOT NULL GENERATED ALWAYS AS IDENTITY,
    run_id      bigint  NOT NULL,
    -- Null: refused while publishing.
    chunk       integer,
    line        bigint  NOT NULL,
    record      bigint  NOT NULL,
    column_name text    NOT NULL,
    value       text    NOT NULL,
    code        text    NOT NULL,
    reason      text    NOT NULL,
    -- The record as read; null where it could not be parsed, raw then has its bytes.
    fields      text[],
    raw         bytea,

    CONSTRAINT run_rejects_pkey PRIMARY KEY (id),
    CONSTRAINT run_rejects_run_fk FOREIGN KEY (run_id) REFERENCES job_runs (id) ON DELETE CASCADE,
    CONSTRAINT run_rejects_line_check CHECK (line >= 0 AND record >= 0)
);
COMMENT ON TABLE run_rejects IS 'Bad rows, with their place in the file';

CREATE INDEX run_rejects_line_idx ON run_rejects (run_id, line, id);

CREATE TABLE idempotency_keys (
    owner        text        NOT NULL,
    key          text        NOT NULL,
    request_hash bytea       NOT NULL,
    -- Null once the run is deleted: the key stays used.
    run_id       bigint,
    created_at   timestamptz NOT NULL DEFAULT portal_now(),

    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (owner, key),
    CONSTRAINT idempotency_keys_run_fk FOREIGN KEY (run_id) REFERENCES job_runs (id) ON DELETE SET NULL,
    CONSTRAINT idempotency_keys_key_check CHECK (key <> '')
);
COMMENT ON TABLE idempotency_keys IS 'Requests for runs that were answered: the same key gives the same run';

CREATE INDEX idempotency_keys_run_idx ON idempotency_keys (run_id);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);

-- +goose Down
DROP TABLE idempotency_keys;
DROP TABLE run_rejects;
DROP TABLE run_logs;
DROP FUNCTION run_logs_tell();
DROP TABLE run_chunks;
DROP FUNCTION run_chunks_move();
DROP FUNCTION run_chunks_frozen();
DROP FUNCTION run_chunks_plan();
DROP TABLE job_runs;
DROP FUNCTION job_runs_tell();
DROP FUNCTION job_runs_end();
DROP FUNCTION job_runs_move();
DROP FUNCTION job_runs_inputs();
DROP FUNCTION job_runs_frozen();
DROP FUNCTION job_runs_begin();
DROP FUNCTION portal_refuse(text, text, text);
