"""The front door: `ra.open(folder)`, then one verb per question. Frames are polars, with documented columns.

A workspace is a folder with the store, the journal, the outbox, the reports and `rpps-audit.toml`. The command line,
the notebooks and the main job are thin over this module. Rooms are imported where they are used: starting is what
everybody waits for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rpps_audit.errors import UsageError
from rpps_audit.perimeter import SETTING, Perimeter
from rpps_audit.settings import SETTINGS_FILE, read_table

if TYPE_CHECKING:
    import polars as pl

    from rpps_audit.checks import Catalogue, Run
    from rpps_audit.exposure import Exposure
    from rpps_audit.ingest import Loaded
    from rpps_audit.records import State
    from rpps_audit.reference import AccessMatrix
    from rpps_audit.store import Store

__all__ = ["SETTINGS_FILE", "Workspace", "exposure_of", "open_folder", "open_workspace"]

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Workspace:
    """A folder and what its `rpps-audit.toml` says in `[espace]`; every setting has a default."""

    path: Path
    organisation: str = ""
    memory_limit: str = "1GB"
    access: str | None = None
    perimeter: Perimeter = field(default_factory=Perimeter)

    def __repr__(self) -> str:
        return f"Workspace({str(self.path)!r})"

    # --- what it holds ------------------------------------------------------------------------------------------------

    @property
    def reports(self) -> Path:
        """Where reports are written."""
        return self.path / "reports"

    def store(self) -> Store:
        """Open the store (context manager); UsageError when another process holds it."""
        from rpps_audit.store import open_store

        return open_store(self.path, memory_limit=self.memory_limit)

    def catalogue(self) -> Catalogue:
        """The rules in force here."""
        from rpps_audit.checks import load_catalogue

        return load_catalogue(self.path, self.access_matrix())

    def access_matrix(self) -> AccessMatrix:
        """The grants in force here: the version or file the workspace names, else the one shipped."""
        from rpps_audit.reference import load_access

        return load_access(self.access)

    # --- acts ---------------------------------------------------------------------------------------------------------

    def load(self, *paths: Path | str, data_date: date | None = None, progress: Progress | None = None) -> list[Loaded]:
        """Load files, archives and folders. The same content twice is one snapshot.

        Raises UnreadableInputError when one cannot be read as what it claims to be: nothing is then loaded.
        """
        from rpps_audit.ingest import load

        with self.store() as store:
            return load(store, [Path(path) for path in paths], data_date=data_date, progress=progress)

    def check(self, *, as_of: date | None = None, progress: Progress | None = None) -> list[Run]:
        """Check the state of a day (the present one by default), one run per kind of registration."""
        from rpps_audit.audit import check

        with self.store() as store:
            return check(store, self.catalogue(), as_of=as_of, progress=progress)

    # --- questions ----------------------------------------------------------------------------------------------------

    def snapshots(self) -> pl.DataFrame:
        """The files loaded, last first.

        Columns: snapshot_id, kind, layout, series, file_name, data_date, loaded_at, rows_read, rows_kept,
        rows_rejected, current (of the present state).
        """
        from rpps_audit.records import state_at
        from rpps_audit.store import fetch_frame

        with self.store() as store:
            current = state_at(store).snapshots["snapshot_id"].to_list()
            return fetch_frame(store.sql(_SNAPSHOTS, [current]))

    def rules(self) -> pl.DataFrame:
        """The rules in force: id, title, table, column, kind, severity, category, basis, source, since."""
        import polars as pl

        rows = [
            (r.id, r.title, r.table, r.column, r.kind, r.severity, r.category, r.basis, r.source, r.since)
            for r in self.catalogue()
        ]
        return pl.DataFrame(rows, schema=dict.fromkeys(_RULE, pl.String), orient="row")

    def findings(
        self,
        *,
        rule: str | None = None,
        finess: str | None = None,
        state: str | Sequence[str] | None = None,
        kind: str | None = None,
        as_of: date | None = None,
    ) -> pl.DataFrame:
        """The findings of a state of the register and what became of those before, gravest first, no value in them.

        Columns: rule_id, table, record_key, column, severity, category, state, snapshot_id, line, file_name, finess.
        `state` is one or several of `checks.STATES`. Raises UsageError for an unknown rule or before any load.
        """
        import polars as pl

        from rpps_audit.checks import findings
        from rpps_audit.store import fetch_frame

        if rule is not None:
            self.catalogue()[rule]
        with self._judged(as_of) as (store, runs):
            chosen = runs if kind is None else runs.filter(pl.col("kind") == kind)
            if chosen.is_empty():
                present = ", ".join(runs["kind"])
                raise UsageError(f"Aucune extraction du genre « {kind} ». Genres présents : {present}.")
            found = pl.concat([findings(store, run_id) for run_id in chosen["run_id"]])
            files = chosen["snapshots"].explode().to_list()
            lines = fetch_frame(store.sql(_PLACES, [files]))
        frame = found.join(lines, on=["snapshot_id", "line"], how="left", maintain_order="left")
        wanted = [state] if isinstance(state, str) else state
        if rule is not None:
            frame = frame.filter(pl.col("rule_id") == rule)
        if finess is not None:
            frame = frame.filter(pl.col("finess") == finess)
        return frame if wanted is None else frame.filter(pl.col("state").is_in(list(wanted)))

    def not_evaluable(self, *, as_of: date | None = None) -> pl.DataFrame:
        """The rules that lacked data [kind, rule_id, title, reason], by kind of registration."""
        import polars as pl

        from rpps_audit.store import fetch_frame

        titles = {rule.id: rule.title for rule in self.catalogue()}
        with self._judged(as_of) as (store, runs):
            frame = fetch_frame(store.sql(_LACKING, [runs["run_id"].to_list()]))
        return frame.with_columns(title=pl.col("rule_id").replace(titles)).select("kind", "rule_id", "title", "reason")

    def exposure(self, *, as_of: date | None = None) -> Exposures:
        """Who can open what on a day (that of the present state by default), by the workspace's matrix."""
        return Exposures(self, as_of)

    def corrections(self) -> pl.DataFrame:
        """Every correction, last first, keys only.

        Columns: correction_id, state, state_at, table, record_key, column, kind, rule_id, author, reason, batch_id.
        """
        return self.sql(
            """SELECT correction_id, state, state_at, "table", record_key, "column", kind, rule_id, author, reason,
                      batch_id
               FROM correction_states ORDER BY correction_id DESC"""
        )

    def batches(self) -> pl.DataFrame:
        """Every batch, last first: batch_id, state, state_at, prepared_at, prepared_by, persons, changes, package."""
        return self.sql(
            """SELECT batch_id, state, state_at, prepared_at, prepared_by, persons, changes, package
               FROM batch_states ORDER BY prepared_at DESC, batch_id DESC"""
        )

    def reconcile(self) -> pl.DataFrame:
        """Who of the rosters is registered, left and open, to register, elsewhere, in disagreement, ambiguous.

        Columns: outcome, level, professional_id, finess, name_key, hr_file, hr_line, left_on, reasons, documents.
        """
        from rpps_audit.matching import reconcile

        with self.store() as store:
            return reconcile(store, self.path, access=self.access_matrix()).outcomes

    def sql(self, query: str, **parameters: Any) -> pl.DataFrame:
        """A query on the tables of `store/migrations`. Nothing it writes is kept."""
        from rpps_audit.store import fetch_frame

        with self.store() as store:
            store.connection.execute("BEGIN TRANSACTION")
            try:
                return fetch_frame(store.connection.execute(query, parameters))
            finally:
                store.connection.execute("ROLLBACK")

    @contextmanager
    def _judged(self, as_of: date | None) -> Iterator[tuple[Store, pl.DataFrame]]:
        """The open store and the runs of a state, checked now where it never was."""
        from rpps_audit.audit import judged_runs

        with self.store() as store:
            runs = judged_runs(store, self.catalogue(), as_of)
            if runs.is_empty():
                raise UsageError("Aucune extraction n'est chargée. Commencez par : rpps-audit audit FICHIER.")
            yield store, runs


