"""What becomes of each staff member and each registered situation, once the two sides are paired.

present      works there, and the situation is open there
left_open    left (or is no longer in the roster), and the situation is still open
to_register  works there, registered nowhere that is open
elsewhere    works there, registered and open in another establishment only
disagrees    works there and open there, but a date, the profession or the role differ
ambiguous    somebody has to look: one line for each candidate
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from rpps_audit.matching.pairs import pairs
from rpps_audit.matching.people import People, registered_people, staff_people
from rpps_audit.matching.settle import name_keys, settle
from rpps_audit.matching.spells import situations_of, spells_of
from rpps_audit.privacy import Pseudonyms

OUTCOMES = ("left_open", "ambiguous", "disagrees", "elsewhere", "to_register", "present")
COLUMNS = ("outcome", "level", "professional_id", "finess", "name_key", "hr_file", "hr_line", "left_on", "reasons")
# A start date is known to the day by payroll and to the month by whoever registered.
_DAYS = 31
# « Code profession » of those whom establishments register; the others are registered by an order or an agency.
_BY_ESTABLISHMENTS = "99"


@dataclass(frozen=True)
class Reconciliation:
    """`outcomes` (COLUMNS, and `documents`: how many document types a situation left open still opens);
    `links` (row of the roster, professional_id, level, reason, name_key); `candidates` (name_key, professional_id,
    level, reason, hr_row, registered_row): the ambiguous ones side by side; `not_evaluable`: what could not be judged.
    """

    outcomes: pl.DataFrame
    links: pl.DataFrame
    candidates: pl.DataFrame
    not_evaluable: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """How many of each outcome, zeros included; an ambiguous person counts once."""
        people = self.outcomes.unique(["outcome", "name_key", "finess"])
        found = dict(people.group_by("outcome").len().iter_rows())
        return {outcome: found.get(outcome, 0) for outcome in OUTCOMES}


def bring_together(
    roster: pl.DataFrame,
    registered: pl.DataFrame,
    *,
    as_of: date,
    pseudonyms: Pseudonyms,
    decisions: pl.DataFrame | None = None,
    grants: pl.DataFrame | None = None,
) -> Reconciliation:
    """Pair a roster with what is registered and say what becomes of each.

    roster: row, hr_file, hr_line, pp_id, birth_name, usage_name, first_name, birth_date, finess, start_date, end_date,
    profession, role, told_on (the day the file describes). registered: row, professional_id, birth_name, first_names,
    exercise_name, exercise_first_name, birth_date, finess, role, profession, national_profession, start_date, end_date,
    is_open, told_on. decisions: see `kept_decisions`. grants: role, document_type.
    """
    staff, known = staff_people(roster), registered_people(registered)
    keys = name_keys(staff, pseudonyms)
    numbers = known.lines.select(registered="person", professional_id="professional_id").unique()
    found = pairs(staff, known).join(keys, on="staff").join(numbers, on="registered")
    linked, ambiguous = settle(found, decisions)
    spells = spells_of(staff, linked, as_of).join(keys, on="staff", how="left")
    situations = situations_of(known, as_of).join(numbers, on="registered")
    ours = _ours(spells, situations, ambiguous, _born(staff, known, linked))
    absent, uncovered = _absent(spells, situations, ambiguous)
    absent = absent.join(_registered_keys(known, pseudonyms), on="registered", how="left")
    every = pl.concat([ours, absent, _ambiguous(spells, ambiguous, situations)], how="diagonal_relaxed")
    judged, stale = _without_stale(every)
    outcomes = _with_documents(judged, grants)
    return Reconciliation(
        _ordered(outcomes),
        _links(staff, linked, keys),
        _side_by_side(staff, known, ambiguous),
        _unsaid(stale, uncovered),
    )


# -------------------------------------------------------------------------------------------------------------- steps


def _ours(spells: pl.DataFrame, situations: pl.DataFrame, ambiguous: pl.DataFrame, born: pl.DataFrame) -> pl.DataFrame:
    """The outcome of each spell that is not ambiguous: somebody, in an establishment (or in none that is said)."""
    plain = spells.join(ambiguous, on="staff", how="anti")
    somewhere = situations.filter("open")
    # A roster that does not say where is true of every situation.
    nowhere = (
        plain.filter(pl.col("finess").is_null())
        .drop("finess")
        .join(somewhere.select("registered", "finess"), on="registered", how="left")
    )
    placed = pl.concat([plain.filter(pl.col("finess").is_not_null()), nowhere], how="diagonal_relaxed")
    met = placed.join(situations, on=["registered", "finess"], how="left", suffix="_registered").join(
        born, on="registered", how="left"
    )
    anywhere = somewhere.select("registered", anywhere=pl.lit(value=True)).unique()
    met = met.join(anywhere, on="registered", how="left").with_columns(
        pl.col("open", "anywhere", "birth_differs").fill_null(value=False), differs=_differences()
    )
    outcome = (
        pl.when(pl.col("present") & pl.col("open") & (pl.col("differs") != "")).then(pl.lit("disagrees"))
        .when(pl.col("present") & pl.col("open")).then(pl.lit("present"))
        .when(pl.col("present") & pl.col("anywhere")).then(pl.lit("elsewhere"))
        .when("present").then(pl.lit("to_register"))
        .when("open").then(pl.lit("left_open"))
    )  # fmt: skip
    return met.with_columns(outcome=outcome).filter(pl.col("outcome").is_not_null()).with_columns(reasons=_said())


def _differences() -> pl.Expr:
    """What the two sides say otherwise, in French: the names of the fields, never their values."""
    apart = (pl.col("start_date") - pl.col("start_date_registered")).dt.total_days().abs() > _DAYS
    profession, role = _other("professions", "profession"), _other("roles", "role")
    told = [
        (pl.col("birth_differs"), "date de naissance"),
        (apart, f"date de prise de fonction (plus de {_DAYS} jours d'écart)"),
        (profession, "profession"),
        (role, "rôle"),
    ]
    said = [pl.when(differs.fill_null(value=False)).then(pl.lit(name)) for differs, name in told]
    return pl.concat_list(said).list.drop_nulls().list.join(", ")


def _other(registered: str, ours: str) -> pl.Expr:
    """Both sides say something, and what we say is not among what is registered."""
    both = (pl.col(registered).list.len() > 0) & pl.col(ours).is_not_null()
    return both & ~pl.col(registered).list.contains(pl.col(ours))


def _said() -> pl.Expr:
    how = pl.col("reason").fill_null("aucun professionnel enregistré ne lui ressemble")
    what = (
        pl.when(pl.col("outcome") == "disagrees").then(pl.lit(" ; ne concordent pas : ") + pl.col("differs"))
        .when(pl.col("outcome") == "elsewhere").then(pl.lit(" ; enregistré dans un autre établissement seulement"))
        .when(pl.col("outcome") == "left_open").then(
            pl.lit(" ; parti le ") + pl.col("left_on").dt.strftime("%d/%m/%Y") + pl.lit(", situation encore ouverte"))
        .when((pl.col("outcome") == "to_register") & pl.col("registered").is_not_null()).then(
            pl.lit(" ; a déjà un numéro, aucune situation ouverte"))
        .otherwise(pl.lit(""))
    )  # fmt: skip
    return how + what


def _absent(spells: pl.DataFrame, situations: pl.DataFrame, ambiguous: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Open situations of people no roster mentions there, where a roster covers the establishment; and how many
    situations are in establishments that no roster covers."""
    told = spells.drop_nulls("finess").group_by("finess").agg(pl.col("hr_file").last(), pl.col("told_on").max())
    ours = situations.filter(
        "open", pl.col("national_profession").is_null() | (pl.col("national_profession") == _BY_ESTABLISHMENTS)
    )
    seen = spells.drop_nulls("registered").select("registered", "finess").unique()
    anywhere = spells.drop_nulls("registered").filter(pl.col("finess").is_null()).select("registered")
    alone = ours.join(seen, on=["registered", "finess"], how="anti").join(anywhere, on="registered", how="anti")
    alone = alone.join(ambiguous.select("registered"), on="registered", how="anti")
    covered = alone.join(told, on="finess", suffix="_roster")
    uncovered = alone.join(told, on="finess", how="anti").height
    said = pl.lit(
        "absent du fichier du personnel de l'établissement ; jour du départ inconnu, situation encore ouverte"
    )
    return (
        covered.select(
            "registered", "professional_id", "finess", "roles", "hr_file", outcome=pl.lit("left_open"), reasons=said,
            told_on="told_on_roster", told_on_registered="told_on",
        ),
        uncovered,
    )  # fmt: skip


