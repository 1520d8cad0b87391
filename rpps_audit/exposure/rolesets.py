"""Sets of roles as bits, and what they open: the whole algebra of exposure, on a few hundred sets at most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import polars as pl

from rpps_audit.reference import AccessMatrix


@dataclass(frozen=True)
class RoleSets:
    """A role is a bit, a set of roles a mask; a mask opens the union of what its roles open, never more.

    Frames given to the verbs hold `opens`, the roles of all the situations, and `justified`, the roles of those that
    are not forgotten. What `opens` opens and `justified` does not is open through forgotten situations only.
    """

    access: AccessMatrix

    @cached_property
    def bits(self) -> pl.DataFrame:
        """The bit of each role the matrix knows [role, bit]."""
        roles = self.access.roles
        return pl.DataFrame(
            {"role": roles, "bit": [1 << i for i in range(len(roles))]}, schema={"role": pl.String, "bit": pl.Int32}
        )

    @cached_property
    def _opened(self) -> list[int]:
        """By mask, the document types open, as a bit set in the order of the matrix."""
        grants = self.access.bits()
        opened = [0]
        for role in self.access.roles:
            opened += [documents | grants[role] for documents in opened]
        return opened

    @cached_property
    def weights(self) -> pl.DataFrame:
        """Every set of roles [mask, roles (joined by '+'), documents (how many)]."""
        names = [""]
        for role in self.access.roles:
            names += [f"{name}+{role}".lstrip("+") for name in names]
        return pl.DataFrame(
            {"mask": range(len(names)), "roles": names, "documents": [opened.bit_count() for opened in self._opened]},
            schema={"mask": pl.Int32, "roles": pl.String, "documents": pl.Int64},
        )

    def weigh(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `documents`, how many types are open, and `documents_forgotten`, those that `justified` does not open."""
        documents = pl.lit(self.weights["documents"])
        opened, justified = documents.gather(pl.col("opens")), documents.gather(pl.col("justified"))
        # What is justified is among what is open, so that counts can be subtracted.
        return frame.with_columns(documents=opened, documents_forgotten=opened - justified)

    def documents(self, masks: pl.Series) -> pl.Series:
        """The document types each mask opens, as sorted lists of ids."""
        opened = [sorted(self.access.documents_in(self._opened[mask])) for mask in masks]
        return pl.Series("document_type", opened, pl.List(pl.String))

    def spread(self, frame: pl.DataFrame) -> pl.DataFrame:
        """A row per row of `frame` and document type it opens: adds `document_type` and `forgotten` (only through)."""
        opened, still = self._members(frame["opens"]), self._members(frame["justified"]).with_columns(forgotten=False)
        return (
            frame.join(opened, on="opens")
            .join(still, on=["justified", "document_type"], how="left")
            .with_columns(pl.col("forgotten").fill_null(value=True))
        )

    def _members(self, masks: pl.Series) -> pl.DataFrame:
        """Each distinct mask, under its own name, with each document type it opens."""
        distinct = masks.unique()
        return pl.DataFrame([distinct, self.documents(distinct)]).explode("document_type").drop_nulls()
