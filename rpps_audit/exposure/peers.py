"""Roles wider than those of colleagues: what one role opens against what most colleagues' roles open."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add

import polars as pl

from rpps_audit.reference import AccessMatrix

# Below this many situations "most colleagues" means nothing.
MIN_COLLEAGUES = 5
COLUMNS = ("profession", "role", "usual_role", "colleagues", "documents", "usual_documents", "extra_documents")
COUNTS = """
    SELECT operator, profession, role, count(*) AS held
    FROM {active} WHERE mask > 0 AND profession <> '' GROUP BY ALL"""

_GROUP = ["operator", "profession"]
_NOBODY = pl.DataFrame(
    schema={
        "operator": pl.String,
        **dict.fromkeys(COLUMNS[:3], pl.String),
        **dict.fromkeys(COLUMNS[3:], pl.Int64),
    }
)


def wider(access: AccessMatrix, counts: pl.DataFrame) -> pl.DataFrame:
    """The (operator, profession, role) that open more than most colleagues do [operator, *COLUMNS].

    `counts`: operator, profession, role, held (situations). A document type is usual in a profession when more than
    half of its situations open it, at the operator, or in all when the operator has fewer than MIN_COLLEAGUES of them.
    """
    if counts.is_empty():
        return _NOBODY
    held = set(counts["role"].unique())
    roles = [role for role in access.roles if role in held]
    alike = _documents_granted_alike(access)
    usual = {granted: _held_by(granted, roles) * 2 > pl.col("colleagues") for granted in alike}
    judged = _colleagues(counts, roles).with_columns(
        usual_role=_most_held(roles),
        usual_documents=_sum(pl.when(usual[granted]).then(n).otherwise(0) for granted, n in alike.items()),
        extra=pl.struct(
            _sum(pl.when(usual[granted]).then(0).otherwise(n) for granted, n in alike.items() if role in granted).alias(
                role
            )
            for role in roles
        ),
    )
    extra = judged.select(*_GROUP, pl.col("extra").struct.unnest()).unpivot(
        index=_GROUP, variable_name="role", value_name="extra_documents"
    )
    documents = access.grants.group_by("role").agg(documents=pl.len().cast(pl.Int64))
    return (
        counts.join(extra.filter(pl.col("extra_documents") > 0), on=[*_GROUP, "role"])
        .join(judged.select(*_GROUP, "usual_role", "colleagues", "usual_documents"), on=_GROUP)
        .join(documents, on="role")
        .select("operator", *COLUMNS)
    )


def _documents_granted_alike(access: AccessMatrix) -> dict[frozenset[str], int]:
    """How many document types are granted to exactly the same roles: what is usual is judged once for all of them."""
    granted = access.grants.group_by("document_type").agg(pl.col("role").sort()).group_by("role").len()
    return {frozenset(roles): n for roles, n in zip(granted["role"], granted["len"], strict=True)}


def _colleagues(counts: pl.DataFrame, roles: list[str]) -> pl.DataFrame:
    """The situations each (operator, profession) is compared with: by role, and `colleagues` in all."""
    held = [pl.col("held").filter(role=role).sum().alias(role) for role in roles]
    local = counts.group_by(_GROUP).agg(*held, colleagues=pl.col("held").sum())
    overall = counts.group_by("profession").agg(*held, colleagues=pl.col("held").sum())
    few = local.filter(pl.col("colleagues") < MIN_COLLEAGUES).select(_GROUP).join(overall, on="profession")
    return pl.concat([local, few.select(local.columns)]).filter(pl.col("colleagues") >= MIN_COLLEAGUES)


def _most_held(roles: list[str]) -> pl.Expr:
    """The most frequent role, the first by code when several are."""
    return pl.concat_list(roles).list.arg_max().replace_strict(range(len(roles)), roles, return_dtype=pl.String)


def _held_by(granted: frozenset[str], roles: list[str]) -> pl.Expr:
    return _sum(pl.col(role) for role in roles if role in granted)


def _sum(terms: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(add, terms, pl.lit(0, pl.Int64))
