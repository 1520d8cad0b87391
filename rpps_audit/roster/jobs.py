"""From a function in free words to a profession and a usual role: proposed with a reason, decided by a person."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.reference import load_aliases, load_nomenclature, normalise, rules_root
from rpps_audit.roster.kept import read_kept, write_kept

JOBS_FILE = "fonctions-rh.csv"
UNKNOWN = "aucune profession du portail ne lui ressemble : à choisir"
_FRENCH = {"fonction": "job", "profession": "profession", "role": "role", "motif": "reason", "decide": "decided"}
_SMALL = r"\b(?:DE|DU|DES|D|L|LA|LE|LES|EN|ET|A|AU|AUX|H|F)\b"


def job_words(expr: pl.Expr) -> pl.Expr:
    """The words of a function, without the small ones nor punctuation, as a list."""
    plain = normalise(expr).str.replace_all(r"[^A-Z0-9 ]", " ").str.replace_all(_SMALL, " ")
    return plain.str.split(" ").list.filter(pl.element() != "").list.unique(maintain_order=True)


def propose_jobs(jobs: pl.Series) -> pl.DataFrame:
    """For each distinct function: job, profession, role (null: none), reason, decided (« non »).

    The portal's own labels first, then `rules/roster/jobs.csv`; of several groups of words found in a function, the
    longest. A function nothing is known of has neither, and its reason says so.
    """
    distinct = jobs.drop_nulls().unique(maintain_order=True).to_frame("job")
    split = distinct.with_columns(words=job_words(pl.col("job"))).with_columns(
        key=pl.col("words").list.sort().list.join(" ")
    )
    met = split.join(_known(), how="cross").filter(pl.col("needed").list.set_difference("words").list.len() == 0)
    best = met.sort("length", descending=True, maintain_order=True).unique("job", keep="first", maintain_order=True)
    found = distinct.join(best.select("job", "profession", "role", "reason"), on="job", how="left")
    return found.with_columns(
        pl.col("reason").fill_null(UNKNOWN),
        decided=pl.lit("non"),
    )


def kept_jobs(workspace: Path) -> pl.DataFrame:
    """job, profession, role, reason, decided: what the workspace keeps. Raises UsageError when it cannot be read."""
    return read_kept(workspace / JOBS_FILE, _FRENCH)


def keep_jobs(workspace: Path, proposed: pl.DataFrame) -> pl.DataFrame:
    """Add the functions not kept yet; what a person decided stays. Gives what is kept now."""
    before = kept_jobs(workspace)
    after = pl.concat([before, proposed.select(before.columns).join(before, on="job", how="anti")])
    write_kept(workspace / JOBS_FILE, after, _FRENCH)
    return after


def decide_job(workspace: Path, job: str, profession: str, role: str) -> None:
    """A person's choice for one function. Raises UsageError for a function no file has shown."""
    kept = kept_jobs(workspace)
    if job not in kept["job"]:
        raise UsageError(f"Aucun fichier du personnel ne porte la fonction « {job} ». Voyez {JOBS_FILE}.")
    chosen = pl.when(pl.col("job") == job)
    write_kept(
        workspace / JOBS_FILE,
        kept.with_columns(
            profession=chosen.then(pl.lit(profession or None)).otherwise("profession"),
            role=chosen.then(pl.lit(role or None)).otherwise("role"),
            decided=chosen.then(pl.lit("oui")).otherwise("decided"),
        ),
        _FRENCH,
    )


def with_jobs(roster: pl.DataFrame, workspace: Path) -> pl.DataFrame:
    """The lines of a roster with `profession` and `role` where a person decided them for the line's function.

    A proposal nobody confirmed says nothing of a disagreement.
    """
    decided = kept_jobs(workspace).filter(pl.col("decided") == "oui").select("job", "profession", "role")
    return roster.join(decided, on="job", how="left", maintain_order="left")


@cache
def _known() -> pl.DataFrame:
    """needed (words), length, profession, role, reason; the portal's labels have the usual role of their profession."""
    ours = _file().select(pl.col("words").alias("label"), "profession", "role", "reason")
    usual = ours.drop_nulls("profession").unique("profession", keep="first", maintain_order=True)
    labels = load_aliases("professions").select(label="alias", profession="code").join(
        usual.select("profession", "role"), on="profession", how="left"
    ).with_columns(reason=pl.lit("libellé du portail"))  # fmt: skip
    every = pl.concat([ours, labels.select(ours.columns)]).with_columns(needed=job_words(pl.col("label")))
    known = every.with_columns(length=pl.col("needed").list.len()).filter(pl.col("length") > 0)
    codes = load_nomenclature("professions").frame
    retired = codes.filter(pl.col("valid_to").is_not_null())["code"]
    return known.filter(~pl.col("profession").is_in(retired.implode()).fill_null(value=False)).select(
        "needed", "length", "profession", "role", "reason"
    )


@cache
def _file() -> pl.DataFrame:
    return pl.read_csv(rules_root() / "roster" / "jobs.csv", separator=";", infer_schema=False)
