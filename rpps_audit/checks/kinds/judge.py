"""A rule asked of its kind: what breaks it, whom it looked at, since when, and what its values must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from textwrap import dedent
from typing import Any

import duckdb
import polars as pl

from rpps_audit.checks.kinds.context import Context, References
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import REQUIRED, Asked, column_fault
from rpps_audit.checks.kinds.presence import everybody
from rpps_audit.checks.kinds.registry import KINDS, kind_of
from rpps_audit.checks.rule import Rule
from rpps_audit.errors import UsageError
from rpps_audit.records.columns import ANY, DATE, YES_NO, column_types, did_you_mean

_GUARDS = {"values": list, "except": list, "present": bool}


def violation(rule: Rule, context: Context) -> pl.Expr:
    """A row rule as one Boolean expression, true = broken, never null. Raises UsageError for a bad parameter."""
    kind = checked(rule, context.references)
    assert kind.predicate is not None
    broken = kind.predicate([pl.col(name) for name in rule.columns], context, **kind.bound(rule))
    if rule.when:
        broken = broken & guard(rule.when)
    return broken.fill_null(False)


def looked_at(rule: Rule) -> pl.Expr:
    """A row rule's population as a Boolean expression, never null: the record says something to the rule.

    A record that breaks the rule is always one it looked at.
    """
    kind = kind_of(rule)
    if kind.looked_at is not None:
        said = kind.looked_at(rule, **kind.bound(rule))
    else:
        given = kind.bound(rule)
        named = [name for one in kind.parameters for name in one.type.columns(given.get(one.name))]
        said = pl.all_horizontal([pl.col(name).is_not_null() for name in (rule.column, *named)])
    return (said & guard(rule.when)).fill_null(False) if rule.when else said


def looks_at_everybody(rule: Rule) -> bool:
    """The rule's population is every record of its table."""
    return kind_of(rule).looked_at is everybody and not rule.when


def since(rule: Rule, context: Context) -> pl.Expr | None:
    """For a row rule on forgotten situations: the day from which the situation should have been closed."""
    kind = kind_of(rule)
    if kind.since is None or not rule.forgotten:
        return None
    return kind.since([pl.col(name) for name in rule.columns], context, **kind.bound(rule))


def query(rule: Rule, references: References | None = None) -> str:
    """A set rule as SQL giving `row_id, since` of the broken records; `since` is null unless the rule tells departures.

    `$as_of` is its one parameter, when it stands in the text. Raises UsageError for a bad parameter of the rule.
    """
    kind = checked(rule, references or References())
    assert kind.query is not None
    told = "since" if kind.gives_since and rule.forgotten else "CAST(NULL AS DATE) AS since"
    return f"SELECT row_id, {told} FROM ({kind.query(rule, **kind.bound(rule))})"


def population(rule: Rule) -> str:
    """SQL giving the `row_id` of the records a set rule looked at (`$as_of` as in `query`)."""
    kind = kind_of(rule)
    assert kind.population is not None
    return kind.population(rule, **kind.bound(rule))


def given_day(sql: str, as_of: date) -> dict[str, date]:
    """The parameters of a query: DuckDB refuses one that does not stand in the text."""
    return {"as_of": as_of} if "$as_of" in sql else {}


