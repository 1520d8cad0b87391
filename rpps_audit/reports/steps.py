"""The ten things to do first: what forgotten situations keep open, then errors, then warnings."""

from __future__ import annotations

import re

import polars as pl

from rpps_audit.checks import OPEN_STATES
from rpps_audit.reports.facts import EXAMPLES, Facts
from rpps_audit.reports.french import counted, day, days, number
from rpps_audit.reports.labels import SEVERITIES
from rpps_audit.reports.model import Step, Steps

HOW_MANY = 10
_PLACES = 3
_ADVICE = "ce que le gestionnaire doit faire"
_NO_ADVICE = "Corriger ces enregistrements dans le portail, puis recharger une extraction."


def first_steps(facts: Facts) -> Steps:
    """One step per rule: those on forgotten situations by documents × days, then the others by severity and number."""
    forgotten = _forgotten_steps(facts)
    others = _other_steps(facts, [step.rule_id for step in forgotten], HOW_MANY - len(forgotten))
    return Steps(
        "premiers-gestes",
        (*forgotten, *others)[:HOW_MANY],
        "Aucun constat ouvert : rien ne presse. Rechargez une extraction le mois prochain.",
    )


def _forgotten_steps(facts: Facts) -> list[Step]:
    """What is sure first (errors), then what is to be verified; a situation two rules call forgotten is under both."""
    told = facts.forgotten.with_columns(
        rule_id=pl.col("rule_ids").str.split("+"), exposed=pl.col("documents_added").fill_null(0) * pl.col("days")
    ).explode("rule_id", empty_as_null=True)
    weights = told.group_by("rule_id").agg(
        pl.col("exposed").sum(), pl.len().alias("situations"), pl.col("days").max().alias("oldest")
    )
    steps = []
    severities = {rule.id: list(SEVERITIES).index(rule.severity) for rule in facts.catalogue}
    gravity = pl.col("rule_id").replace_strict(severities, default=0, return_dtype=pl.Int64)
    ranked = weights.sort(
        gravity, "exposed", "situations", "rule_id", descending=[False, True, True, False], nulls_last=True
    )
    for rule_id, exposed, situations, oldest in ranked.head(HOW_MANY).rows():
        mine = told.filter(pl.col("rule_id") == rule_id).sort(["exposed", "record_key"], descending=[True, False])
        shown = mine.head(EXAMPLES)
        shown = shown.join(facts.lines(shown["record_key"]), on="record_key", how="left", maintain_order="left")
        sure = severities.get(rule_id, 0) == 0
        verb = "clore" if sure else "vérifier"
        said = counted(situations, f"situation à {verb}", f"situations à {verb}")
        if exposed:
            said += (
                f" : {counted(exposed, 'accès-jour', 'accès-jours')} de "
                f"trop{'' if sure else ' si la personne est partie'}, la plus ancienne depuis {days(oldest)}"
            )
        steps.append(_step(facts, rule_id, said, shown, situations))
    return steps


def _other_steps(facts: Facts, done: list[str], wanted: int) -> list[Step]:
    counts = facts.findings.by_rule.filter(
        pl.col("state").is_in(OPEN_STATES) & ~pl.col("rule_id").is_in(done) & (pl.col("severity") != "information")
    )
    ranked = (
        counts.group_by("rule_id", "severity")
        .agg(pl.col("table").first())
        .join(facts.findings.records, on="rule_id")
        # Errors before warnings: the alphabet happens to agree.
        .sort(["severity", "records", "rule_id"], descending=[False, True, False])
        .head(max(wanted, 0))
    )
    steps = []
    for rule_id, table, records in ranked.select("rule_id", "table", "records").rows():
        mine = facts.findings.examples.filter(pl.col("rule_id") == rule_id)
        what = ("situation", "situations") if table == "situation" else ("professionnel", "professionnels")
        steps.append(_step(facts, rule_id, counted(records, *what), mine, records))
    return steps


def _step(facts: Facts, rule_id: str, measure: str, shown: pl.DataFrame, total: int) -> Step:
    """One step; `shown` has a few record_key, finess, file_name, line, and since where it is known."""
    rule = next((rule for rule in facts.catalogue if rule.id == rule_id), None)
    names = facts.keys.people(shown["record_key"])
    where = facts.place_labels(shown["finess"])
    since = shown["since"] if "since" in shown.columns else pl.Series([None] * shown.height, dtype=pl.Date)
    records = [
        f"{name} – {place}, ligne {line}" + (f", depuis le {day(left)}" if left else "")
        for name, place, line, left in zip(names, where, shown["line"], since, strict=True)
    ]
    return Step(
        rule_id,
        facts.rule_title(rule_id),
        SEVERITIES[rule.severity if rule else "error"],
        measure,
        _places(facts, rule_id),
        tuple(shown["file_name"].drop_nulls().unique().sort()),
        tuple(records),
        total - len(records),
        advice(rule.page) if rule else (_NO_ADVICE,),
    )


def _places(facts: Facts, rule_id: str) -> tuple[str, ...]:
    """The establishments with most findings of a rule."""
    open_here = facts.findings.by_place.filter((pl.col("rule_id") == rule_id) & (pl.col("open") > 0))
    counts = open_here.group_by("finess").agg(pl.col("open").sum()).sort(["open", "finess"], descending=[True, False])
    shown = counts.head(_PLACES)
    said = [
        f"{name} :\u00a0{number(n)}" for name, n in zip(facts.place_labels(shown["finess"]), shown["open"], strict=True)
    ]
    rest = counts.height - shown.height
    return (*said, f"et {counted(rest, 'autre établissement', 'autres établissements')}") if rest else tuple(said)


def advice(page: str) -> tuple[str, ...]:
    """The paragraphs of « Ce que le gestionnaire doit faire » in a rule's page, without their markup."""
    parts = re.split(r"^#+[ \t]*(.+?)[ \t]*$", page, flags=re.MULTILINE)
    sections = {title.strip().lower(): text for title, text in zip(parts[1::2], parts[2::2], strict=True)}
    text = next((text for title, text in sections.items() if title.startswith(_ADVICE)), "")
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)", text.strip())
    plain = (re.sub(r"\s+", " ", _without_markup(block)).strip() for block in blocks)
    return tuple(block for block in plain if block) or (_NO_ADVICE,)


def _without_markup(text: str) -> str:
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", text)
    return re.sub(r"\*\*|`|(?<!\w)_|_(?!\w)", "", text)
