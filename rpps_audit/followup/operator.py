"""The operator's page: every establishment side by side, and how far each is on the way of the field report."""

from __future__ import annotations

import html
import io
from datetime import date
from pathlib import Path

import polars as pl
import xlsxwriter  # type: ignore[import-untyped]

from rpps_audit.errors import UsageError
from rpps_audit.followup.completeness import completeness
from rpps_audit.followup.kept import kept_cells, wide
from rpps_audit.matching import Reconciliation
from rpps_audit.outputs import write_private
from rpps_audit.records import State, state_at
from rpps_audit.reference import heading
from rpps_audit.roster.kept import read_kept, write_kept
from rpps_audit.roster.resolve import establishments
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workspace import open_workspace

PROGRESS_FILE = "avancement.csv"
# The way of the slides, and who is in charge; a person fills it (a date, « oui », a name), empty means not yet.
STEPS = {
    "contrat": "contract", "strategie": "strategy", "gestionnaire": "manager", "carte_vue": "card_seen",
    "poste": "workstation", "recueil": "collection", "enregistrement": "registration",
}  # fmt: skip
_FRENCH = {"finess": "finess", **STEPS}
_COLUMNS = (
    "finess", "name", "town", "staff", "registered", "to_register", "to_close",
    "ambiguous", "findings", "documents_open", "document_days", "filled", "last_roster", "contract",
    "strategy", "manager", "card_seen", "workstation", "collection", "registration",
)  # fmt: skip
# What is counted here is errors, and each line is an establishment.
HEADINGS = {name: heading(name) for name in _COLUMNS} | {"name": "Établissement", "findings": "Erreurs"}


def operator_page(store: Store, workspace: Path, found: Reconciliation, state: State | None = None) -> pl.DataFrame:
    """One row for each establishment of the perimeter, in the columns of HEADINGS.

    staff: people working there; registered: those whose situation is open; to_close: situations left open;
    documents_open: document types these still open, added up; document_days: the same times the days since they left,
    where the day is known; filled: share of the mandatory data, 0 to 1; findings: errors of the last check, null when
    nothing was checked; last_roster: null when no roster speaks of it; then the steps of STEPS, as people wrote them.
    """
    judged = state or state_at(store)
    known = establishments(store, open_workspace(workspace).perimeter).select("finess", "name", town="commune_label")
    counted = [
        _outcomes(found, judged.as_of),
        completeness(wide(kept_cells(store))).select("finess", "filled"),
        _rosters(store, judged),
        _findings(store, judged),
        read_kept(workspace / PROGRESS_FILE, _FRENCH).unique("finess", keep="last"),
    ]
    page = known
    for frame in counted:
        page = page.join(frame, on="finess", how="left", maintain_order="left")
    zero = ["staff", "registered", "to_register", "to_close", "ambiguous", "documents_open", "document_days"]
    return page.with_columns(pl.col(zero).fill_null(0)).select(list(HEADINGS)).sort("name", "finess")


def keep_step(workspace: Path, finess: str, step: str, value: str) -> None:
    """Note how far an establishment is. Raises UsageError for a step that does not exist."""
    if step not in STEPS:
        raise UsageError(f"Étape inconnue : « {step} ». Possibles : {', '.join(STEPS)}.")
    path = workspace / PROGRESS_FILE
    kept = read_kept(path, _FRENCH)
    if finess not in kept["finess"]:
        kept = pl.concat([kept, pl.DataFrame({"finess": [finess]})], how="diagonal")
    mine = pl.when(pl.col("finess") == finess)
    name = STEPS[step]
    write_kept(path, kept.with_columns(mine.then(pl.lit(value)).otherwise(pl.col(name)).alias(name)), _FRENCH)


def write_operator_page(page: pl.DataFrame, path: Path, day: date) -> Path:
    """The page as `.xlsx`, `.html` (a click on a heading sorts) or `.csv`. Raises UsageError for anything else."""
    writers = {".xlsx": _xlsx, ".html": _html, ".csv": _csv}
    if path.suffix.lower() not in writers:
        raise UsageError(f"{path} : la page de l'organisme s'écrit en .xlsx, .html ou .csv.")
    write_private(path, writers[path.suffix.lower()](page, day))
    return path


# ------------------------------------------------------------------------------------------------------------ columns


