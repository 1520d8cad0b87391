"""What a person decided of an ambiguous pair: kept beside the store, and taken before any level.

`rapprochements.csv` names people by keyed hashes (`privacy.Pseudonyms`), never by their names; it can be read, edited
and taken back in a spreadsheet.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.outputs import write_private

DECISIONS_FILE = "rapprochements.csv"
NOBODY = "aucun"
_COLUMNS = {
    "personne": "name_key",
    "professionnel": "professional_id",
    "auteur": "author",
    "motif": "reason",
    "decide_le": "decided_on",
}
_SCHEMA = dict.fromkeys(_COLUMNS.values(), pl.String)


@dataclass(frozen=True)
class Decision:
    """The staff member `name_key` is the professional `professional_id`, or none of those shown (« aucun »)."""

    name_key: str
    professional_id: str
    author: str
    reason: str
    decided_on: date


def kept_decisions(workspace: Path) -> pl.DataFrame:
    """name_key, professional_id (« aucun »: none of them), author, reason, decided_on: the last decision on each pair.

    Raises UsageError when the file cannot be read or a column is missing.
    """
    path = workspace / DECISIONS_FILE
    if not path.exists():
        return pl.DataFrame(schema=_SCHEMA)
    try:
        frame = pl.read_csv(path, separator=";", infer_schema=False)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} : fichier illisible. Remettez la copie sauvegardée, ou supprimez-le.") from error
    missing = sorted(set(_COLUMNS) - set(frame.columns))
    if missing:
        raise UsageError(f"{path} : il manque la colonne « {missing[0]} ». Attendu : {', '.join(_COLUMNS)}.")
    kept = frame.select(*_COLUMNS).rename(_COLUMNS)
    return kept.unique("name_key", keep="last", maintain_order=True)


def decide(workspace: Path, decision: Decision) -> None:
    """Keep a decision; a later one on the same person takes its place. Raises UsageError without author nor reason."""
    if not (decision.author.strip() and decision.reason.strip()):
        raise UsageError("Une décision de rapprochement porte un auteur et un motif.")
    row = pl.DataFrame([[*map(str, vars(decision).values())]], schema=_SCHEMA, orient="row")
    others = kept_decisions(workspace).filter(pl.col("name_key") != decision.name_key)
    french = {ours: theirs for theirs, ours in _COLUMNS.items()}
    text = pl.concat([others, row]).rename(french).write_csv(separator=";")
    write_private(workspace / DECISIONS_FILE, text.encode())
