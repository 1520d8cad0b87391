"""argparse, speaking French."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

_FRENCH = {
    "usage: ": "Utilisation : ",
    "positional arguments": "arguments",
    "options": "options",
    "show this help message and exit": "affiche cette aide",
    "show program's version number and exit": "affiche la version",
    "the following arguments are required: %s": "il manque : %s",
    "unrecognized arguments: %s": "argument inconnu : %s",
    "expected one argument": "une valeur est attendue",
    "expected at least one argument": "au moins une valeur est attendue",
    "argument %(argument_name)s: %(message)s": "%(argument_name)s : %(message)s",
    "invalid choice: %(value)r (choose from %(choices)s)": "« %(value)s » n'est pas possible ; choix : %(choices)s",
    "invalid %(type)s value: %(value)r": "« %(value)s » n'est pas une valeur possible",
    "ambiguous option: %(option)s could match %(matches)s": "option ambiguë : %(option)s peut être %(matches)s",
    "not allowed with argument %s": "incompatible avec %s",
    "ignored explicit argument %r": "cette option ne prend pas de valeur (%r)",
    "%(heading)s:": "%(heading)s :",
}


class FrenchParser(argparse.ArgumentParser):
    """An ArgumentParser whose help and errors are in French; exits with 2 on a wrong command line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where the help is."""
        sys.stderr.write(f"{self.prog} : {message}\nAide : {self.prog} --help\n")
        raise SystemExit(2)


def speak_french() -> None:
    """Translate the fixed words of argparse; it reads them through this one name."""
    argparse._ = lambda text: _FRENCH.get(text, text)  # type: ignore[attr-defined]


def add_json(parser: argparse.ArgumentParser) -> None:
    """The `--json` every answering verb has."""
    parser.add_argument("--json", action="store_true", help="répond en JSON sur la sortie standard")


def existing_paths(paths: Sequence[str]) -> list[Path]:
    """The given files and folders, as paths."""
    return [Path(path) for path in paths]
