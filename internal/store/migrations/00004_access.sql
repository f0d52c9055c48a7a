-- Who may do what, and who did what.

-- +goose Up

-- Nobody signs in by name yet.
CREATE TABLE users (
    id         bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    -- Who the identity provider says it is: issuer and subject.
    issuer     text        NOT NULL,
    subject    text        NOT NULL,
    email      text        NOT NULL DEFAULT '',
    name       text        NOT NULL DEFAULT '',
    role       text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT portal_now(),
    updated_at timestamptz NOT NULL DEFAULT portal_now(),

    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_subject_key UNIQUE (issuer, subject),
    CONSTRAINT users_role_check CHECK (role IN ('viewer', 'editor', 'admin'))
);
COMMENT ON TABLE users IS 'People who sign in through an identity provider';

CREATE TABLE api_tokens (
    id           bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    name         text        NOT NULL,
    role         text        NOT NULL,
    -- SHA-256 of the token. A token has 256 random bits, so that nothing
    -- slower is needed, and whoever reads this table cannot sign in.
    hash         bytea       NOT NULL,
    created_by   text        NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT portal_now(),
    expires_at   timestamptz,
    last_used_at timestamptz,

    CONSTRAINT api_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT api_tokens_hash_key UNIQUE (hash),
    CONSTRAINT api_tokens_hash_check CHECK (octet_length(hash) = 32),
    CONSTRAINT api_tokens_name_check CHECK (name <> ''),
    CONSTRAINT api_tokens_role_check CHECK (role IN ('viewer', 'editor', 'admin'))
);
COMMENT ON TABLE api_tokens IS 'API tokens, hashed';

CREATE TABLE audit_log (
    id             bigint      NOT NULL GENERATED ALWAYS AS IDENTITY,
    at             timestamptz NOT NULL DEFAULT portal_now(),
    principal_kind text        NOT NULL,
    principal_id   text        NOT NULL,
    principal_name text        NOT NULL,
    principal_role text        NOT NULL,
    action         text        NOT NULL,
    object         text        NOT NULL,
    object_id      text        NOT NULL,
    request_id     text        NOT NULL,
    before         json,
    after          json,

    CONSTRAINT audit_log_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE audit_log IS 'Who changed what, without secrets; entries are never changed';

CREATE INDEX audit_log_object_idx ON audit_log (object, object_id, id DESC);

-- +goose StatementBegin
CREATE FUNCTION audit_log_frozen() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM portal_refuse('audit_log_frozen', 'entries of the audit log do not change', 'Write another entry.');
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_log_frozen BEFORE UPDATE ON audit_log
    FOR EACH ROW EXECUTE FUNCTION audit_log_frozen();

-- +goose Down
DROP TABLE audit_log;
DROP FUNCTION audit_log_frozen();
DROP TABLE api_tokens;
DROP TABLE users;
