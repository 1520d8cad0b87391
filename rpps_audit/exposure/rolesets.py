"""Sets of roles as bits, and what they open: the whole algebra of exposure, on a few hundred sets at most."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_

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
    def frame(self) -> pl.DataFrame:
        """The bit of each role the matrix knows [role, bit]."""
        roles = self.access.roles
        return pl.DataFrame(
            {"role": roles, "bit": [1 << i for i in range(len(roles))]}, schema={"role": pl.String, "bit": pl.Int32}
        )

    @cached_property
    def _grants(self) -> list[int]:
        bits = self.access.bits()
        return [bits[role] for role in self.access.roles]

    def documents(self, mask: int) -> int:
        """The document types a set of roles opens, as a bit set in the order of the matrix."""
        return reduce(or_, (grants for i, grants in enumerate(self._grants) if mask >> i & 1), 0)

    def names(self, mask: int) -> str:
        """The roles of a set, joined by '+'."""
        return "+".join(role for i, role in enumerate(self.access.roles) if mask >> i & 1)

    def weigh(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Add `documents` and, among them, `documents_forgotten`, by `opens` and `justified`."""
        return frame.join(self.weights(frame), on=["opens", "justified"], how="left", maintain_order="left")

    def weights(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The distinct pairs of a frame [opens, justified, roles, documents, documents_forgotten]."""
        pairs = frame.select("opens", "justified").unique().sort("opens", "justified")
        opened = [self.documents(mask) for mask in pairs["opens"]]
        still = [self.documents(mask) for mask in pairs["justified"]]
        return pairs.with_columns(
            pl.Series("roles", [self.names(mask) for mask in pairs["opens"]], pl.String),
            pl.Series("documents", [mask.bit_count() for mask in opened], pl.Int64),
            pl.Series(
                "documents_forgotten", [(o & ~j).bit_count() for o, j in zip(opened, still, strict=True)], pl.Int64
            ),
        )

    def spread(self, frame: pl.DataFrame) -> pl.DataFrame:
        """One row per row of `frame` and document type it opens, with `document_type` and `forgotten` (only through)."""
        opened = self._opened(frame["opens"], "opens")
        still = self._opened(frame["justified"], "justified").with_columns(forgotten=False)
        return (
            frame.join(opened, on="opens")
            .join(still, on=["justified", "document_type"], how="left")
            .with_columns(pl.col("forgotten").fill_null(value=True))
        )

    def _opened(self, masks: pl.Series, name: str) -> pl.DataFrame:
        """Each distinct mask with each document type it opens [name, document_type]."""
        distinct = masks.unique()
        documents = [sorted(self.access.documents_in(self.documents(mask))) for mask in distinct]
        return (
            pl.DataFrame({name: distinct, "document_type": pl.Series(documents, dtype=pl.List(pl.String))})
            .explode("document_type", empty_as_null=False)
        )
