-- What managers decided to change, and what became of it. Rows are only ever added; a state is the last event.
-- Old and new values live here and in the signed packages, never in the journal, which holds salted hashes of them.

-- One decision (one call that writes), and its line in the journal. `journal_seq` is null until that line is written: a
-- crash in between is made good before the next decision.
CREATE TABLE operations (
    operation_id INTEGER NOT NULL,
    event        VARCHAR NOT NULL,
    data         VARCHAR NOT NULL,        -- canonical JSON: ids, keys and hashes, no value
    author       VARCHAR NOT NULL,        -- CN of the card's certificate
    done_at      TIMESTAMP NOT NULL,      -- UTC
    journal_seq  BIGINT
);

CREATE TABLE corrections (
    correction_id INTEGER NOT NULL,
    operation_id  INTEGER NOT NULL,
    snapshot_id   INTEGER NOT NULL,       -- what the author had before their eyes
    kind          VARCHAR NOT NULL,       -- edit, request (a file to open, with evidence), add (a field of a new situation)
    "table"       VARCHAR NOT NULL,       -- professional or situation
    record_key    VARCHAR NOT NULL,
    "column"      VARCHAR NOT NULL,
    old           VARCHAR,                -- value in force when it was proposed, null when empty; dates in ISO form
    new           VARCHAR,
    previous_id   INTEGER,                -- the correction of the same field that the author saw
    rule_id       VARCHAR,
    source        VARCHAR NOT NULL,       -- French: where the new value comes from
    confidence    DOUBLE,                 -- 0 to 1; null for a value typed by the manager
    author        VARCHAR NOT NULL,
    card          VARCHAR NOT NULL,
    reason        VARCHAR NOT NULL,
    evidence      VARCHAR NOT NULL,       -- French: which document, which face-to-face check, when; may be empty
    nonce         VARCHAR NOT NULL,       -- salts the hashes of old and new
    proposed_at   TIMESTAMP NOT NULL
);

CREATE TABLE correction_events (
    event_id      INTEGER NOT NULL,
    correction_id INTEGER NOT NULL,
    event         VARCHAR NOT NULL,       -- proposed, approved, refused, undone, batched, signed, sent, acknowledged, rejected,
                                          -- seen, contradicted, overdue, vanished
    author        VARCHAR NOT NULL,
    card          VARCHAR,
    reason        VARCHAR,
    batch_id      VARCHAR,
    snapshot_id   INTEGER,                -- the export that proves or contradicts
    done_at       TIMESTAMP NOT NULL
);

CREATE TABLE batches (
    batch_id      VARCHAR NOT NULL,
    snapshot_id   INTEGER NOT NULL,
    series        VARCHAR NOT NULL,
    prepared_at   TIMESTAMP NOT NULL,
    prepared_by   VARCHAR NOT NULL,
    persons       INTEGER NOT NULL,
    changes       INTEGER NOT NULL
);

CREATE TABLE batch_events (
    event_id      INTEGER NOT NULL,
    batch_id      VARCHAR NOT NULL,
    event         VARCHAR NOT NULL,       -- prepared, abandoned, signed, sent, acknowledged, rejected
    author        VARCHAR NOT NULL,
    reason        VARCHAR,                -- refusal, reference given by the recipient, target
    package       VARCHAR,                -- name of the file
    sha256        VARCHAR,                -- of the file
    done_at       TIMESTAMP NOT NULL
);

-- Which corrections a batch holds; several corrections of one field make one change.
CREATE TABLE batch_corrections (batch_id VARCHAR NOT NULL, correction_id INTEGER NOT NULL);

CREATE VIEW correction_states AS
SELECT c.*, s.series, e.event AS state, e.done_at AS state_at, e.batch_id, e.snapshot_id AS proof_snapshot_id,
       e.reason AS state_reason
FROM corrections c
JOIN snapshots s USING (snapshot_id)
JOIN (SELECT * FROM correction_events QUALIFY row_number() OVER (PARTITION BY correction_id ORDER BY event_id DESC) = 1) e
USING (correction_id);

CREATE VIEW batch_states AS
SELECT b.*, e.event AS state, e.done_at AS state_at, e.reason AS state_reason, f.package, f.sha256
FROM batches b
JOIN (SELECT * FROM batch_events QUALIFY row_number() OVER (PARTITION BY batch_id ORDER BY event_id DESC) = 1) e
USING (batch_id)
JOIN (SELECT * FROM batch_events WHERE package IS NOT NULL
      QUALIFY row_number() OVER (PARTITION BY batch_id ORDER BY event_id DESC) = 1) f
USING (batch_id);
