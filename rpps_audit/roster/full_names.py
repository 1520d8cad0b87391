"""Names written in one cell, as payroll lists do."""

from __future__ import annotations

import polars as pl


def split_full_name(expr: pl.Expr) -> list[pl.Expr]:
    """`birth_name` and `first_name` out of one cell: « NOM Prénom », « NOM, Prénom », « Prénom NOM ».

    The words written in capitals are the name. Where case tells nothing, the last word is the first name (payroll
    lists write the name first).
    """
    cell = expr.str.replace_all(r"^\s*(?:M\.?|MME|MLLE|Mme|Mlle|Monsieur|Madame)\s+", "").str.strip_chars(" ")
    comma = cell.str.extract_groups(r"^([^,]+),\s*(.+)$")
    before = cell.str.extract_groups(r"^((?:[\p{Lu}'’-]{2,}\s+|(?:d|de|du|des|la|le)\s+)+)(\p{Lu}[\p{Ll}].*)$")
    after = cell.str.extract_groups(r"^(\p{Lu}\p{Ll}.*?)\s+((?:[\p{Lu}'’-]{2,}\s*)+)$")
    last = cell.str.extract_groups(r"^(.+)\s+(\S+)$")
    name = pl.coalesce(
        comma.struct.field("1"), before.struct.field("1"), after.struct.field("2"), last.struct.field("1"), cell
    )
    first = pl.coalesce(
        comma.struct.field("2"), before.struct.field("2"), after.struct.field("1"), last.struct.field("2")
    )
    return [name.str.strip_chars(" ").alias("birth_name"), first.str.strip_chars(" ").alias("first_name")]
