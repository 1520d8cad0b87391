"""Where a newly read file belongs: the series it continues, told from its name and from whom it is about."""

from __future__ import annotations

from rpps_audit.errors import UsageError
from rpps_audit.ingest.layouts import Layout
from rpps_audit.ingest.series import Choice, Latest, series_by_content
from rpps_audit.store import Store, fetch_frame

# Publishers' files keep their names; what people save themselves is told by its content.
_TOLD_BY_CONTENT = ("rh", "suivi")
_WHO = {
    "registrations": "coalesce(professional_id, hash(birth_name, first_names, birth_date)::VARCHAR)",
    "employments": "coalesce('8' || pp_id, hash(birth_name, first_name, birth_date)::VARCHAR)",
}


def choose_series(store: Store, layout: Layout, named: str, snapshot_id: int, replaces: int | None) -> Choice:
    """The series of a file whose rows are stored under `snapshot_id`; `replaces` is the snapshot somebody says it
    replaces. Raises UsageError when that is none, or is of another kind."""
    if replaces is not None:
        row = store.one("SELECT series, kind FROM snapshots WHERE snapshot_id = ?", [replaces])
        if row is None or row[1] != layout.kind:
            raise UsageError(f"L'extraction n° {replaces} n'est pas chargée, ou n'est pas du genre de ce fichier.")
        return Choice(row[0], f"Remplace l'extraction n° {replaces}, comme demandé.")
    if layout.kind not in _TOLD_BY_CONTENT:
        return Choice(named)
    latest = store.sql(_LATEST, [layout.kind]).fetchall()
    if all(series == named for series, _ in latest):
        return Choice(named)
    about = f"""SELECT DISTINCT finess, {_WHO[layout.table]} AS person FROM {layout.table} WHERE snapshot_id = ?"""
    known = {series: Latest(number, fetch_frame(store.sql(about, [number]))) for series, number in latest}
    return series_by_content(named, fetch_frame(store.sql(about, [snapshot_id])), known)


_LATEST = """
    SELECT series, arg_max(snapshot_id, (data_date, snapshot_id)) FROM snapshots WHERE kind = ? GROUP BY series"""
