"""The types of a kind's parameters: what each may be, said in French when it is not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from rpps_audit.checks.kinds.context import References
from rpps_audit.checks.kinds.folds import FOLDS
from rpps_audit.checks.rule import Rule
from rpps_audit.records.columns import ANY, TEXT, column_types, did_you_mean, sources
from rpps_audit.reference import access_versions

# What a type says of the columns it accepts.
FRENCH_TYPES = {
    "text": "texte",
    "code": "code",
    "first_names": "prénoms",
    "date": "date",
    "yes_no": "oui/non",
}
PLACES = ("communes", "countries")
REQUIRED: Any = object()


@dataclass(frozen=True)
class Asked:
    """What a value is checked against: its rule, the sources of the rule's kind, the references in force."""

    rule: Rule
    sources: tuple[str, ...]
    references: References

    @property
    def other_columns(self) -> Mapping[str, str]:
        """The columns of the other file, by type; none when it is unknown, which its own parameter says."""
        source = self.rule.parameters.get("source", next(iter(self.sources), None))
        return sources()[source].types if isinstance(source, str) and source in sources() else {}


def _nothing(value: Any) -> Iterable[str]:
    return ()


def _one(value: Any) -> Iterable[str]:
    return (value,) if value else ()


@dataclass(frozen=True)
class ParameterType:
    """A type of parameter. `fault` says in French what is wrong with a value, or None.

    `columns` and `sources`: the columns of the records, and the files, that a value names.
    """

    name: str
    fault: Callable[[Any, Asked], str | None]
    columns: Callable[[Any], Iterable[str]] = _nothing
    sources: Callable[[Any], Iterable[str]] = _nothing


@dataclass(frozen=True)
class Parameter:
    """One parameter of a kind. `meaning` is for the guide. `carried`: the column it names must be in the file."""

    name: str
    type: ParameterType
    meaning: str
    default: Any = REQUIRED
    carried: bool = True


def column_fault(name: Any, accepts: frozenset[str], types: Mapping[str, str] | None = None) -> str | None:
    """What is wrong with naming this column (of the records, or of the file whose `types` are given)."""
    known = column_types() if types is None else types
    if not isinstance(name, str) or name not in known:
        return f"la colonne « {name} » n'existe pas.{did_you_mean(name, known)}"
    if known[name] not in accepts:
        wanted = " ou ".join(dict.fromkeys(FRENCH_TYPES[one] for one in FRENCH_TYPES if one in accepts))
        return f"la colonne « {name} » est de type {FRENCH_TYPES[known[name]]} ; attendu : {wanted}."
    return None


def column(accepts: frozenset[str] = ANY) -> ParameterType:
    """One column of the records."""
    return ParameterType("colonne", lambda value, asked: column_fault(value, accepts), columns=_one)


def columns(accepts: frozenset[str] = ANY) -> ParameterType:
    """A list of columns of the records."""

    def fault(value: Any, asked: Asked) -> str | None:
        if not isinstance(value, list | tuple):
            return "une liste de colonnes est attendue, entre crochets."
        return next((found for name in value if (found := column_fault(name, accepts))), None)

    return ParameterType("liste de colonnes", fault, columns=lambda value: value or ())


def number(name: str, least: float, kinds: tuple[type, ...]) -> ParameterType:
    """A number, no less than `least`."""

    def fault(value: Any, asked: Asked) -> str | None:
        # true is a number to Python, not to whoever reads the rule.
        if isinstance(value, bool) or not isinstance(value, kinds) or value < least:  # type: ignore[operator]
            whole = "un nombre" if float in kinds else "un nombre entier"
            return f"{whole} d'au moins {least:g} est attendu, sans guillemets."
        return None

    return ParameterType(name, fault)


def choice(name: str, allowed: Callable[[Asked], Iterable[str]], **named: Any) -> ParameterType:
    """One of some names."""

    def fault(value: Any, asked: Asked) -> str | None:
        known = sorted(allowed(asked))
        if isinstance(value, str) and value in known:
            return None
        return f"« {value} » n'est pas possible.{did_you_mean(value, known)} Valeurs : {', '.join(known)}."

    return ParameterType(name, fault, **named)


def _texts_fault(value: Any, asked: Asked) -> str | None:
    good = isinstance(value, list | tuple) and value and all(isinstance(one, str) for one in value)
    return None if good else "une liste de textes est attendue, entre crochets."


def _pairs_fault(value: Any, asked: Asked) -> str | None:
    good = isinstance(value, dict) and value and not any(_texts_fault(one, asked) for one in value.values())
    return None if good else "un tableau { valeur = [valeurs admises] } est attendu."


def _pattern_fault(value: Any, asked: Asked) -> str | None:
    if not isinstance(value, str):
        return "un texte est attendu, entre guillemets."
    try:
        pl.Series([""]).str.contains(value)
    except pl.exceptions.ComputeError:
        return (
            f"la forme « {value} » ne se lit pas : parenthèse, crochet ou signe de trop, ou (?=…) qui n'existe pas ici."
        )
    return None


def _source_column_fault(value: Any, asked: Asked) -> str | None:
    theirs = asked.other_columns
    if not theirs:
        return None
    mine = column_types().get(asked.rule.column)
    return column_fault(value, TEXT if mine in TEXT else frozenset({mine or ""}), theirs)


def _on_fault(value: Any, asked: Asked) -> str | None:
    if not value:
        return "au moins une colonne est attendue."
    found = columns().fault(value, asked)
    there = asked.other_columns
    return found or next((bad for name in value if there and (bad := column_fault(name, ANY, there))), None)


def _profession_fault(value: Any, asked: Asked) -> str | None:
    return None if isinstance(value, str) and value.isalnum() else "un code est attendu, entre guillemets."


DAYS = number("jours", 0, (int,))
YEARS = number("années", 0, (int, float))
COUNT = number("nombre", 1, (int,))
SHARE = number("part, de 0 à 1", 0, (int, float))
LENGTH = number("nombre de chiffres", 1, (int,))
VALUES = ParameterType("liste de valeurs", _texts_fault)
PAIRS = ParameterType("valeurs qui vont ensemble", _pairs_fault)
PATTERN = ParameterType("forme", _pattern_fault)
ACCESS = choice("version de la matrice", lambda asked: access_versions())
ON = ParameterType("liste de colonnes", _on_fault, columns=lambda value: value or ())
OF_PROFESSION = ParameterType(
    "code", _profession_fault, columns=lambda value: ("national_profession",) if value else ()
)
CODE = ParameterType("code", _profession_fault)
SOURCE_COLUMN = ParameterType("colonne de l'autre fichier", _source_column_fault)
FOLD = choice("comparaison", lambda asked: FOLDS)
SOURCE = choice("genre de fichier", lambda asked: sources(), sources=_one)
LIST = choice("nom d'une liste", lambda asked: asked.references.lists.names)
NOMENCLATURE = choice("nomenclature", lambda asked: asked.references.nomenclatures.names)
PLACE = choice("communes ou countries", lambda asked: PLACES)
REFERENCE = choice("référence", lambda asked: (*PLACES, *asked.references.nomenclatures.names))
