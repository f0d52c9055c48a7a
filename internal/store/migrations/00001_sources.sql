-- Uploaded files and the record index over each of them.

-- +goose Up

-- Every time that the portal stores comes from here: the clock of this server,
-- so that servers whose clocks disagree agree on leases and on what has
-- stalled. Tests set etlportal.now in their session. clock_timestamp and not
-- now(), because a transaction may wait for a lock while a lease runs out.
-- +goose StatementBegin
CREATE FUNCTION portal_now() RETURNS timestamptz
LANGUAGE sql VOLATILE
AS $$ SELECT coalesce(nullif(current_setting('etlportal.now', true), '')::timestamptz, clock_timestamp()) $$;
-- +goose StatementEnd

CREATE TABLE sources (
    file_id        uuid        NOT NULL DEFAULT gen_random_uuid(),
    -- Lists are paged by it: a UUID has no order, a time is not unique.
    ordinal        bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    filename       text        NOT NULL,
    size           bigint      NOT NULL,
    state          text        NOT NULL,
    -- The pinned version of the object; null until the upload is complete.
    object         jsonb,
    upload_id      text        NOT NULL DEFAULT '',
    part_size      bigint      NOT NULL DEFAULT 0,
    encoding       text        NOT NULL DEFAULT '',
    dialect        jsonb       NOT NULL,
    names          text[]      NOT NULL DEFAULT '{}',
    -- json and not jsonb: cells of a file may hold U+0000, which jsonb refuses.
    inspection     json,
    overrides      json,
    row_count      bigint      NOT NULL DEFAULT 0,
    bytes_profiled bigint      NOT NULL DEFAULT 0,
    error          json,
    version        bigint      NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT portal_now(),
    updated_at     timestamptz NOT NULL DEFAULT portal_now(),
    -- When the reconciler last sent the inspection on its way, and how often
    -- since the source last moved by itself.
    nudged_at      timestamptz,
    nudges         integer     NOT NULL DEFAULT 0,

    CONSTRAINT sources_pkey PRIMARY KEY (file_id),
    CONSTRAINT sources_ordinal_key UNIQUE (ordinal),
    CONSTRAINT sources_state_check CHECK (state IN ('uploading', 'sampled', 'running', 'complete', 'failed')),
    CONSTRAINT sources_object_check CHECK (object IS NOT NULL OR state IN ('uploading', 'failed')),
    CONSTRAINT sources_error_check CHECK ((state = 'failed') = (error IS NOT NULL)),
    CONSTRAINT sources_numbers_check CHECK (size >= 0 AND part_size >= 0 AND row_count >= 0 AND bytes_profiled >= 0 AND version > 0)
);
COMMENT ON TABLE sources IS 'Uploaded files';
COMMENT ON COLUMN sources.inspection IS 'Columns, statistics and decisions, as the API shows them';
COMMENT ON COLUMN sources.overrides IS 'What the user corrected';
COMMENT ON COLUMN sources.version IS 'Grows with each update; an update of an older version is refused';

CREATE INDEX sources_inspecting_idx ON sources (updated_at) WHERE state IN ('sampled', 'running');

-- Spans tile a file's data: exact byte ranges of whole records.
CREATE TABLE source_spans (
    file_id    uuid    NOT NULL,
    number     integer NOT NULL,
    start_byte bigint  NOT NULL,
    end_byte   bigint  NOT NULL,
    rows       bigint  NOT NULL,
    first_row  bigint  NOT NULL,
    first_line bigint  NOT NULL,

    CONSTRAINT source_spans_pkey PRIMARY KEY (file_id, number),
    CONSTRAINT source_spans_source_fk FOREIGN KEY (file_id) REFERENCES sources (file_id) ON DELETE CASCADE,
    CONSTRAINT source_spans_range_check CHECK (number >= 0 AND start_byte >= 0 AND end_byte >= start_byte AND rows >= 0 AND first_row >= 0 AND first_line >= 1)
);
COMMENT ON TABLE source_spans IS 'The record index of a source: where records start, about every 16 MiB';

-- A page of a preview finds its span by it.
CREATE INDEX source_spans_row_idx ON source_spans (file_id, first_row);

-- +goose Down
DROP TABLE source_spans;
DROP TABLE sources;
DROP FUNCTION portal_now();
