-- What the HTTP kit keeps (shared/http), the same in every service's schema.

-- Who may use the service's HTTP. The secret itself is nowhere: only its SHA-256.
--   active (revoked_at IS NULL) -> revoked. Final.
CREATE TABLE api_key (
    key_id text PRIMARY KEY,  -- the part of a key that is no secret
    name text NOT NULL,  -- what people call it
    source text NOT NULL,  -- the sender or the person it speaks for
    scopes text[] NOT NULL,
    requests_per_minute integer NOT NULL CHECK (requests_per_minute > 0),
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- What was answered under an Idempotency-Key: kept for ever, written with the request's effect.
CREATE TABLE http_answer (
    source text NOT NULL,
    idempotency_key text NOT NULL,
    request_hash bytea NOT NULL CHECK (length(request_hash) = 32),
    status integer NOT NULL,
    body bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, idempotency_key)
);
