"""Names, sex and civility: characters, swapped names, what the public extract writes, duplicates."""

from __future__ import annotations

import polars as pl

from rpps_audit.corrections.suggestions import Subject, for_rules, said
from rpps_audit.records.folding import folded_sql


@for_rules("nom-naissance-caracteres", "prenoms-caracteres", "nom-exercice-caracteres")
def clean_name(subject: Subject) -> pl.DataFrame:
    """Spaces around hyphens, doubled spaces, typographic signs, digits at the ends; only what the rule then accepts."""
    column = subject.rule.column
    clean = (
        pl.col(column)
        .str.replace_all(r"[´`ʼ‘]", "'")
        .str.replace_all(r"[‐‑‒–—−]", "-")
        .str.replace_all(r"\s*-\s*", "-")
        .str.replace_all(r"\s*'\s*", "'")
        .str.replace_all(r"[\s\u00a0\u202f]+", " ")
        .str.strip_chars(" .,;:-_0123456789")
    )
    pattern = str(subject.rule.parameters.get("pattern", ""))
    accepted = clean.str.contains(pattern) & (clean != "")
    return said(
        subject.records, column, pl.when(accepted).then(clean), "même nom, caractères admis à l'état civil", 0.9
    )


@for_rules("nom-exercice-absent", "prenom-exercice-absent")
def name_of_civil_status(subject: Subject) -> pl.DataFrame:
    """The birth name or the first of the first names, until the person says otherwise."""
    origin = {
        "exercise_name": pl.col("birth_name"),
        "exercise_first_name": pl.col("first_names").str.split(", ").list.first(),
    }
    return said(subject.records, subject.rule.column, origin[subject.rule.column], "état civil", 0.5)


@for_rules("nom-exercice-different-annuaire")
def name_of_public_extract(subject: Subject) -> pl.DataFrame:
    """What the public extract writes; name and first name swapped where they are each other's."""
    other = subject.joined(
        """SELECT f.record_key, any_value(s.exercise_name) AS mine, any_value(s.exercise_first_name) AS my_first,
                  any_value(o.exercise_name) AS theirs, any_value(o.exercise_first_name) AS their_first
           FROM found f JOIN situation s USING (row_id) JOIN annuaire_public o USING (professional_id)
           GROUP BY f.record_key HAVING count(DISTINCT o.exercise_name) = 1"""
    )
    swapped = (pl.col("theirs").str.to_uppercase() == pl.col("my_first").str.to_uppercase()) & (
        pl.col("their_first").str.to_uppercase() == pl.col("mine").str.to_uppercase()
    )
    turned = other.filter(swapped.fill_null(False))
    straight = other.filter(~swapped.fill_null(False))
    return pl.concat(
        [
            said(turned, "exercise_name", pl.col("my_first"), "nom et prénom inversés (annuaire public)", 0.9),
            said(turned, "exercise_first_name", pl.col("mine"), "nom et prénom inversés (annuaire public)", 0.9),
            said(straight, "exercise_name", pl.col("theirs"), "annuaire public", 0.6),
        ]
    )


@for_rules("sexe-civilite-incoherents", "civilite-absente", "civilite-inconnue")
def civility_of_sex(subject: Subject) -> pl.DataFrame:
    """The civility that goes with the sex."""
    new = pl.col("sex").replace_strict({"M": "M", "F": "MME"}, default=None, return_dtype=pl.String)
    return said(subject.records, "civility", new, "sexe enregistré", 0.6)


@for_rules("sexe-absent", "sexe-inconnu")
def sex_of_civility(subject: Subject) -> pl.DataFrame:
    """The sex that goes with the civility."""
    new = pl.col("civility").replace_strict({"M": "M", "MME": "F"}, default=None, return_dtype=pl.String)
    return said(subject.records, "sex", new, "civilité enregistrée", 0.6)


@for_rules("meme-personne-deux-numeros")
def duplicate_to_merge(subject: Subject) -> pl.DataFrame:
    """A request, not an edit: the older number (the smaller) would be kept."""
    other = subject.joined(
        f"""WITH same AS (
               SELECT f.record_key, p.professional_id, p.birth_date,
                      {folded_sql("p.birth_name || p.first_names")} AS name
               FROM found f JOIN professional p USING (row_id))
           SELECT a.record_key, min(b.professional_id) AS kept FROM same a JOIN same b
           ON a.name = b.name AND a.birth_date = b.birth_date AND b.professional_id < a.professional_id GROUP BY 1"""
    )
    return said(
        other, "professional_id", pl.col("kept"), "même état civil sous un autre numéro : fusion à demander", 0.6
    )


@for_rules("date-naissance-illisible", "date-debut-illisible", "date-fin-illisible")
def readable_date(subject: Subject) -> pl.DataFrame:
    """Days and months of one digit, or other separators: 1/2/1990, 01 02 1990."""
    column = subject.rule.column.removesuffix("_text")
    text = pl.col(subject.rule.column).str.strip_chars()
    parts = text.str.extract_groups(r"^(\d{1,2})[\s/.\-](\d{1,2})[\s/.\-](\d{4})$")
    day = pl.format(
        "{}-{}-{}", parts.struct[2], parts.struct[1].str.zfill(2), parts.struct[0].str.zfill(2)
    ).str.to_date("%Y-%m-%d", strict=False)
    return said(subject.records, column, day.cast(pl.String), "même date, écrite en entier", 0.9)
