-- What a store holds. Every table of loaded data has one row per kept line of a file, and says which snapshot and line.
-- Dates that are not whole real dates stay as text in the *_text column beside the date, which is then null.

CREATE TABLE snapshots (
    snapshot_id   INTEGER PRIMARY KEY,
    content_hash  VARCHAR NOT NULL,      -- SHA-256 of the file's (or archive member's) bytes as delivered
    kind          VARCHAR NOT NULL,      -- suivi, annuaire-restreint, annuaire-public, savoir-faire, diplomes, cartes, mssante, cat18, rh, finess, cog
    layout        VARCHAR NOT NULL,      -- id of the layout in rules/layouts/
    series        VARCHAR NOT NULL,      -- kind + file name without its dates: what "the last one of its kind" means
    file_name     VARCHAR NOT NULL,
    data_date     DATE    NOT NULL,      -- the day the data describe
    loaded_at     TIMESTAMP NOT NULL,
    encoding      VARCHAR NOT NULL,
    bytes         BIGINT  NOT NULL,
    rows_read     BIGINT  NOT NULL,      -- = rows_kept + rows_rejected, always
    rows_kept     BIGINT  NOT NULL,
    rows_rejected BIGINT  NOT NULL,
    columns       VARCHAR[] NOT NULL,    -- the typed columns this file really carries: a rule needing another is not evaluable
    UNIQUE (content_hash, kind)
);

CREATE TABLE rejects (
    snapshot_id INTEGER NOT NULL,
    line        BIGINT  NOT NULL,        -- 1 = first line of the file, header included
    reason      VARCHAR NOT NULL,        -- French
    raw         VARCHAR                  -- as read; never leaves the store
);

-- suivi, annuaire-restreint, annuaire-public, cat18: one line = one professional in one situation.
-- Text is kept as it is: compressing it would halve the file and cost half of the time of a national load, and a third
-- of every later reading.
CREATE TABLE registrations (
    snapshot_id          INTEGER NOT NULL,
    line                 INTEGER NOT NULL,
    -- identifiers
    id_type              VARCHAR USING COMPRESSION uncompressed,  -- Type d'identifiant PP (8 = RPPS)
    pp_id                VARCHAR USING COMPRESSION uncompressed,  -- Identifiant PP: the RPPS number, 11 digits
    professional_id      VARCHAR USING COMPRESSION uncompressed,  -- Identification nationale PP (IDNPS): type digit + identifier; the record key of a professional
    -- civil status
    birth_name           VARCHAR USING COMPRESSION uncompressed,
    first_names          VARCHAR USING COMPRESSION uncompressed,  -- joined by ', ' whatever the file's separator
    first_names_ambiguous BOOLEAN,       -- an apostrophe inside a first name cannot be told from the separator
    birth_date           DATE,
    birth_date_text      VARCHAR USING COMPRESSION uncompressed,
    birth_commune        VARCHAR USING COMPRESSION uncompressed,  -- INSEE COG
    birth_place          VARCHAR USING COMPRESSION uncompressed,
    birth_country        VARCHAR USING COMPRESSION uncompressed,  -- INSEE COG, 99000 or 99100 for France
    sex                  VARCHAR USING COMPRESSION uncompressed,
    civility             VARCHAR USING COMPRESSION uncompressed,
    civil_status_state   VARCHAR USING COMPRESSION uncompressed,  -- TRE_R31
    face_to_face_date    DATE,
    -- contact (private)
    email                VARCHAR USING COMPRESSION uncompressed,
    phone                VARCHAR USING COMPRESSION uncompressed,
    -- situation
    exercise_name        VARCHAR USING COMPRESSION uncompressed,
    exercise_first_name  VARCHAR USING COMPRESSION uncompressed,
    finess               VARCHAR USING COMPRESSION uncompressed,  -- FINESS géographique
    finess_legal         VARCHAR USING COMPRESSION uncompressed,  -- FINESS juridique
    siret                VARCHAR USING COMPRESSION uncompressed,
    structure_id         VARCHAR USING COMPRESSION uncompressed,  -- Identifiant technique de la structure
    structure_name       VARCHAR USING COMPRESSION uncompressed,
    role                 VARCHAR USING COMPRESSION uncompressed,  -- portal's rôle: TRE_R22, GENRxx ("Code genre activité" in registry files)
    profession           VARCHAR USING COMPRESSION uncompressed,  -- portal's profession: TRE_R85 ("Code rôle" in registry files)
    national_profession  VARCHAR USING COMPRESSION uncompressed,  -- "Code profession" in registry files: 99 for professionnels à rôle
    start_date           DATE,
    start_date_text      VARCHAR USING COMPRESSION uncompressed,
    end_date             DATE,
    end_date_text        VARCHAR USING COMPRESSION uncompressed,
    end_reason           VARCHAR USING COMPRESSION uncompressed,  -- TRE_R25
    is_open              BOOLEAN,        -- "situation ouverte" in suivi; null where the layout does not say
    last_confirmed       DATE,           -- last sign of life: presence confirmed by the establishment
    notice_date          DATE,           -- the person was informed (RGPD art. 13)
    pending_request_date DATE,           -- a portal request is waiting since
    structure_email      VARCHAR USING COMPRESSION uncompressed,  -- published
    structure_phone      VARCHAR USING COMPRESSION uncompressed  -- published
);


