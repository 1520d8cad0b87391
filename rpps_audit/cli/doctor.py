"""doctor: what this installation has, what it lacks, and what to do about it."""

from __future__ import annotations

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rpps_audit import __version__
from rpps_audit.card import DoctorLine
from rpps_audit.cli.output import number, say, say_json
from rpps_audit.cli.parser import add_json
from rpps_audit.store import FILE_NAME, exposed, leftovers

_PACKAGES = ("duckdb", "polars", "pandera", "matplotlib", "jupyterlab", "ipywidgets", "anywidget", "pyscard")


def add_doctor(doctor: argparse.ArgumentParser) -> None:
    """What `doctor` can be asked."""
    add_json(doctor)
    doctor.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    from rpps_audit.card import doctor_lines
    from rpps_audit.reference import provenance
    from rpps_audit.workspace import open_workspace

    packages = {name: _version(name) for name in _PACKAGES}
    catalogue = open_workspace(args.workspace).catalogue()
    references = provenance()
    lines = [*_workspace_lines(args.workspace), *doctor_lines(args.workspace)]
    if args.json:
        say_json(
            {
                "version": __version__,
                "python": platform.python_version(),
                "packages": packages,
                "rules": len(catalogue),
                "rule_set_fingerprint": catalogue.fingerprint,
                "references": references.to_dicts(),
                "card": [line._asdict() for line in lines],
            }
        )
        return 0
    say(f"rpps-audit {__version__}, Python {platform.python_version()}")
    say("Bibliothèques : " + ", ".join(f"{name} {found or 'absente'}" for name, found in packages.items()))
    store = args.workspace / FILE_NAME
    say(f"Magasin : {store} ({'présent' if store.exists() else 'sera créé au premier chargement'})")
    say(f"Contrôles : {len(catalogue)}, empreinte {catalogue.fingerprint}")
    say()
    say("Références")
    for row in references.to_dicts():
        say(f"  {row['reference']}, version {row['version']} : {number(row['rows'])} lignes, {row['age_note']}")
        say(f"      {row['source']} (licence : {row['licence']})")
    say()
    say("Espace de travail et carte CPx")
    for line in lines:
        say(f"  [{line.status}] {line.sujet} : {line.message}")
        if line.remède:
            say(f"      À faire : {line.remède}")
    return 0


def _workspace_lines(workspace: Path) -> list[DoctorLine]:
    """What cut writes left behind, and what others may read."""
    if not (workspace / FILE_NAME).exists():
        return []
    left, open_to_others = leftovers(workspace), list(exposed(workspace))
    lines = []
    if left:
        message = f"{len(left)} fichier(s) laissé(s) par une écriture interrompue"
        lines.append(
            DoctorLine("attention", "Restes", message, "Ils sont retirés à la prochaine ouverture du magasin.")
        )
    if open_to_others:
        names = ", ".join(str(path.relative_to(workspace)) for path in open_to_others[:3])
        message = f"{len(open_to_others)} fichier(s) ou dossier(s) lisibles par d'autres : {names}…"
        remedy = f"chmod -R go-rwx {workspace.resolve()}"
        lines.append(DoctorLine("attention", "Droits des fichiers", message, remedy))
    return lines


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
