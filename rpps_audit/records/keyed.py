"""Keys made once, when a file is loaded: the few lines that need more than their own columns to be named.

A person with a registry number is known by it. Without one, by a keyed hash of civil identity (birth name, first name,
date of birth, and place of birth where it is known): the key never leaves the workspace, so that nobody can find a
person by trying names.
"""

from __future__ import annotations

from pathlib import Path

from rpps_audit.privacy import open_pseudonyms
from rpps_audit.records.folding import folded_sql
from rpps_audit.records.keys import AMBIGUOUS, UNNUMBERED, situation_sql
from rpps_audit.store import Store

_TABLES = "('suivi', 'annuaire-restreint', 'annuaire-public', 'cat18')"
_UNKEYED = f"""
    SELECT snapshot_id FROM snapshots ANTI JOIN keyed_snapshots USING (snapshot_id)
    WHERE kind IN {_TABLES} ORDER BY 1"""
# Every line of registrations with its key, for whoever reads a few of them without the views of a state.
KEYED_ROWS = f"""
    SELECT r.snapshot_id, r.line, coalesce(professional_id, person) AS person_key, {
    situation_sql("coalesce(professional_id, person)", "coalesce(finess, structure_id)", "start_date", "rank")
} AS record_key
    FROM registrations r LEFT JOIN person_lines USING (snapshot_id, line)
    LEFT JOIN ranked_lines USING (snapshot_id, line)"""
# Civil status and contact repeat on each line of a person: one professional record per distinct content.
PERSON_COLUMNS = (
    "professional_id, birth_name, first_names, birth_date, birth_date_text, birth_commune, birth_place, birth_country,"
    " sex, civility, civil_status_state, face_to_face_date, email, phone"
)


def ensure_keys(store: Store) -> None:
    """Make the keys of every loaded file of registrations that has none yet, in one transaction each."""
    waiting = [row[0] for row in store.sql(_UNKEYED).fetchall()]
    for snapshot_id in waiting:
        with store.transaction():
            make_keys(store, snapshot_id)
    if waiting and store.one("SELECT 1 FROM legacy_keys LIMIT 1"):
        with store.transaction():
            for statement in _RENAMED:
                store.sql(statement)


def make_keys(store: Store, snapshot_id: int) -> None:
    """Keys of one snapshot (inside a transaction): people without a number, echoes, situations alike, aliases."""
    mine = f"snapshot_id = {int(snapshot_id)}"
    unnumbered = store.one(f"SELECT 1 FROM registrations WHERE {mine} AND professional_id IS NULL LIMIT 1")
    if unnumbered:
        store.sql(_PEOPLE.format(mine=mine), [_secret(store.path)])
    for statement in (_CROWDED, _ECHOES, _RANKS):
        store.sql(statement.format(mine=mine, snapshot_id=int(snapshot_id)))
    store.sql("DROP TABLE crowded_now")
    if store.one("SELECT 1 FROM person_lines WHERE snapshot_id <> ? LIMIT 1", [snapshot_id]):
        store.sql(_ALIASES.format(mine=mine, snapshot_id=int(snapshot_id)), [_secret(store.path)])
    store.sql("INSERT INTO keyed_snapshots VALUES (?)", [snapshot_id])


def _secret(store: Path) -> str:
    """The workspace's key; a store in memory, which lives as long as its process, needs none."""
    return open_pseudonyms(store.parent).key.hex() if store.exists() else ""


_NAME = folded_sql("coalesce(birth_name, exercise_name, '')")
_FIRST = folded_sql("split_part(coalesce(first_names, exercise_first_name, ''), ',', 1)")
_BORN = "coalesce(CAST(birth_date AS VARCHAR), birth_date_text, '')"
_BIRTHPLACE = f"coalesce(birth_commune, {folded_sql('birth_place')}, birth_country)"
_IDENTITY = f"{_NAME} || chr(31) || {_FIRST} || chr(31) || {_BORN}"
_HASHED = "left(sha256($1 || chr(31) || {text}), 20)"