@dataclass(frozen=True)
class Exposures:
    """The questions about exposure; each opens the store, answers a frame and closes it.

    Columns are those of the verbs of the same name of `rpps_audit.exposure.Exposure`.
    """

    workspace: Workspace
    as_of: date | None = None

    def totals(self) -> pl.DataFrame:
        """One row, for everybody."""
        return self._ask(lambda exposure: exposure.totals())

    def by_professional(self) -> pl.DataFrame:
        """A row per person."""
        return self._ask(lambda exposure: exposure.by_professional())

    def by_establishment(self) -> pl.DataFrame:
        """A row per establishment."""
        return self._ask(lambda exposure: exposure.by_establishment())

    def by_operator(self) -> pl.DataFrame:
        """A row per operator."""
        return self._ask(lambda exposure: exposure.by_operator())

    def by_role(self) -> pl.DataFrame:
        """A row per role."""
        return self._ask(lambda exposure: exposure.by_role())

    def by_profession(self) -> pl.DataFrame:
        """A row per profession."""
        return self._ask(lambda exposure: exposure.by_profession())

    def by_document(self) -> pl.DataFrame:
        """A row per document type."""
        return self._ask(lambda exposure: exposure.by_document())

    def forgotten(self) -> pl.DataFrame:
        """A row per forgotten situation, those that expose most first."""
        return self._ask(lambda exposure: exposure.forgotten())

    def timeline(self, step: str = "month") -> pl.DataFrame:
        """How many people each document type was open to, through time."""
        return self._ask(lambda exposure: exposure.timeline(step))

    def not_evaluable(self) -> pl.DataFrame:
        """What exposure could not judge, and why."""
        return self._ask(lambda exposure: exposure.not_evaluable())

    def _ask(self, verb: Callable[[Exposure], pl.DataFrame]) -> pl.DataFrame:
        with self.workspace._judged(None) as (store, _runs):
            return verb(exposure_of(store, self.workspace, as_of=self.as_of))


