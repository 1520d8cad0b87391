"""Day one in one call: the perimeter, the mapping of each HR file, loading in order, matching, the follow-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rpps_audit.errors import UsageError
from rpps_audit.followup import update_followup, write_followup
from rpps_audit.ingest import Loaded, load, recognise
from rpps_audit.matching import reconcile
from rpps_audit.perimeter import Perimeter, find, store_perimeter
from rpps_audit.roster import Choice, establishments, keep_form, kept_form, labels, proposed
from rpps_audit.store import Store
from rpps_audit.workspace import open_workspace

FOLLOWUP = "suivi.xlsx"
Progress = Callable[[str, float], None]


class UnconfirmedError(UsageError):
    """The headings of an HR file are new to the workspace: a person must say that their mapping is right."""


@dataclass(frozen=True)
class Begun:
    """What day one gave: `counts` by outcome, `followup` the file the manager completes."""

    perimeter_name: str
    sentences: list[str]
    counts: dict[str, int]
    not_evaluable: list[str]
    followup: Path


def begin(
    workspace: Path,
    files: Sequence[Path],
    *,
    operator: str = "",
    establishments: Sequence[str] = (),
    take_sure: bool = False,
    progress: Progress | None = None,
) -> Begun:
    """Load everything for one perimeter and answer who is registered, left, missing.

    `operator` is a FINESS juridique, or words of its name or town found in FINESS. The mapping of an HR file that the
    workspace does not know is taken when `take_sure`, of its sure columns; else UsageError says what is proposed.
    """
    kinds = {path: _kind(path, workspace) for path in files}
    workspace.mkdir(parents=True, exist_ok=True)
    with open_workspace(workspace).store() as store:
        references = [path for path, kind in kinds.items() if kind in {"finess", "cog"}]
        loaded = load(store, references) if references else []
        perimeter = _perimeter(store, operator, establishments) or open_workspace(workspace).perimeter
        if perimeter:
            store_perimeter(workspace, perimeter)
        rosters = [path for path, kind in kinds.items() if kind in {"rh", ""}]
        _map(store, workspace, perimeter, rosters, take_sure=take_sure)
        # What a national file is kept for includes the numbers of the roster: the people first.
        for kind in ("rh", "suivi", None):
            chosen = [path for path, of in kinds.items() if _turn(of) == kind]
            loaded += load(store, chosen, progress=progress) if chosen else []
        found = reconcile(store, workspace, access=open_workspace(workspace).access_matrix())
        update_followup(store, workspace, found)
        followup = write_followup(store, workspace, workspace / FOLLOWUP, found)
        name = _name(store, perimeter)
    return Begun(name, _told(loaded), found.counts(), found.not_evaluable, followup)


def _kind(path: Path, workspace: Path) -> str:
    """What a file is; empty for one that no layout knows, which may be an HR file in its software's own words."""
    answer = recognise(path, workspace)
    return answer.layout.kind if answer.layout else ""


def _turn(kind: str) -> str | None:
    """When a kind is loaded: the references are already, the rosters (known or not) first."""
    if kind in {"finess", "cog"}:
        return "done"
    return {"": "rh", "rh": "rh", "suivi": "suivi"}.get(kind)


def _perimeter(store: Store, operator: str, sites: Sequence[str]) -> Perimeter | None:
    """What was asked, checked against FINESS where it is loaded; None when nothing was asked."""
    known = establishments(store)
    if sites:
        lost = [one for one in sites if known.height and one not in set(known["finess"])]
        if lost:
            raise UsageError(f"Établissement {lost[0]} inconnu du fichier FINESS chargé. Vérifiez le numéro.")
        return Perimeter.read(list(sites), "Établissements demandés")
    if not operator:
        return None
    if operator in set(known["finess_legal"].drop_nulls()) or known.is_empty():
        return Perimeter.read(operator, "Organisme demandé")
    found = find(known, operator)
    operators = found["finess_legal"].drop_nulls().unique(maintain_order=True)
    if len(operators) == 1:
        return Perimeter(operator=operators[0])
    if operators.is_empty():
        raise UsageError(f"Aucun organisme ni établissement « {operator} » dans le fichier FINESS chargé.")
    shown = found.unique("finess_legal", keep="first", maintain_order=True).head(10)
    several = "\n".join(f"  {row['finess_legal']}  {row['name']}" for row in shown.to_dicts())
    raise UsageError(f"Plusieurs organismes répondent à « {operator} » : donnez le FINESS juridique.\n{several}")


def _map(store: Store, workspace: Path, perimeter: Perimeter, rosters: Sequence[Path], *, take_sure: bool) -> None:
    """Keep a mapping for each HR file whose headings the workspace does not know yet."""
    known = labels(establishments(store, perimeter))
    unknown: list[str] = []
    for path in rosters:
        table, choices = proposed(path, workspace, known)
        if kept_form(workspace, table.header) is not None:
            continue
        if take_sure:
            keep_form(
                workspace, path.stem, [one if one.sure else Choice(one.heading, None, one.reason) for one in choices]
            )
            continue
        shown = "\n".join(f"    {one.heading} → {one.column or 'laissée'} ({one.reason})" for one in choices)
        unknown.append(f"  {path.name}\n{shown}")
    if unknown:
        raise UnconfirmedError("Correspondance proposée, à confirmer :\n" + "\n".join(unknown))


def _name(store: Store, perimeter: Perimeter) -> str:
    if not perimeter:
        return "tout le monde (aucun organisme choisi)"
    count = establishments(store, perimeter).height
    if perimeter.operator:
        return f"organisme {perimeter.operator}, {count} établissements"
    return f"{len(perimeter.establishments)} établissements choisis"


def _told(loaded: list[Loaded]) -> list[str]:
    return [line for one in loaded for line in (one.sentence(), *(f"  {note}" for note in one.notes))]
