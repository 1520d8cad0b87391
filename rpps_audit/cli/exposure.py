"""exposure, access: who can open what, and the grants it is computed with."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from datetime import date

import polars as pl

from rpps_audit.cli.dates import day
from rpps_audit.cli.output import FORMATS, note_export, say, write_frame
from rpps_audit.cli.parser import add_output, chosen_format
from rpps_audit.errors import UsageError
from rpps_audit.exposure import Exposure, compute_exposure
from rpps_audit.privacy import hidden, open_pseudonyms
from rpps_audit.reference import AccessMatrix, load_access
from rpps_audit.workspace import open_workspace

_VERBS: dict[str, Callable[[Exposure], pl.DataFrame]] = {
    "professional": Exposure.by_professional,
    "establishment": Exposure.by_establishment,
    "operator": Exposure.by_operator,
    "document": Exposure.by_document,
    "role": Exposure.by_role,
    "profession": Exposure.by_profession,
}


def add_exposure(exposure: argparse.ArgumentParser) -> None:
    """What `exposure` can be asked."""
    exposure.add_argument("--by", choices=list(_VERBS), required=True, metavar="PAR", help=", ".join(_VERBS))
    exposure.add_argument("--as-of", type=day, metavar="DATE", help="à cette date (défaut : celle des contrôles)")
    exposure.add_argument(
        "--access",
        metavar="VERSION|FICHIER",
        help="un autre tableau des droits (défaut : celui de l'espace de travail)",
    )
    exposure.add_argument(
        "--numeros", action="store_true", help="donne les numéros RPPS (défaut : des pseudonymes, ceux des rapports)"
    )
    add_output(exposure, FORMATS)
    exposure.set_defaults(run=_exposure)


def add_access(access: argparse.ArgumentParser) -> None:
    """What `access` can be asked."""
    access.add_argument(
        "--version", dest="access", metavar="VERSION|FICHIER", help="défaut : celui de l'espace de travail"
    )
    add_output(access, ["csv", "csv-fr", "json", "table"])
    access.set_defaults(run=_access)


def _exposure(args: argparse.Namespace) -> int:
    from rpps_audit.audit import judged_runs

    args.format = chosen_format(args)
    workspace = open_workspace(args.workspace)
    access = load_access(args.access) if args.access else workspace.access_matrix()
    with workspace.store() as store:
        runs = judged_runs(store, workspace.catalogue()).filter("primary")
        if runs.is_empty():
            raise UsageError("Aucune extraction contrôlée. Commencez par : rpps-audit audit FICHIER.")
        checked = runs["as_of"].max()
        assert isinstance(checked, date)
        as_of = args.as_of or checked
        exposure = compute_exposure(store, runs["run_id"].to_list(), access, as_of)
        frame = _VERBS[args.by](exposure)
        unknown = exposure.not_evaluable()
    if not args.numeros:
        frame = hidden(frame, open_pseudonyms(workspace.path))
    note_export(workspace.path, f"exposure-{args.by}", frame, args, args.numeros)
    if as_of > checked:
        _note(f"Les situations oubliées sont celles que les contrôles connaissaient au {checked:%d/%m/%Y}.")
    for row in unknown.group_by("reason", maintain_order=True).agg(pl.col("situations").sum()).to_dicts():
        _note(f"Non évaluable, {row['reason']} : {row['situations']} situation{'s' * (row['situations'] > 1)}.")
    _write(frame, access, as_of, args)
    return 0


def _access(args: argparse.Namespace) -> int:
    form = chosen_format(args)
    access = load_access(args.access) if args.access else open_workspace(args.workspace).access_matrix()
    documents = access.document_types.select("label", "type_code", document_type="id").with_row_index("position")
    frame = (
        access.grants.join(documents, on="document_type")
        .sort("role", "position")
        .select("role", "document_type", "label", "type_code")
    )
    _note(_origin(access))
    write_frame(frame, form, args.out)
    return 0


def _write(frame: pl.DataFrame, access: AccessMatrix, as_of: date, args: argparse.Namespace) -> None:
    """A table says once what it stands on; in a file every row says it, since rows get copied."""
    if args.format == "table":
        say(f"Exposition au {as_of:%d/%m/%Y}. {_origin(access)}")
        write_frame(frame, "table", args.out)
    else:
        _note(_origin(access))
        write_frame(
            frame.with_columns(as_of=pl.lit(as_of), access=pl.lit(f"{access.version} (indicatif)")),
            args.format,
            args.out,
        )


def _origin(access: AccessMatrix) -> str:
    return f"Tableau des droits {access.version} (indicatif). {access.caveat}"


def _note(text: str) -> None:
    """A remark for the reader, apart from the answer."""
    sys.stderr.write(text + "\n")