def open_folder(path: Path | str, *, create: bool = False) -> Workspace:
    """The workspace of a folder: what `rpps_audit.open` is.

    Raises UsageError for a folder that is not there, unless `create`, and for a setting that cannot be understood.
    """
    folder = Path(path)
    if create:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    elif not folder.is_dir():
        raise UsageError(f"Le dossier {folder} n'existe pas. Vérifiez son nom ; create=True le crée.")
    return open_workspace(folder)


def open_workspace(folder: Path) -> Workspace:
    """The workspace of a folder that may be still to make. Raises UsageError for a setting that is not understood."""
    table = read_table(folder, "espace")
    settings = Workspace(
        folder,
        organisation=table.text("organisme", "") or "",
        memory_limit=table.text("memoire", "1GB") or "1GB",
        access=_matrix(folder, table.text("matrice")),
        perimeter=Perimeter.read(table.raw(SETTING), f"{folder / SETTINGS_FILE}, [espace] {SETTING}"),
    )
    table.refuse_others()
    return settings


def exposure_of(
    store: Store, workspace: Workspace, state: State | None = None, *, as_of: date | None = None
) -> Exposure:
    """Exposure of the people registered, from the kind of extract that tells most and the matrix in force here.

    `as_of` is the day asked, that of the state by default. Which situations are forgotten is what the checks of the
    state say.
    """
    from rpps_audit.checks import state_runs
    from rpps_audit.exposure import compute_exposure
    from rpps_audit.records import state_at

    state = state or state_at(store)
    runs = state_runs(store, state).filter("primary")
    return compute_exposure(store, runs["run_id"].to_list(), workspace.access_matrix(), as_of or state.as_of)


def _matrix(folder: Path, text: str | None) -> str | None:
    """A version as it is; a file from the workspace, wherever the command is run."""
    return str(folder / text) if text and text.endswith(".toml") else text


_RULE = ("id", "title", "table", "column", "kind", "severity", "category", "basis", "source", "since")
_SNAPSHOTS = """
    SELECT snapshot_id, kind, layout, series, file_name, data_date, loaded_at, rows_read, rows_kept, rows_rejected,
           list_contains(?, snapshot_id) AS current
    FROM snapshots ORDER BY data_date DESC, snapshot_id DESC"""
_PLACES = """
    SELECT snapshot_id, line, file_name, coalesce(finess, structure_id) AS finess
    FROM registrations JOIN snapshots USING (snapshot_id) WHERE list_contains(?, snapshot_id)"""
_LACKING = """
    SELECT DISTINCT kind, rule_id, reason FROM rule_runs JOIN runs USING (run_id)
    WHERE status = 'not_evaluable' AND list_contains(?, run_id) ORDER BY kind, rule_id"""
