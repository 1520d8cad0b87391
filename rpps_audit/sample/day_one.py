"""Day one: what an establishment really holds, in three software shapes, with the truth of who is who.

    population ─ one situation each ─ fates (present, left, to register, elsewhere) ─▶ the directory
                                    ─ how HR writes them (number, exact, folded, close) ─▶ three HR files, the truth

Nothing here calls the matching.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import xlsxwriter  # type: ignore[import-untyped]

from rpps_audit import reference
from rpps_audit.sample.defects import plan
from rpps_audit.sample.files import FILES, Writer
from rpps_audit.sample.places import write_places
from rpps_audit.sample.population import LAST_DAY, World

TRUTH_FILE = "verite-jour-un.csv"
FATES = {"present": 0.68, "left_open": 0.08, "absent": 0.03, "to_register": 0.12, "elsewhere": 0.04, "closed": 0.05}
WAYS = {"number": 0.15, "exact": 0.45, "folded": 0.25, "close": 0.15}
_JOBS = {
    "326": "Éducateur spécialisé H/F", "324": "Monitrice éducatrice", "328": "AES", "313": "Aide-soignante",
    "312": "Agent administratif", "325": "EJE", "327": "Educateur technique", "320": "CESF", "319": "TISF",
    "322": "Assistante familiale", "331": "Secrétaire de direction", "359": "Directrice", "333": "Chef de service",
    "330": "Coordonnateur de parcours", "367": "Veilleur de nuit", "368": "Animatrice",
}  # fmt: skip
_SITE = ["finess", "finess_legal", "siret", "structure_id", "structure_name", "structure_phone", "structure_email"]
_DIRECTORIES = ("annuaire-public", "annuaire-restreint")
_LEFT_FROM, _LEFT_DAYS = date(2026, 2, 1), 240


@dataclass(frozen=True)
class DayOne:
    """`rosters`: the three HR files; `directories`: by kind; `finess`: the reference; `truth`: TRUTH_FILE; `operator`:
    the FINESS juridique of the establishments."""

    rosters: tuple[Path, ...]
    directories: dict[str, Path]
    finess: Path
    truth: Path
    operator: str


def write_day_one(out: Path, people: int = 800, establishments: int = 45, seed: int = 2026) -> DayOne:
    """Write the files into `out`; as many people again work for another operator and are in the directory only.

    The truth has a line for each person: fate, way (how HR writes them), professional_id (null: not registered),
    finess (of the registration), hr_file, hr_finess, left_on, birth_name, first_name, birth_date.
    """
    world = World.make(2 * people, seed, plan().layout(), 2 * establishments)
    rng = np.random.default_rng([seed, 10])
    people_of = pl.concat(list(world.batches())).filter(pl.col("rank") == 0)
    placed = people_of.with_columns(_placed(establishments)).drop(_SITE)
    everybody = pl.concat([placed, world.places[placed["place"]].select(_SITE)], how="horizontal")
    ours = _fated(everybody.filter(pl.col("place") < establishments), establishments, world, rng)
    out.mkdir(parents=True, exist_ok=True)
    registered = ours.filter(~pl.col("fate").is_in(["to_register", "closed"]))
    known = pl.concat([registered, everybody.filter(pl.col("place") >= establishments)], how="diagonal")
    directories = {kind: _directory(kind, known, world, out) for kind in _DIRECTORIES}
    write_places(world, out)
    staff = ours.filter(pl.col("fate") != "absent")
    rosters = _payroll(staff, out), _workbook(staff, out), _monthly(staff, out)
    _write_truth(ours, out)
    finess = next(out.glob("finess-structures-*.json"))
    operator = str(world.places["finess_legal"][0])
    return DayOne(rosters, directories, finess, out / TRUTH_FILE, operator)


def _placed(establishments: int) -> pl.Expr:
    """Half of the people work for the first operator, spread over its establishments; the others for the second."""
    person = pl.col("person")
    return ((person % 2) * establishments + (person // 2) % establishments).alias("place")


def _fated(ours: pl.DataFrame, establishments: int, world: World, rng: np.random.Generator) -> pl.DataFrame:
    """Adds fate, way, left_on, and what HR writes: hr_place, hr_last, hr_used, hr_first, hr_number, hr_start."""
    count = ours.height
    fate = rng.choice(list(FATES), count, p=list(FATES.values()))
    way = rng.choice(list(WAYS), count, p=list(WAYS.values()))
    names = _written(ours, way, rng)
    moved = (ours["place"].to_numpy() + 1 + rng.integers(0, establishments - 1, count)) % establishments
    place = np.where(fate == "elsewhere", moved, ours["place"].to_numpy())
    gone = pl.Series(np.isin(fate, ["left_open", "closed"]))
    left = pl.lit(_LEFT_FROM) + pl.duration(days=pl.lit(pl.Series("days", rng.integers(0, _LEFT_DAYS, count))))
    # Where two establishments bear one name, HR says the town.
    twice = (pl.len().over("structure_name", "finess_legal") > 1).alias("twice")
    town = pl.concat_str("structure_name", pl.lit(" ("), "commune_label", pl.lit(")"))
    labels = world.places.with_columns(twice).with_columns(
        hr_label=pl.when("twice").then(town).otherwise("structure_name")
    )
    sites = labels[place].select("hr_label", hr_finess="finess", hr_siret="siret")
    dressed = pl.concat([ours, names, sites], how="horizontal").with_columns(
        fate=pl.Series(fate),
        way=pl.Series(way),
        hr_place=pl.Series(place),
        left_on=pl.when(gone).then(pl.max_horizontal(left, pl.col("start_date") + pl.duration(days=40))),
    )
    return dressed.with_columns(
        hr_job=pl.col("profession").replace_strict(_JOBS, default="Agent"),
        hr_number=pl.when(pl.col("way") == "number").then("pp_id"),
        hr_file=pl.col("hr_place") % 3,
        registered=~pl.col("fate").is_in(["to_register", "closed"]),
    )


def _written(
    ours: pl.DataFrame, way: np.ndarray[tuple[int], np.dtype[np.str_]], rng: np.random.Generator
) -> pl.DataFrame:
    """How HR writes each name: hr_last, hr_used, hr_first. A married woman may be known by her used name only."""
    drawn = pl.Series("style", rng.integers(0, 4, ours.height))
    at = pl.Series("at", rng.integers(1, 3, ours.height))
    frame = ours.select("birth_name", "exercise_name", "first_names").with_columns(drawn, at, pl.Series("way", way))
    first = pl.col("first_names").str.split(", ").list.first()
    last = pl.col("birth_name")
    used = pl.when(pl.col("exercise_name") != last).then("exercise_name")
    plain = reference.normalise(first)
    folded_last = (
        pl.when((pl.col("style") == 0) & used.is_not_null()).then(used)
        .when(pl.col("style") < 2).then(last.str.replace_all("-", " ").str.to_titlecase())
        .when(pl.col("style") == 2).then(pl.concat_str(last, pl.lit("-BERNARDIN")))
        .otherwise(first)
    )  # fmt: skip
    folded_first = pl.when(pl.col("style") == 3).then(last).otherwise(plain)
    # One letter doubled inside the name: what a keyboard does.
    head, tail = last.str.head(pl.col("at") + 1), last.str.slice(pl.col("at"))
    close = pl.concat_str(head, tail)
    is_way = {name: pl.col("way") == name for name in WAYS}
    return frame.select(
        hr_last=pl.when(is_way["folded"]).then(folded_last).when(is_way["close"]).then(close).otherwise(last),
        hr_used=pl.when(~is_way["folded"]).then(used),
        hr_first=pl.when(is_way["folded"]).then(folded_first).otherwise(first),
        hr_start=ours["start_date"],
    )


def _directory(kind: str, known: pl.DataFrame, world: World, out: Path) -> Path:
    file = next(one for one in FILES if one.kind == kind)
    writer = Writer(file, out)
    writer.append(known.sort("pp_id"), world)
    writer.close()
    return out / file.name


# ---------------------------------------------------------------------------------------------------------- HR files

_DAY = "%d/%m/%Y"
_NIR = "N° Sécurité sociale"
_FILES = (
    "export-paie-2026-11-01.csv",
    "registre-du-personnel-2026-11-01.xlsx",
    "dossiers-mensuels-2026-11-01.csv",
)


def _payroll(staff: pl.DataFrame, out: Path) -> Path:
    """One row for each contract, two names, the establishment by its label, 31/12/2999, and what must not be kept."""
    rows = staff.filter(pl.col("hr_file") == 0).sort("hr_label", "pp_id")
    shown = rows.select(
        pl.int_range(pl.len()).cast(pl.String).str.zfill(6).alias("Matricule"),
        pl.concat_str(pl.lit("2"), pl.col("birth_date").dt.strftime("%y%m"), pl.lit("6912345678")).alias(_NIR),
        pl.col("hr_last").alias("Nom de naissance"),
        pl.col("hr_used").alias("Nom"),
        pl.col("hr_first").alias("Prénom"),
        pl.col("birth_date").dt.strftime(_DAY).alias("Né(e) le"),
        pl.col("hr_label").str.to_uppercase().alias("Libellé établissement"),
        pl.col("hr_job").alias("Emploi"),
        pl.col("hr_number").alias("N° RPPS"),
        pl.col("hr_start").dt.strftime(_DAY).alias("Date d'embauche"),
        pl.col("left_on").dt.strftime(_DAY).fill_null("31/12/2999").alias("Date de sortie"),
        pl.lit("2150,00").alias("Salaire brut"),
    )  # fmt: skip
    path = out / _FILES[0]
    path.write_bytes(shown.write_csv(separator=";").replace("’", "'").encode("cp1252", "replace"))
    return path


def _workbook(staff: pl.DataFrame, out: Path) -> Path:
    """A workbook: titles, names in one cell, dates as dates, the establishment by its SIRET, empty leaving dates."""
    rows = staff.filter(pl.col("hr_file") == 1).sort("hr_siret", "pp_id")
    path = out / _FILES[1]
    full = pl.concat_str(pl.col("hr_last").str.to_uppercase(), pl.lit(" "), pl.col("hr_first").str.to_titlecase())
    headings = ["Salarié", "Date naissance", "SIRET établissement", "Fonction", "RPPS", "Début contrat", "Fin contrat"]
    cells = rows.select(full.alias("full"), "birth_date", "hr_siret", "hr_job", "hr_number", "hr_start", "left_on")
    with xlsxwriter.Workbook(path, {"default_date_format": "dd/mm/yyyy"}) as book:
        sheet = book.add_worksheet("Registre")
        sheet.merge_range(0, 0, 0, 6, "REGISTRE UNIQUE DU PERSONNEL")
        sheet.write_string(1, 0, "Édité le 01/11/2026")
        sheet.write_row(3, 0, headings)
        for number, row in enumerate(cells.rows(), start=4):
            sheet.write_row(number, 0, ["" if cell is None else cell for cell in row])
    return path


def _monthly(staff: pl.DataFrame, out: Path) -> Path:
    """One row for each month worked this year, the establishment by its FINESS, names in capitals, commas."""
    rows = staff.filter(pl.col("hr_file") == 2).sort("hr_finess", "pp_id")
    months = pl.DataFrame({"month": [date(2026, number, 1) for number in range(1, 11)]})
    worked = rows.join(months, how="cross").filter(
        pl.col("hr_start").dt.truncate("1mo") <= pl.col("month"),
        pl.col("left_on").is_null() | (pl.col("left_on").dt.truncate("1mo") >= pl.col("month")),
    )
    shown = worked.sort("month", "hr_finess", "pp_id").select(
        pl.col("month").dt.strftime("%m/%Y").alias("PERIODE"),
        pl.col("hr_last").str.to_uppercase().alias("NOM"),
        pl.col("hr_used").str.to_uppercase().alias("NOM MARITAL"),
        pl.col("hr_first").str.to_uppercase().alias("PRENOM"),
        pl.col("birth_date").dt.strftime("%Y-%m-%d").alias("DDN"),
        pl.col("hr_finess").alias("DOSSIER"),
        pl.col("hr_number").alias("NUM RPPS"),
        pl.col("hr_job").alias("POSTE"),
    )
    path = out / _FILES[2]
    path.write_text(shown.write_csv(separator=","), "utf-8")
    return path


def _write_truth(ours: pl.DataFrame, out: Path) -> None:
    monthly = pl.col("hr_file") == 2
    name = pl.col("hr_file").replace_strict(dict(enumerate(_FILES)), return_dtype=pl.String)
    told = pl.when(monthly).then(pl.col("left_on").dt.month_end()).otherwise("left_on")
    ours.select(
        "fate", "way", "finess", "hr_finess", "birth_date", hr_file=pl.when(pl.col("fate") != "absent").then(name),
        professional_id=pl.when("registered").then("professional_id"), left_on=told,
        birth_name="birth_name", hr_last="hr_last", hr_first="hr_first",
    ).sort("birth_date", "birth_name").write_csv(out / TRUTH_FILE)  # fmt: skip


__all__ = ["FATES", "LAST_DAY", "TRUTH_FILE", "WAYS", "DayOne", "write_day_one"]