def _ambiguous(spells: pl.DataFrame, ambiguous: pl.DataFrame, situations: pl.DataFrame) -> pl.DataFrame:
    """One line for each candidate of each ambiguous spell. Who left, and whose candidates are closed there, asks
    nothing of anybody."""
    asked = spells.select("staff", "finess", "present", "hr_file", "hr_line").join(ambiguous, on="staff")
    opened = situations.select("registered", "finess", "open")
    met = asked.join(opened, on=["registered", "finess"], how="left")
    return met.filter(pl.col("present") | pl.col("open").fill_null(value=False)).select(
        "professional_id", "level", "finess", "name_key", "hr_file", "hr_line",
        outcome=pl.lit("ambiguous"), reasons="reason",
    )  # fmt: skip


def _without_stale(every: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A roster older than the extract cannot say that somebody left: those lines are set aside and counted."""
    stale = (pl.col("outcome") == "left_open") & (pl.col("told_on") < pl.col("told_on_registered")).fill_null(
        value=False
    )
    return every.filter(~stale), every.filter(stale)


def _with_documents(judged: pl.DataFrame, grants: pl.DataFrame | None) -> pl.DataFrame:
    """How many document types each situation left open still opens, in `documents` and in the reasons."""
    if grants is None:
        return judged.with_columns(documents=pl.lit(None, pl.Int64))
    open_ones = judged.filter(pl.col("outcome") == "left_open").select("professional_id", "finess", role="roles")
    opened = (
        open_ones.explode("role")
        .join(grants, on="role")
        .group_by("professional_id", "finess")
        .agg(documents=pl.col("document_type").n_unique().cast(pl.Int64))
    )
    counted = judged.join(opened, on=["professional_id", "finess"], how="left")
    several = pl.when(pl.col("documents") > 1).then(pl.lit("s")).otherwise(pl.lit(""))
    told = pl.lit(" ; ouvre encore ") + pl.col("documents").cast(pl.String) + pl.lit(" type") + several
    left = (pl.col("outcome") == "left_open") & pl.col("documents").is_not_null()
    return counted.with_columns(
        documents=pl.when(left).then("documents"),
        reasons=pl.when(left).then(pl.col("reasons") + told + pl.lit(" de document (indicatif)")).otherwise("reasons"),
    )


def _ordered(outcomes: pl.DataFrame) -> pl.DataFrame:
    kept = outcomes.select(*COLUMNS, "documents").cast({"level": pl.Int8})
    rank = pl.col("outcome").replace_strict({name: n for n, name in enumerate(OUTCOMES)}, return_dtype=pl.Int8)
    return kept.sort(
        rank, "documents", "finess", "name_key", "professional_id", descending=[False, True, False, False, False]
    )


def _links(staff: People, linked: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    rows = staff.lines.select("row", staff="person").join(keys, on="staff")
    return rows.join(linked.select("staff", "professional_id", "level", "reason"), on="staff", how="left").drop("staff")


def _side_by_side(staff: People, known: People, ambiguous: pl.DataFrame) -> pl.DataFrame:
    hr = staff.lines.group_by("person").agg(hr_row=pl.col("row").last())
    theirs = known.lines.group_by("person").agg(registered_row=pl.col("row").last())
    met = ambiguous.join(hr, left_on="staff", right_on="person").join(theirs, left_on="registered", right_on="person")
    return met.select("name_key", "professional_id", "level", "reason", "hr_row", "registered_row").sort(
        "name_key", "level", "professional_id"
    )


def _born(staff: People, known: People, linked: pl.DataFrame) -> pl.DataFrame:
    """registered, birth_differs: both birth dates are known, and differ."""
    return (
        linked.select("staff", "registered")
        .join(staff.people, left_on="staff", right_on="person")
        .join(known.people, left_on="registered", right_on="person", suffix="_registered")
        .group_by("registered")
        .agg(birth_differs=(pl.col("birth_date") != pl.col("birth_date_registered")).any())
    )


def _registered_keys(known: People, pseudonyms: Pseudonyms) -> pl.DataFrame:
    return name_keys(known, pseudonyms).rename({"staff": "registered"})


def _unsaid(stale: pl.DataFrame, uncovered: int) -> list[str]:
    """What could not be judged, in French."""
    said = []
    for (file,), lines in stale.group_by("hr_file", maintain_order=True):
        told, read = lines["told_on"].max(), lines["told_on_registered"].max()
        assert isinstance(told, date)
        assert isinstance(read, date)
        said.append(
            f"Départs non évaluables : {file} est du {told:%d/%m/%Y}, plus ancien que l'extraction du {read:%d/%m/%Y} "
            f"({lines.height} situations laissées de côté). Demandez un fichier du personnel plus récent."
        )
    if uncovered:
        said.append(
            f"Départs non évaluables : {uncovered} situations ouvertes sont dans des établissements dont aucun fichier "
            "du personnel n'est chargé."
        )
    return said
