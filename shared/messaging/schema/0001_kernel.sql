-- The kernel's tables, the same in every service's schema.

-- What was taken in: the insert is the decision that a unit is new. Part counts a record's units
-- from 0; part -1 says that a raw record was taken in to its end. Partition and offset are where
-- it was read, for a claim's journey.
CREATE TABLE inbox (
    event_id uuid NOT NULL,
    part integer NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    partition integer,
    "offset" bigint,
    PRIMARY KEY (event_id, part)
);
CREATE INDEX inbox_received_at ON inbox USING brin (received_at);

-- Everything this service has said, once: the source of the relay, of `recover` and of journeys.
-- Rows are never updated. Values stay in line and uncompressed up to a page.
CREATE TABLE event (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    type text,  -- NULL for bytes published as they are
    topic text NOT NULL,
    key text NOT NULL,
    headers bytea NOT NULL,  -- JSON [[name, value as latin-1], ...]
    value bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
) WITH (toast_tuple_target = 8160);
CREATE INDEX event_key ON event (key);
CREATE INDEX event_created_at ON event USING brin (created_at);

-- What is not sent yet. The relay deletes what the broker has acknowledged; nothing is marked.
CREATE TABLE outbox (
    seq bigint PRIMARY KEY
) WITH (
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_insert_scale_factor = 0,
    autovacuum_vacuum_insert_threshold = 20000
);

-- The raw record of what is parked, once, however many of its units are.
CREATE TABLE parked_record (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    timestamp_ms bigint NOT NULL,
    key bytea,
    headers bytea NOT NULL,
    value bytea
);

-- Units set aside, in the order they came.
--   parked    could not be decoded, decided or saved; blocks its key      -> released | discarded
--   waiting   came after one of the same key that is open                 -> done, or parked if it fails
--   released  an operator says: try again                                 -> done, or parked if it fails
--   discarded an operator says: drop it. Final.
--   done      decided after all. Final.
CREATE TABLE parked (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_id uuid NOT NULL REFERENCES parked_record (id),
    event_id uuid NOT NULL,
    part integer NOT NULL,
    is_whole_record boolean NOT NULL,  -- no unit could be told apart: a replay takes them all
    key text,
    error text NOT NULL,
    detail text NOT NULL,
    state text NOT NULL CHECK (state IN ('parked', 'waiting', 'released', 'discarded', 'done')),
    attempts integer NOT NULL DEFAULT 1,
    parked_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX parked_open_key ON parked (key, id) WHERE state IN ('parked', 'waiting', 'released');
CREATE INDEX parked_event_id ON parked (event_id);
CREATE INDEX parked_record_id ON parked (record_id);
