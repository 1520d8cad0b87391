"""Situations: successors of codes, the role usual here, the end told by the HR roster, the establishment's operator."""

from __future__ import annotations

import polars as pl

from rpps_audit.corrections.suggestions import Subject, for_rules, said
from rpps_audit.reference import load_aliases, load_nomenclature, normalise

_FEWEST_PEERS = 3
_LEAST_SHARE = 0.6


@for_rules("profession-retiree", "profession-inconnue", "profession-a-enregistrer-ailleurs", "profession-hors-portail")
def successor_of_profession(subject: Subject) -> pl.DataFrame:
    """The code that replaces it, followed to one still in use; former lists (R94, R95) included."""
    known = pl.concat(
        [load_nomenclature(name).frame.select("code", "successor") for name in ("professions", "former-professions")]
    )
    moves = known.drop_nulls().unique("code", keep="first", maintain_order=True)
    new = pl.col("profession")
    for _ in range(3):
        new = new.replace(moves["code"], moves["successor"])
    changed = pl.when(new != pl.col("profession")).then(new)
    return said(subject.records, "profession", changed, "successeur dans la nomenclature (TRE_R85)", 0.9)


@for_rules("role-inconnu", "profession-inconnue")
def code_of_label(subject: Subject) -> pl.DataFrame:
    """A code in another case or without its prefix, or a label known under another wording."""
    column, name = ("role", "roles") if subject.rule.column == "role" else ("profession", "professions")
    codes = load_nomenclature(name).frame["code"]
    written = pl.col(column).str.to_uppercase().str.replace_all(r"\s", "")
    short = pl.format("GENR{}", written.str.extract(r"^(\d{1,2})$").str.zfill(2)) if column == "role" else written
    aliases = load_aliases(name).unique("key", keep="first", maintain_order=True)
    label = normalise(pl.col(column)).replace_strict(
        aliases["key"], aliases["code"], default=None, return_dtype=pl.String
    )
    code = pl.coalesce(
        pl.when(written.is_in(codes.implode())).then(written), pl.when(short.is_in(codes.implode())).then(short), label
    )
    return said(subject.records, column, code, "code reconnu dans la nomenclature", 0.85)


@for_rules("role-absent", "role-inconnu", "role-retire", "role-hors-portail", "role-sans-droits-connus")
def usual_role(subject: Subject) -> pl.DataFrame:
    """The role most given here to this profession, when enough colleagues have it. Access follows it: check."""
    found = subject.joined(
        f"""WITH given AS (SELECT finess, profession, role, count(*) AS n FROM situation
                           WHERE active AND role IS NOT NULL AND row_id NOT IN (SELECT row_id FROM found) GROUP BY ALL),
            usual AS (SELECT finess, profession, arg_max(role, n) AS role, max(n) AS n, max(n) / sum(n) AS share
                      FROM given GROUP BY ALL HAVING max(n) >= {_FEWEST_PEERS} AND max(n) / sum(n) >= {_LEAST_SHARE})
            SELECT f.record_key, u.role, u.share
            FROM found f JOIN situation s USING (row_id) JOIN usual u USING (finess, profession)"""
    )
    source = "rôle habituel de cette profession dans l'établissement"
    return said(found, "role", pl.col("role"), source, 0.7 * pl.col("share"))


@for_rules("parti-selon-rh")
def end_according_to_roster(subject: Subject) -> pl.DataFrame:
    """The day the roster says they left; the manager gives the reason (TRE_R25) and closes."""
    frame = subject.records.with_columns(pl.col("since").cast(pl.String))
    return said(frame, "end_date", pl.col("since"), "date de sortie du fichier du personnel", 0.9)


@for_rules("etablissement-ferme")
def end_with_establishment(subject: Subject) -> pl.DataFrame:
    """The day FINESS says the establishment closed."""
    frame = subject.records.with_columns(pl.col("since").cast(pl.String))
    return said(frame, "end_date", pl.col("since"), "date de fermeture de l'établissement (FINESS)", 0.7)


@for_rules("fin-passee-ouverte", "situation-fermee-sans-fin")
def close_what_ended(subject: Subject) -> pl.DataFrame:
    """An end date that has passed: the situation is to be closed."""
    new = pl.when(pl.col("end_date").is_not_null()).then(pl.lit("false"))
    return said(subject.records, "is_open", new, "la date de fin est passée", 0.9)


@for_rules("finess-juridique-different", "finess-juridique-cle")
def operator_of_finess(subject: Subject) -> pl.DataFrame:
    """The legal entity that FINESS gives for the establishment."""
    found = subject.joined(
        """SELECT f.record_key, any_value(e.finess_legal) AS legal FROM found f JOIN situation s USING (row_id)
           JOIN finess e USING (finess) GROUP BY 1 HAVING count(DISTINCT e.finess_legal) = 1"""
    )
    return said(found, "finess_legal", pl.col("legal"), "fichier FINESS", 0.9)
