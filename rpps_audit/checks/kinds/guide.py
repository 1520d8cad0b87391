"""The tables of kinds of the French guide (`rules/LISEZMOI.md`), made from the kinds themselves."""

from __future__ import annotations

from collections.abc import Iterable

from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import REQUIRED, Parameter
from rpps_audit.checks.kinds.registry import KINDS


def kind_tables() -> str:
    """The Markdown of the section « Les genres de calcul », without its title."""
    every = KINDS.values()
    alone = [kind for kind in every if kind.of_rows]
    compared = [kind for kind in every if not kind.of_rows]
    apart = [kind for kind in compared if _files(kind)]
    return "\n".join(
        [
            "Sur un enregistrement seul :\n",
            _table(alone, with_file=False),
            "Entre les enregistrements d'un même genre de fichier :\n",
            _table([kind for kind in compared if kind not in apart], with_file=False),
            "Avec un autre fichier ; sans lui, le contrôle est « non évaluable » :\n",
            _table(apart, with_file=True),
        ]
    )


def _table(kinds: Iterable[Kind], *, with_file: bool) -> str:
    heading = ["genre", "il y a faute quand…", "seuils", *(["fichier"] if with_file else [])]
    rows = [heading, ["---"] * len(heading)]
    for kind in kinds:
        told = [f"`{kind.name}`", kind.says, " ; ".join(_parameter(one) for one in kind.parameters)]
        rows.append([*told, *([_files(kind)] if with_file else [])])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _parameter(one: Parameter) -> str:
    optional = "" if one.default is REQUIRED else ", facultatif"
    return f"`{one.name}` ({one.type.name}{optional}) : {one.meaning}"


def _files(kind: Kind) -> str:
    chosen = ["celui de `source`" for one in kind.parameters if one.name == "source"]
    return ", ".join([*(f"`{source}`" for source in kind.sources), *chosen])