def _outcomes(found: Reconciliation, as_of: date) -> pl.DataFrame:
    kind = pl.col("outcome")
    people = found.outcomes.unique(["outcome", "finess", "name_key"], maintain_order=True)
    days = (pl.lit(as_of) - pl.col("left_on")).dt.total_days()
    return people.drop_nulls("finess").group_by("finess").agg(
        staff=kind.is_in(["present", "disagrees", "elsewhere", "to_register"]).sum() + _asked(),
        registered=kind.is_in(["present", "disagrees"]).sum(),
        to_register=kind.is_in(["to_register", "elsewhere"]).sum(),
        to_close=(kind == "left_open").sum(),
        ambiguous=_asked(),
        documents_open=pl.col("documents").filter(kind == "left_open").sum(),
        document_days=(pl.col("documents") * days).filter(kind == "left_open").sum(),
    )  # fmt: skip


def _asked() -> pl.Expr:
    return (pl.col("outcome") == "ambiguous").sum()


def _rosters(store: Store, state: State) -> pl.DataFrame:
    return fetch_frame(store.sql(
        "SELECT e.finess, max(s.data_date) AS last_roster FROM employments e JOIN snapshots s USING (snapshot_id) "
        "WHERE list_contains(?::INTEGER[], snapshot_id) AND e.finess IS NOT NULL GROUP BY 1", [list(state.files("rh"))],
    ))  # fmt: skip


def _findings(store: Store, state: State) -> pl.DataFrame:
    """Errors on situations by establishment, of the last run on the kind that tells most."""
    return fetch_frame(store.sql(
        "SELECT r.finess, count(*) AS findings FROM findings f JOIN registrations r "
        "ON f.snapshot_id = r.snapshot_id AND f.line = r.line "
        "WHERE f.severity = 'error' AND f.run_id = (SELECT max(run_id) FROM runs WHERE kind = ?) "
        "AND r.finess IS NOT NULL GROUP BY 1", [state.primary or ""],
    ))  # fmt: skip


# -------------------------------------------------------------------------------------------------------------- files


def _csv(page: pl.DataFrame, _day: date) -> bytes:
    return ("\ufeff" + page.rename(HEADINGS).write_csv(separator=";")).encode()


def _xlsx(page: pl.DataFrame, day: date) -> bytes:
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        page.rename(HEADINGS).write_excel(
            book, worksheet="Établissements", position="A1", autofilter=True, freeze_panes=(1, 2),
            column_formats={HEADINGS["filled"]: "0 %"}, dtype_formats={pl.Date: "dd/mm/yyyy"}, autofit=True,
        )  # fmt: skip
        note = book.add_worksheet("Lecture")
        note.write_string(
            0, 0, f"État du {day:%d/%m/%Y}. Types de document : indicatif, d'après le tableau des droits."
        )
    return buffer.getvalue()


def _html(page: pl.DataFrame, day: date) -> bytes:
    shown = page.with_columns(
        pl.col("last_roster").dt.strftime("%d/%m/%Y"), filled=(100 * pl.col("filled")).round(0).cast(pl.Int64)
    ).rename({**HEADINGS, "filled": f"{HEADINGS['filled']} (%)"})
    head = "".join(f'<th scope="col"><button type="button">{html.escape(name)}</button></th>' for name in shown.columns)
    cells = shown.select(pl.all().cast(pl.String).fill_null("—")).rows()
    rows = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in cells)
    return _PAGE.format(day=f"{day:%d/%m/%Y}", head=head, rows=rows).encode()


_PAGE = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><title>Établissements au {day}</title>
<style>
body {{ font: 14px/1.4 sans-serif; margin: 1.5em }} table {{ border-collapse: collapse }}
th, td {{ border: 1px solid #999; padding: .25em .5em; text-align: left }}
th button {{ font: inherit; font-weight: bold; background: none; border: 0; cursor: pointer; text-align: left }}
</style></head><body>
<h1>Établissements au {day}</h1>
<p>Un clic sur un intitulé trie. Les types de document sont indicatifs, d'après le tableau des droits.</p>
<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>
<script>
document.querySelectorAll("th button").forEach((button, place) => button.addEventListener("click", () => {{
  const body = document.querySelector("tbody"), up = button.dataset.up !== "1";
  const value = row => row.cells[place].textContent;
  const compare = (a, b) => value(a).localeCompare(value(b), "fr", {{ numeric: true }});
  const rows = [...body.rows].sort((a, b) => compare(a, b) * (up ? 1 : -1));
  button.dataset.up = up ? "1" : "0"; body.append(...rows);
}}));
</script></body></html>
"""
