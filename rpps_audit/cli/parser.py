"""argparse, speaking French."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from rpps_audit.errors import UsageError

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
    """An ArgumentParser whose help and errors are in French; exits with 2 on a wrong command line.

    `filled_by` gives it its arguments when it is first used: starting must not import what every verb needs.
    """

    filled_by: Callable[[argparse.ArgumentParser], None] | None = None

    def fill(self) -> None:
        """Take the arguments, once."""
        filler, self.filled_by = self.filled_by, None
        if filler:
            filler(self)

    def parse_known_args(self, *args: Any, **options: Any) -> Any:
        """What argparse does, of a filled parser."""
        self.fill()
        return super().parse_known_args(*args, **options)

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


# What a file of this ending holds; csv-fr is a csv too.
_ENDINGS = {".csv": "csv", ".json": "json", ".parquet": "parquet", ".txt": "table", ".html": "html", ".xlsx": "xlsx"}


def add_output(parser: argparse.ArgumentParser, formats: Sequence[str]) -> None:
    """`--format`, `--json` and `--out`, of a verb that answers with a table; read them by `chosen_format`."""
    parser.add_argument(
        "--format", choices=formats, metavar="FORMAT", help=f"{', '.join(formats)} (défaut : {formats[-1]})"
    )
    parser.add_argument("--json", dest="format", action="store_const", const="json", help="comme --format json")
    parser.add_argument("--out", type=Path, metavar="FICHIER", help="écrit dans un fichier, de la forme que dit sa fin")
    parser.set_defaults(formats=list(formats))


def chosen_format(args: argparse.Namespace) -> str:
    """The form to write: what the ending of the file says, else what was asked, else the last of the verb's formats.

    Raises UsageError for an ending that is none of the verb's, one that `--format` contradicts, or a parquet without
    a file.
    """
    asked, formats = args.format, args.formats
    if args.out is None or not args.out.suffix:
        if asked == "parquet" and args.out is None:
            raise UsageError("Le format parquet s'écrit dans un fichier : ajoutez --out FICHIER.")
        return str(asked or formats[-1])
    told = _ENDINGS.get(args.out.suffix.lower())
    if told not in formats:
        known = ", ".join(ending for ending, form in _ENDINGS.items() if form in formats)
        raise UsageError(f"{args.out} : ce résultat ne s'écrit pas en « {args.out.suffix} ». Possibles : {known}.")
    if asked and asked.split("-")[0] != told:
        raise UsageError(f"{args.out} : la fin du nom dit {told}, --format dit {asked}. Accordez-les.")
    return str(asked or told)


def existing_paths(paths: Sequence[str]) -> list[Path]:
    """The given files and folders, as paths."""
    return [Path(path) for path in paths]