def prepare(reader: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> None:
    """Make the temporary tables that the queries of these set rules read, one pass per kind."""
    for kind in KINDS.values():
        mine = [rule for rule in rules if rule.kind == kind.name]
        if kind.prepare is not None and mine:
            kind.prepare(reader, mine)


def alike(rule: Rule) -> str | None:
    """SQL over a registration: people without a common value are unrelated to the rule. None: nobody is compared."""
    kind = kind_of(rule)
    return None if kind.alike is None else kind.alike(rule, **kind.bound(rule))


def explain(rule: Rule, context: Context) -> str:
    """In French: when there is a fault, and the query or the expression that finds the rows and counts those looked at.

    Raises UsageError for a bad parameter of the rule.
    """
    kind = checked(rule, context.references)
    given = kind.bound(rule)
    if kind.of_rows:
        found, counted = str(violation(rule, context)), str(looked_at(rule))
    else:
        assert kind.query is not None
        assert kind.population is not None
        found, counted = dedent(kind.query(rule, **given)), dedent(kind.population(rule, **given))
    told = [
        f"Il y a faute quand {kind.says}.",
        *(f"  {one.name} = {given[one.name]} ({one.meaning})" for one in kind.parameters if given[one.name]),
        f"Colonnes lues : {', '.join(sorted(kind.reads(rule)))}",
        f"\nTrouve les lignes en faute :\n{found.strip()}",
        f"\nCompte les enregistrements regardés :\n{counted.strip()}",
    ]
    return "\n".join(told)


def guard(when: Mapping[str, Any]) -> pl.Expr:
    """`when = {column = ..., values = [...]}` | `{column, except = [...]}` | `{column, present = true|false}`.

    `or_absent = true` beside `values`: an empty cell, or a file without the column, is looked at too.
    """
    column = pl.col(when["column"])
    if "values" in when:
        among = column.is_in(when["values"])
        return among.fill_null(value=True) if when.get("or_absent") else among
    if "except" in when:
        return column.is_in(when["except"]).not_()
    return column.is_not_null() if when["present"] else column.is_null()


def checked(rule: Rule, references: References) -> Kind:
    """The rule's kind, once the rule says nothing wrong. Raises UsageError."""
    for _, fault in parameter_faults(rule, references):
        raise UsageError(f"Contrôle {rule.id} ({rule.kind}) : {fault}")
    return kind_of(rule)


def faults(rule: Rule, references: References) -> Iterator[tuple[str, str]]:
    """What is wrong with a rule whose kind is known: the key of its file, and a French sentence."""
    kind = kind_of(rule)
    if rule.table not in kind.tables:
        yield "table", f"le genre « {kind.name} » juge la table « {kind.tables[0]} », pas « {rule.table} »."
    for name in rule.columns:
        if fault := column_fault(name, kind.accepts):
            yield "columns", fault
    if len(rule.columns) > 1 and not kind.many:
        yield "columns", f"le genre « {kind.name} » ne lit qu'une colonne."
    if rule.forgotten and not kind.tells_departure:
        able = ", ".join(one.name for one in KINDS.values() if one.tells_departure)
        yield "forgotten", f"le genre « {kind.name} » ne dit pas depuis quand ; genres possibles : {able}."
    yield from parameter_faults(rule, references)
    if rule.when:
        if not kind.of_rows:
            yield (
                "when",
                f"« when » ne s'emploie pas avec « kind = {kind.name} », qui compare plusieurs enregistrements. "
                "Retirez cette clé.",
            )
        elif fault := _guard_fault(rule.when):
            yield "when", fault


def parameter_faults(rule: Rule, references: References) -> Iterator[tuple[str, str]]:
    """What is wrong with the parameters: the key of the rule's file, and a French sentence."""
    kind = kind_of(rule)
    known = {one.name: one for one in kind.parameters}
    expected = f"Attendu : {', '.join(known) or 'aucun'}."
    for name in sorted(set(rule.parameters) - set(known)):
        yield f"parameters.{name}", f"seuil inconnu « {name} ».{did_you_mean(name, known)} {expected}"
    for name, parameter in known.items():
        if name not in rule.parameters:
            if parameter.default is REQUIRED:
                yield "parameters", f"il manque le seuil « {name} ». {expected}"
        elif fault := parameter.type.fault(rule.parameters[name], Asked(rule, kind.sources, references)):
            yield f"parameters.{name}", f"seuil « {name} » : {fault}"


def _guard_fault(when: Mapping[str, Any]) -> str | None:
    forms = [key for key in when if key not in ("column", "or_absent")]
    if not isinstance(when.get("or_absent", False), bool) or ("or_absent" in when and "values" not in when):
        return "« when » : « or_absent = true » s'écrit à côté de « values »."
    if "column" not in when or len(forms) != 1 or forms[0] not in _GUARDS:
        return "une condition « when » porte « column », et l'un de « values », « except » ou « present »."
    if fault := column_fault(when["column"], ANY):
        return f"« when » : {fault}"
    asked = when[forms[0]]
    if not isinstance(asked, _GUARDS[forms[0]]):
        return f"« when » : « {forms[0]} » est {'true ou false' if forms[0] == 'present' else 'une liste de valeurs'}."
    kind = column_types()[when["column"]]
    held: type = bool if kind in YES_NO else date if kind in DATE else str
    if isinstance(asked, list) and not (asked and all(type(one) is held for one in asked)):
        french = {bool: "true ou false", date: "des dates", str: "des textes entre guillemets"}[held]
        return f"« when » : les valeurs de « {when['column']} » sont {french}."
    return None