CREATE TABLE skills (snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL, professional_id VARCHAR, skill_type VARCHAR, skill VARCHAR, skill_label VARCHAR);
CREATE TABLE diplomas (snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL, professional_id VARCHAR, diploma_type VARCHAR, diploma VARCHAR, diploma_label VARCHAR, authorisation_type VARCHAR, authorisation_discipline VARCHAR);
CREATE TABLE cards (snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL, pp_id VARCHAR, professional_id VARCHAR, card_type VARCHAR, card_number VARCHAR, valid_from DATE, valid_to DATE, opposed_on DATE);
CREATE TABLE mailboxes (snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL, mailbox_type VARCHAR, address VARCHAR, professional_id VARCHAR, structure_id VARCHAR);
CREATE TABLE employments (
    snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL,
    pp_id VARCHAR, birth_name VARCHAR, first_name VARCHAR, birth_date DATE, finess VARCHAR, start_date DATE, end_date DATE
);
CREATE TABLE establishments (
    snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL,
    finess VARCHAR, finess_legal VARCHAR, name VARCHAR, commune VARCHAR, department VARCHAR, category VARCHAR, category_label VARCHAR,
    category_group VARCHAR, siret VARCHAR, opened_on DATE, closed_on DATE
);
CREATE TABLE communes_loaded (snapshot_id INTEGER NOT NULL, line INTEGER NOT NULL, code VARCHAR, label VARCHAR, valid_from DATE, valid_to DATE, kind VARCHAR);

-- One evaluation of a rule set on one snapshot.
CREATE TABLE runs (
    run_id               INTEGER PRIMARY KEY,
    snapshot_id          INTEGER NOT NULL,
    as_of                DATE NOT NULL,
    rule_set_fingerprint VARCHAR NOT NULL,
    sources              INTEGER[] NOT NULL,   -- the other snapshots it was compared with
    ran_at               TIMESTAMP NOT NULL
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
    status           VARCHAR NOT NULL,         -- evaluated or not_evaluable
    reason           VARCHAR,                  -- French: what is missing
    evaluated        BIGINT NOT NULL,          -- denominator: records looked at
    failed           BIGINT NOT NULL
);
CREATE TABLE findings_by_run (run_id INTEGER NOT NULL, rule_no SMALLINT NOT NULL, record_key VARCHAR NOT NULL, line INTEGER);
-- Since when a situation is forgotten, for the rules that say so: the person left, the establishment closed, the end date is past.
CREATE TABLE departures (run_id INTEGER NOT NULL, rule_no SMALLINT NOT NULL, record_key VARCHAR NOT NULL, line INTEGER NOT NULL, since DATE NOT NULL);
CREATE TABLE tolerated (
    rule_id VARCHAR NOT NULL, record_key VARCHAR NOT NULL, "column" VARCHAR NOT NULL,
    author VARCHAR NOT NULL, reason VARCHAR NOT NULL, expires_on DATE NOT NULL, tolerated_at TIMESTAMP NOT NULL
);

CREATE VIEW findings AS
SELECT r.snapshot_id, f.run_id, u.rule_id, u.rule_fingerprint, r.rule_set_fingerprint, u."table", f.record_key, u."column",
       u.severity, u.category, f.line
FROM findings_by_run f JOIN rule_runs u USING (run_id, rule_no) JOIN runs r USING (run_id);
