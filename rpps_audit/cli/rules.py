"""rules: the catalogue, or one page."""

from __future__ import annotations

import argparse
from datetime import date

from rpps_audit.checks import Rule
from rpps_audit.checks.kinds import Context, explain
from rpps_audit.cli.output import say, say_json
from rpps_audit.cli.parser import add_json
from rpps_audit.reports.labels import CATEGORIES, SEVERITIES
from rpps_audit.workspace import open_workspace


def add_rules(rules: argparse.ArgumentParser) -> None:
    """What `rules` can be asked."""
    rules.add_argument("rule", nargs="?", metavar="ID")
    add_json(rules)
    rules.set_defaults(run=_rules)


def _rules(args: argparse.Namespace) -> int:
    catalogue = open_workspace(args.workspace).catalogue()
    chosen = [catalogue[args.rule]] if args.rule else list(catalogue)
    if args.json:
        say_json([_as_json(rule) for rule in chosen])
    elif args.rule:
        _say_page(chosen[0])
        say("\n## La requête\n")
        say(explain(chosen[0], Context(date.today(), catalogue.references)))
    else:
        for category, label in CATEGORIES.items():
            family = [rule for rule in chosen if rule.category == category]
            say(f"{label} ({len(family)})")
            for rule in family:
                off = "" if rule.enabled else "  [désactivé]"
                say(f"  {rule.id:<36} {SEVERITIES[rule.severity]:<14} {rule.title}{off}")
            say()
        say(f"{len(chosen)} contrôles. Une page : rpps-audit rules IDENTIFIANT")
    return 0


def _say_page(rule: Rule) -> None:
    say(rule.title)
    say("=" * len(rule.title))
    say(f"Identifiant : {rule.id}    Gravité : {SEVERITIES[rule.severity]}    Famille : {CATEGORIES[rule.category]}")
    say(f"Fondement : {rule.basis}")
    say(f"Source : {rule.source}")
    if rule.parameters:
        say("Seuils : " + ", ".join(f"{name} = {value}" for name, value in rule.parameters.items()))
    say(f"S'applique à : {', '.join(rule.applies_to)}")
    say()
    say(rule.page)


def _as_json(rule: Rule) -> dict[str, object]:
    return {
        "id": rule.id,
        "title": rule.title,
        "table": rule.table,
        "columns": rule.columns,
        "kind": rule.kind,
        "parameters": dict(rule.parameters),
        "severity": rule.severity,
        "category": rule.category,
        "basis": rule.basis,
        "source": rule.source,
        "since": rule.since,
        "applies_to": rule.applies_to,
        "enabled": rule.enabled,
        "fingerprint": rule.fingerprint,
    }
