"""The table of verbs of the French guide (`docs/guide.md`), made from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from rpps_audit.cli.parser import FrenchParser


def verb_table(parser: FrenchParser) -> str:
    """The Markdown of the section « Toutes les commandes », without its title: one row per verb, one per action."""
    rows = "".join(f"| `{' '.join(path)}` | {text} |\n" for path, text in _verbs(parser, ()))
    return f"| commande | ce qu'elle fait |\n| --- | --- |\n{rows}"


def _verbs(parser: FrenchParser, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    parser.fill()
    for group in parser._actions:
        if not isinstance(group, argparse._SubParsersAction):
            continue
        told = {action.dest: action.help or "" for action in group._choices_actions}
        for name, inner in group.choices.items():
            assert isinstance(inner, FrenchParser)
            yield (*path, name), told[name]
            yield from _verbs(inner, (*path, name))
