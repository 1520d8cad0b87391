-- What is judged is the register at a date: the latest file of each series of each kind, together. A run judges one kind of registration
-- in one state; the runs of earlier versions judged files one by one, are derived data, and are made again.
-- Keys of records are made once, when a file is loaded: only the lines that need more than their columns to be named are kept here.

CREATE TABLE keyed_snapshots (snapshot_id INTEGER PRIMARY KEY);

-- Lines without a registry number: who they are about. `identity` is without the place of birth, to recognise them when more is known.
CREATE TABLE person_lines (
    snapshot_id INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    person      VARCHAR NOT NULL,        -- id:<keyed hash of civil identity>, or ambigu:<the same> when two people cannot be told apart
    identity    VARCHAR NOT NULL,
    has_place   BOOLEAN NOT NULL
);
-- Lines that repeat the civil status and contact of an earlier line of the same person in the same file.
CREATE TABLE echo_lines (snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL);
-- Lines that share person, establishment and start with an earlier one: their rank among them, from 2.
CREATE TABLE ranked_lines (snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL, rank INTEGER NOT NULL);
-- A person known under another key since a later file: a registry number, or a place of birth, was given.
CREATE TABLE key_aliases (old_person VARCHAR NOT NULL, new_person VARCHAR NOT NULL, snapshot_id INTEGER NOT NULL);

DROP VIEW findings;
DROP TABLE departures;
DROP TABLE findings_by_run;
DROP TABLE rule_runs;
DROP TABLE runs;

CREATE TABLE runs (
    run_id               INTEGER PRIMARY KEY,
    kind                 VARCHAR NOT NULL,     -- of the registrations judged: suivi, annuaire-restreint, annuaire-public
    as_of                DATE NOT NULL,        -- the day of the state
    snapshots            INTEGER[] NOT NULL,   -- the files judged together
    sources              INTEGER[] NOT NULL,   -- the other files they were compared with
    rule_set_fingerprint VARCHAR NOT NULL,
    ran_at               TIMESTAMP NOT NULL,
    asked_at             TIMESTAMP NOT NULL    -- when the same question was last asked, by the rules then in force
);
CREATE TABLE rule_runs (
    run_id           INTEGER NOT NULL,
    rule_no          SMALLINT NOT NULL,
    rule_id          VARCHAR NOT NULL,
    rule_fingerprint VARCHAR NOT NULL,
    "table"          VARCHAR NOT NULL,         -- professional or situation
    "column"         VARCHAR NOT NULL,
    severity         VARCHAR NOT NULL,         -- error, warning, information
    category         VARCHAR NOT NULL,         -- completeness, conformance, plausibility, uniqueness, timeliness
    status           VARCHAR NOT NULL,         -- evaluated, no_object (looked at no record) or not_evaluable
    reason           VARCHAR,                  -- French: what is missing, and in which files when not in all
    evaluated        BIGINT NOT NULL,          -- denominator: records looked at
    failed           BIGINT NOT NULL
);
-- The files on which a rule that was evaluated on others could not be.
CREATE TABLE rule_gaps (run_id INTEGER NOT NULL, rule_no SMALLINT NOT NULL, snapshot_id INTEGER NOT NULL);
CREATE TABLE findings_by_run (
    run_id INTEGER NOT NULL, rule_no SMALLINT NOT NULL, record_key VARCHAR NOT NULL, snapshot_id INTEGER, line INTEGER
);
-- Since when a situation is forgotten, for the rules that say so: the person left, the establishment closed, the end date is past.
CREATE TABLE departures (
    run_id INTEGER NOT NULL, rule_no SMALLINT NOT NULL, record_key VARCHAR NOT NULL, snapshot_id INTEGER NOT NULL,
    line INTEGER NOT NULL, since DATE NOT NULL
);

CREATE VIEW findings AS
SELECT f.run_id, r.kind, r.as_of, u.rule_id, u.rule_fingerprint, r.rule_set_fingerprint, u."table", f.record_key, u."column",
       u.severity, u.category, f.snapshot_id, f.line
FROM findings_by_run f JOIN rule_runs u USING (run_id, rule_no) JOIN runs r USING (run_id);

-- The keys of situations now say their start, never a rank among twins alone nor a line. The journal and the signed packages go on
-- naming a correction by the key it was written under.
ALTER TABLE corrections ADD COLUMN written_key VARCHAR;
UPDATE corrections SET written_key = record_key;

-- Where the records named under the old grammar stand, so that what was decided about them goes on under their new keys.
CREATE TABLE legacy_keys AS
WITH named AS (
    SELECT record_key FROM tolerated UNION SELECT record_key FROM corrections
), numbered AS (
    SELECT snapshot_id, line, coalesce(professional_id, 'ligne:' || line) AS person, coalesce(finess, structure_id, '?') AS place,
           row_number() OVER (PARTITION BY snapshot_id, professional_id, finess ORDER BY start_date, line) AS twin, professional_id
    FROM registrations
), keyed AS (
    SELECT snapshot_id, line,
           person || '@' || place || CASE WHEN professional_id IS NOT NULL AND twin > 1 THEN '#' || twin ELSE '' END AS old_key
    FROM numbered
    UNION ALL SELECT snapshot_id, line, person FROM numbered WHERE professional_id IS NULL
)
SELECT old_key, snapshot_id, line FROM keyed SEMI JOIN named ON named.record_key = old_key;
