"""What a batch holds: the changes as one frame, then as files whose bytes depend on them alone."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from rpps_audit.batches.files import zipped
from rpps_audit.batches.lists import as_csv, as_xlsx
from rpps_audit.batches.rewriting import rewrite
from rpps_audit.batches.sheets import can_print, people_of, read_me, sheets, sheets_pdf
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.fields import field_frame, fields, shown_expr
from rpps_audit.corrections.operations import COMMITMENT
from rpps_audit.corrections.values import Extract, field_values, reading
from rpps_audit.journal import sha256_hex
from rpps_audit.store import fetch_frame

FORMAT = "rpps-audit-lot/1"
MANIFEST, SIGNATURE, VALUES = "manifest.json", "manifest.json.p7s", "corrections.jsonl"
NOTICE = "N'est pas un dépôt au portail RPPS+ : les changements s'y saisissent personne par personne."
_FIELD = ["table", "record_key", "column"]


class Options(NamedTuple):
    """What goes in besides the essential."""

    pdf: bool = True
    """All the sheets as a PDF, when WeasyPrint is installed."""
    fhir: bool = False
    """The changes as a FHIR bundle."""


ESSENTIAL = Options()


def changes_of(desk: Desk, facts: Extract, ready: pl.DataFrame) -> pl.DataFrame:
    """One row per field to change, from corrections [correction_id, table, record_key, column, ...] in order.

    The last correction of a field says the new value; a field that ends as the export has it is no change. Columns:
    table, record_key, column, before, after, shown_before, shown_after, kind, action, rule_id, source, reason,
    evidence, nonce,
    authors, numbers, ids, label, screen, rank, situation_rank, place, professional_id, number, file, person, finess,
    structure_name, waiting.
    """
    last = ready.sort("correction_id").group_by(_FIELD, maintain_order=True).agg(
        pl.col("new", "kind", "rule_id", "source", "reason", "evidence", "nonce").last(),
        pl.col("author").unique(maintain_order=True).str.join(", ").alias("authors"),
        pl.col("correction_id").cast(pl.String).str.join(", ").alias("numbers"),
        pl.col("correction_id").alias("ids"),
    )  # fmt: skip
    now = field_values(desk.store, facts.snapshot_id, last).select(*_FIELD, "line", "base")
    found = (
        last.join(now, _FIELD, "left", maintain_order="left")
        .filter(pl.col("new").ne_missing(pl.col("base")) & (pl.col("line").is_not_null() | (pl.col("kind") == "add")))
        .rename({"base": "before", "new": "after"})
        .join(field_frame().drop("type", "who"), ["table", "column"], "left", maintain_order="left")
        .with_columns(person_key=pl.col("record_key").str.split("@").list.first())
        .join(_people(desk, facts), "person_key", "left", maintain_order="left")
        .join(_places(desk, facts), "record_key", "left", maintain_order="left")
    )
    if found.is_empty():
        return found
    return _shown(found).sort("file", "situation_rank", "rank", "record_key")


def contents(
    desk: Desk, facts: Extract, changes: pl.DataFrame, batch_id: str, made: datetime, options: Options
) -> tuple[dict[str, bytes], list[str]]:
    """Every file of the package but its manifest, by name; and what could not be made, in French."""
    notes: list[str] = []
    files = {
        "liste.csv": as_csv(changes),
        "liste.xlsx": as_xlsx(changes, made),
        VALUES: _values(changes),
    }
    applied = changes.filter(pl.col("kind") != "request").select(*_FIELD, new="after")
    corrected = rewrite(desk.store, desk.folder, facts, applied)
    if corrected is None:
        notes.append("l'extraction d'origine est un classeur : pas de fichier corrigé, voir liste.xlsx.")
    else:
        files[f"fichier-corrige/{facts.file_name}"] = corrected.content
        notes += [
            f"la colonne « {name} » n'existe pas dans l'extraction : ce changement n'est que sur les fiches."
            for name in corrected.absent
        ]
    people = people_of(changes)
    words: dict[str, Any] = {
        "batch_id": batch_id,
        "made": f"{made:%d/%m/%Y}",
        "file_name": facts.file_name,
        "data_date": f"{facts.data_date:%d/%m/%Y}",
    }
    files |= sheets(people, words)
    if options.pdf and can_print():
        files["fiches.pdf"] = sheets_pdf(people, words)
    elif options.pdf:
        notes.append("WeasyPrint n'est pas installé : pas de fiches.pdf ; les fiches HTML s'impriment.")
    if options.fhir:
        from rpps_audit.batches.fhir import bundle

        files["fhir/bundle.json"] = bundle(changes, batch_id, made)
    about = {
        "changes": changes.height, "persons": len(people), "pdf": "fiches.pdf" in files,
        "corrected": corrected is not None, "fhir": options.fhir, "notes": notes, "package": package_name(batch_id),
    }  # fmt: skip
    files["LISEZ-MOI.txt"] = read_me(words | about)
    return files, notes


def manifest_of(
    desk: Desk, facts: Extract, changes: pl.DataFrame, files: Mapping[str, bytes], about: Mapping[str, Any]
) -> dict[str, Any]:
    """The inventory that is signed: files with their hashes, changes with salted hashes of their values, the rules."""
    listed = committed(changes).select("ids", *_FIELD, "kind", "rule_id", "before", "after").to_dicts()
    return {
        "format": FORMAT,
        "notice": NOTICE,
        **about,
        "organisation": desk.organisation,
        "extract": {
            "kind": facts.kind, "layout": facts.layout, "file_name": facts.file_name, "encoding": facts.encoding,
            "data_date": facts.data_date.isoformat(), "sha256": facts.content_hash,
        },
        "rules": desk.catalogue.fingerprint,
        "changes": listed,
        "files": [
            {"path": name, "bytes": len(files[name]), "sha256": sha256_hex(files[name])} for name in sorted(files)
        ],
    }  # fmt: skip


def package_name(batch_id: str) -> str:
    """The file of a batch."""
    return f"lot-{batch_id}.zip"


def archive(manifest: bytes, files: Mapping[str, bytes], signature: bytes | None = None) -> bytes:
    """The package."""
    signed = {} if signature is None else {SIGNATURE: signature}
    return zipped({**files, MANIFEST: manifest, **signed})


def unpacked(path: Path) -> tuple[bytes, bytes | None, dict[str, bytes]]:
    """A package's manifest, signature (None: not signed) and other files."""
    with zipfile.ZipFile(path) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    manifest = files.pop(MANIFEST)
    return manifest, files.pop(SIGNATURE, None), files