# People cannot be told apart when what names them is incomplete or contradicts itself, on lines that differ.
_PEOPLE = f"""
    INSERT INTO person_lines
    WITH named AS (
        SELECT snapshot_id, line, {_HASHED.format(text=_IDENTITY)} AS identity, {_BIRTHPLACE} AS place,
               {_NAME} <> '' AND {_FIRST} <> '' AND {_BORN} <> '' AS complete, {_NAME} = '' AS nameless,
               coalesce(finess, structure_id, '') AS held,
               sex, lower(email) AS email, right(regexp_replace(phone, '[^0-9]', '', 'g'), 9) AS phone,
               hash(sex, lower(email), phone, birth_place, birth_commune, birth_country) AS content
        FROM registrations WHERE {{mine}} AND professional_id IS NULL
    ), known AS (
        -- Where civil identity is incomplete, the establishment is all that tells two people apart.
        SELECT *, left(sha256($1 || chr(31) || identity || chr(31) || coalesce(place, '')
                              || CASE WHEN complete THEN '' ELSE chr(31) || held END), 20) AS person FROM named
    ), doubtful AS (
        SELECT person FROM known GROUP BY person
        HAVING bool_or(nameless) OR count(DISTINCT sex) > 1
            OR (NOT bool_and(complete) AND count(DISTINCT content) > 1)
            OR (count(DISTINCT email) > 1 AND count(DISTINCT phone) > 1)
    )
    SELECT snapshot_id, line, CASE WHEN person IN (FROM doubtful) THEN '{AMBIGUOUS}' ELSE '{UNNUMBERED}' END || person,
           identity, place IS NOT NULL
    FROM known"""

# Most people stand on one line: only the lines of the others are compared with one another.
_CROWDED = f"""
    CREATE OR REPLACE TEMP TABLE crowded_now AS
    WITH mine AS NOT MATERIALIZED (
        SELECT r.*, coalesce(r.professional_id, p.person) AS who FROM registrations r
        LEFT JOIN (SELECT line, person FROM person_lines WHERE {{mine}}) p USING (line) WHERE r.{{mine}}
    )
    SELECT line, who, coalesce(finess, structure_id, '?') AS place, start_date,
           hash({PERSON_COLUMNS}) AS person_content,
           coalesce(role, '') AS role, coalesce(profession, '') AS profession, end_date
    FROM mine WHERE who IN (SELECT who FROM mine GROUP BY who HAVING count(*) > 1)"""
_ECHOES = """
    INSERT INTO echo_lines
    SELECT {snapshot_id}, line FROM crowded_now
    ANTI JOIN (SELECT min(line) AS line FROM crowded_now GROUP BY who, person_content) USING (line)"""
# Alike by content, then by line: lines that say the same are the same record, whatever their order.
_RANKS = """
    INSERT INTO ranked_lines
    SELECT {snapshot_id}, line, rank FROM (
        SELECT line, dense_rank() OVER (PARTITION BY who, place, start_date
                                        ORDER BY role, profession, end_date NULLS FIRST) AS rank
        FROM crowded_now WHERE hash(who, place, start_date) IN
            (SELECT hash(who, place, start_date) FROM crowded_now GROUP BY ALL HAVING count(*) > 1)
    ) WHERE rank > 1"""
# Earlier versions named situations by a rank, and people without a number by a line: the last file that has
# such a key tells which record it was.
_RENAMED = [
    f"""UPDATE {table} SET record_key = n.new_key
        FROM (SELECT old_key, arg_max(CASE WHEN contains(old_key, '@') THEN record_key ELSE person_key END, snapshot_id)
                     AS new_key FROM legacy_keys JOIN ({KEYED_ROWS}) USING (snapshot_id, line) GROUP BY old_key) n
        WHERE {table}.record_key = n.old_key"""
    for table in ("tolerated", "corrections")
] + ["DELETE FROM legacy_keys"]
# One person here and one person before, alike by name, first name and date of birth, and not born in two places.
_ALIASES = f"""
    INSERT INTO key_aliases
    WITH waiting AS (
        SELECT DISTINCT p.person AS old_person, identity, has_place, {_BIRTHPLACE} AS place, birth_date
        FROM person_lines p JOIN registrations USING (snapshot_id, line)
        WHERE NOT p.{{mine}} AND starts_with(p.person, '{UNNUMBERED}')
          AND p.person NOT IN (SELECT old_person FROM key_aliases)
    ), arrived AS (
        SELECT DISTINCT coalesce(r.professional_id, p.person) AS new_person, {_BIRTHPLACE} AS place,
               {_HASHED.format(text=_IDENTITY)} AS identity
        FROM registrations r LEFT JOIN person_lines p USING (snapshot_id, line)
        WHERE r.{{mine}} AND birth_date IN (SELECT birth_date FROM waiting)
    )
    SELECT any_value(old_person), any_value(new_person), {{snapshot_id}}
    FROM waiting w JOIN arrived a USING (identity)
    WHERE (w.place IS NULL OR a.place IS NULL OR w.place = a.place) AND NOT starts_with(new_person, '{AMBIGUOUS}')
    GROUP BY identity
    HAVING count(DISTINCT old_person) = 1 AND count(DISTINCT new_person) = 1
       AND any_value(old_person) <> any_value(new_person)"""
