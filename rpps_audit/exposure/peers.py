"""Roles wider than those of colleagues: set differences between what one role opens and what most open."""

from __future__ import annotations

import polars as pl

from rpps_audit.reference import AccessMatrix

# Below this many situations "most colleagues" means nothing.
MIN_COLLEAGUES = 5
COLUMNS = ("profession", "role", "usual_role", "colleagues", "documents", "usual_documents", "extra_documents")
COUNTS = """
    SELECT operator, profession, role, count(*) AS held FROM {active} WHERE mask > 0 AND profession <> '' GROUP BY ALL"""

_GROUP = ["operator", "profession"]


def wider(access: AccessMatrix, counts: pl.DataFrame) -> pl.DataFrame:
    """The (operator, profession, role) that open more than most colleagues do [operator, *COLUMNS].

    `counts`: operator, profession, role, held (situations). A document type is usual in a profession when more than half
    of its situations open it, at the operator, or in all when the operator has fewer than MIN_COLLEAGUES of them.
    """
    local = counts.filter(pl.col("held").sum().over(_GROUP) >= MIN_COLLEAGUES)
    few = counts.join(local, on=_GROUP, how="anti")
    everywhere = counts.group_by("profession", "role").agg(pl.col("held").sum())
    elsewhere = few.select(_GROUP).unique().join(everywhere, on="profession").select(counts.columns)
    compared = pl.concat([local, elsewhere.filter(pl.col("held").sum().over(_GROUP) >= MIN_COLLEAGUES)]).with_columns(
        colleagues=pl.col("held").sum().over(_GROUP)
    )
    usual = _usual_documents(access, compared)
    opened = counts.join(access.grants, on="role")
    extra = opened.join(usual, on=[*_GROUP, "document_type"], how="anti")
    keys = [*_GROUP, "role"]
    return (
        opened.group_by(keys)
        .agg(documents=pl.len().cast(pl.Int64))
        .join(extra.group_by(keys).agg(extra_documents=pl.len().cast(pl.Int64)), on=keys)
        .join(_usual_role(compared), on=_GROUP)
        .join(usual.group_by(_GROUP).agg(usual_documents=pl.len().cast(pl.Int64)), on=_GROUP, how="left")
        .with_columns(pl.col("usual_documents").fill_null(0))
        .select("operator", *COLUMNS)
    )


def _usual_documents(access: AccessMatrix, compared: pl.DataFrame) -> pl.DataFrame:
    """The document types that more than half of the colleagues open [operator, profession, document_type]."""
    return (
        compared.join(access.grants, on="role")
        .group_by([*_GROUP, "document_type", "colleagues"])
        .agg(pl.col("held").sum())
        .filter(2 * pl.col("held") > pl.col("colleagues"))
        .select(*_GROUP, "document_type")
    )


def _usual_role(compared: pl.DataFrame) -> pl.DataFrame:
    """The most frequent role, the first by code when several are [operator, profession, usual_role, colleagues]."""
    return (
        compared.sort("held", "role", descending=[True, False])
        .group_by(_GROUP, maintain_order=True)
        .agg(pl.col("role").first().alias("usual_role"), pl.col("colleagues").first())
    )
