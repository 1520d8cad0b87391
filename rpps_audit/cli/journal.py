"""journal: is it whole, and do the store and the signed manifests say the same?"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from rpps_audit.batches.manifests import SignedFile, anchor_of, manifest_faults, manifests
from rpps_audit.cli.output import say, say_json
from rpps_audit.cli.parser import add_json
from rpps_audit.errors import AuditError, UnreadableInputError
from rpps_audit.journal import FILE_NAME, Journal, JournalCheck
from rpps_audit.store import FILE_NAME as STORE


def add_journal(journal: argparse.ArgumentParser) -> None:
    """What `journal` can be asked."""
    verify = journal.add_subparsers(title="actions", metavar="ACTION", required=True).add_parser(
        "verify", help="suit chaque maillon, et compare le journal aux manifestes signés et au magasin"
    )
    verify.add_argument(
        "--manifest", type=Path, metavar="FICHIER", help="un manifeste signé, gardé ailleurs (son .p7s à côté)"
    )
    add_json(verify)
    verify.set_defaults(run=_verify)


def _verify(args: argparse.Namespace) -> int:
    journal, notes = Journal(args.workspace / FILE_NAME), list[str]()
    found = [*manifests(args.workspace), *([_given(args.manifest)] if args.manifest else [])]
    check = journal.verify()
    faults: list[str] = []
    unsigned = [one for one in found if not one.signature]
    notes += [
        f"{one.path} : sans sa signature (.p7s), un manifeste ne prouve rien ; il n'a pas servi." for one in unsigned
    ]
    found = [one for one in found if one.signature]
    # A broken chain cannot be read further: what it is compared with is looked at once it holds.
    if check.intact:
        faults = [*_manifest_faults(args.workspace, journal, found, notes), *_store_faults(args.workspace, notes)]
    if args.json:
        said = {**check._asdict(), "head": check.head._asdict(), "intact": check.intact and not faults}
        furthest = max(found, key=lambda one: (anchor_of(one.content) or (0, ""))[0], default=None)
        said |= {"faults": faults, "notes": notes, "manifest": str(furthest.path) if furthest else None}
        say_json(said)
    else:
        _say(check, faults, notes, len(found))
    return 0 if check.intact and not faults else UnreadableInputError.exit_code


def _manifest_faults(workspace: Path, journal: Journal, found: list[SignedFile], notes: list[str]) -> Iterator[str]:
    from rpps_audit.card import load_settings, load_trust

    trust = None
    if found:
        try:
            trust = load_trust(load_settings(workspace))
        except (AuditError, ImportError) as error:
            notes.append(f"Signature des manifestes non vérifiée : {error}")
    yield from manifest_faults(found, list(journal.entries()), trust)


def _store_faults(workspace: Path, notes: list[str]) -> list[str]:
    from rpps_audit.corrections import open_desk
    from rpps_audit.corrections.witness import faults
    from rpps_audit.store import open_store
    from rpps_audit.workspace import open_workspace

    if not (workspace / STORE).exists():
        notes.append("Pas de magasin dans cet espace de travail : le journal n'est comparé qu'à lui-même.")
        return []
    with open_store(workspace, read_only=True) as store:
        return faults(open_desk(open_workspace(workspace), store))


def _given(path: Path) -> SignedFile:
    beside = path.with_name(f"{path.name}.p7s")
    try:
        one = SignedFile(path, path.read_bytes(), beside.read_bytes() if beside.is_file() else b"")
    except OSError as error:
        raise UnreadableInputError(f"{path} : ce n'est pas un manifeste signé lisible.") from error
    if anchor_of(one.content) is None:
        raise UnreadableInputError(f"{path} : ce n'est pas un manifeste signé lisible.")
    return one


def _say(check: JournalCheck, faults: list[str], notes: list[str], manifests_read: int) -> None:
    if not check.intact:
        say(f"Journal rompu à la ligne {check.broken_line} : {check.reason}.")
        say(f"Les {check.entries} entrée(s) précédentes tiennent.")
    elif faults:
        say(f"Journal contredit : ses {check.entries} entrée(s) se suivent, mais")
        for fault in faults:
            say(f"  {fault}")
    else:
        against = f"conforme à {manifests_read} manifeste(s)" if manifests_read else "aucun manifeste signé à comparer"
        say(f"Journal intact : {check.entries} entrée(s), {against}.")
    for sentence in notes:
        say(f"À savoir : {sentence}")
    if faults or not check.intact:
        say("Gardez les fichiers tels quels et prévenez le DPO.")