def committed(values: pl.DataFrame) -> pl.DataFrame:
    """`before` and `after` replaced by their salted hashes."""
    import duckdb

    hashed = [f"{COMMITMENT.format(nonce='nonce', value=name)} AS {name}" for name in ("before", "after")]
    with duckdb.connect() as connection:
        connection.register("changes", values.with_row_index("_rank").to_arrow())
        return fetch_frame(
            connection.execute(f"SELECT * REPLACE ({', '.join(hashed)}) FROM changes ORDER BY _rank")
        ).drop("_rank")


# --- details of a change ---------------------------------------------------------------------------------------------


def _people(desk: Desk, facts: Extract) -> pl.DataFrame:
    """Who they are, as the manager reads them."""
    with reading(desk.store, facts.snapshot_id, facts.data_date) as reader:
        return fetch_frame(
            reader.execute(
                """SELECT record_key AS person_key, professional_id,
                      coalesce(substr(professional_id, 2), record_key) AS number,
                      replace(coalesce(professional_id, record_key), ':', '-') AS file,
                      concat_ws(' ', birth_name, first_names) AS person,
                      coalesce(professional_id IN (SELECT professional_id FROM situation
                                                   WHERE pending_request_date IS NOT NULL), false) AS waiting
               FROM professional QUALIFY row_number() OVER (PARTITION BY record_key ORDER BY line) = 1"""
            )
        )


def _places(desk: Desk, facts: Extract) -> pl.DataFrame:
    with reading(desk.store, facts.snapshot_id, facts.data_date) as reader:
        return fetch_frame(reader.execute("SELECT record_key, finess, structure_name FROM situation"))


def _shown(found: pl.DataFrame) -> pl.DataFrame:
    """Labels beside codes, and where and how each change is made."""
    by_field = {(one.table, one.column): one for one in fields()}
    parts = [
        group.with_columns(
            shown_before=shown_expr(pl.col("before"), by_field[str(table), str(column)]),
            shown_after=shown_expr(pl.col("after"), by_field[str(table), str(column)]),
        )
        for (table, column), group in found.group_by("table", "column", maintain_order=True)
    ]
    finess = pl.coalesce("finess", pl.col("record_key").str.split("@").list.get(1, null_on_oob=True))
    place = pl.concat_str(["structure_name", pl.format("FINESS {}", finess)], separator=", ", ignore_nulls=True)
    is_situation = pl.col("table") == "situation"
    action = {"edit": "modifier", "add": "ajouter une situation", "request": "adresser une demande"}
    return pl.concat(parts).with_columns(
        finess=finess,
        place=pl.when(is_situation).then(place),
        # Identity and contact first, then each situation, then what only the follow-up file holds.
        situation_rank=pl.when(is_situation).then(pl.col("record_key")).otherwise(pl.lit("")),
        action=pl.col("kind").replace_strict(action, default=None, return_dtype=pl.String),
    )


def _values(changes: pl.DataFrame) -> bytes:
    """One JSON object per change, with what the hashes of the manifest are made of."""
    named = changes.select("ids", *_FIELD, "kind", "before", "after", "nonce", "reason", "evidence", "source")
    return named.write_ndjson().encode("utf-8")
