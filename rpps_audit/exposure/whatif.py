"""What would change: another set of grants, or other roles, and the documents gained and lost, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.exposure import queries
from rpps_audit.exposure.exposure import Exposure
from rpps_audit.exposure.rolesets import RoleSets
from rpps_audit.exposure.tables import ACTIVE, Tables
from rpps_audit.reference import AccessMatrix, nomenclature_label_expr

# One exposure may carry several what-ifs at once: each has its own table of moves on the exposure's connection.
_numbers = count(1)
_BEFORE_AFTER = {"before": "before", "after": "after"}


@dataclass(frozen=True)
class Difference:
    """What the people of an exposure gain and lose. Usable while the exposure is.

    Gained: a document type that somebody could not open and now could; lost: the opposite. Frames by scope count
    `professionals` (those for whom something changes), `professionals_gaining`, `professionals_losing`, and
    person-documents `gained` and `lost`, for the situations held in the scope.
    """

    before: AccessMatrix
    after: AccessMatrix
    _tables: Tables
    _moved: str

    def totals(self) -> pl.DataFrame:
        """One row: the columns of the frames by scope, for everybody."""
        frame = self._by_scope("everybody").drop("everybody")
        return frame if frame.height else frame.clear(1).fill_null(0)

    def by_professional(self) -> pl.DataFrame:
        """Only people for whom something changes: professional_id, gained, lost (how many), gained_documents and
        lost_documents (ids joined by '+')."""
        joined = pl.col("gained_documents", "lost_documents").list.join("+")
        self._tables.give(f"{self._moved}_pairs", self._weights(self._counts("everybody")).with_columns(joined))
        frame = self._tables.sql(
            f"""SELECT professional_id, p.* EXCLUDE (before, after)
                FROM {self._groups("person", "professional_id")} JOIN {self._moved}_pairs p USING (before, after)
                WHERE gained > 0 OR lost > 0"""
        )
        return frame.sort(["gained", "lost", "professional_id"], descending=[True, True, False])

    def by_establishment(self) -> pl.DataFrame:
        """finess, then the columns of the frames by scope."""
        return self._by_scope("establishment").rename({"establishment": "finess"})

    def by_role(self) -> pl.DataFrame:
        """role (as registered today), label, then the columns of the frames by scope."""
        return self._labelled("role", "roles")

    def by_profession(self) -> pl.DataFrame:
        """profession, label, then the columns of the frames by scope."""
        return self._labelled("profession", "professions")

    def by_document(self) -> pl.DataFrame:
        """Only document types for which something changes: document_type, label, type_code, gained, lost (people)."""
        weighed = self._weigh(self._counts("everybody"))
        known = pl.concat([self.before.document_types, self.after.document_types]).unique("id", maintain_order=True)
        frame = known.select("label", "type_code", document_type="id")
        for side in ("gained", "lost"):
            people = (
                weighed.select("professionals", document_type=f"{side}_documents")
                .explode("document_type")
                .group_by("document_type")
                .agg(pl.col("professionals").sum().alias(side))
            )
            frame = frame.join(people, on="document_type", how="left", maintain_order="left")
        return frame.select("document_type", "label", "type_code", pl.col("gained", "lost").fill_null(0)).filter(
            (pl.col("gained") > 0) | (pl.col("lost") > 0)
        )

    def _labelled(self, scope: str, nomenclature: str) -> pl.DataFrame:
        label = nomenclature_label_expr(nomenclature, pl.col(scope)).alias("label")
        return self._by_scope(scope).select(scope, label, pl.exclude(scope))

    def _by_scope(self, scope: str) -> pl.DataFrame:
        people, gained, lost = pl.col("professionals"), pl.col("gained"), pl.col("lost")
        return (
            self._weigh(self._counts(scope))
            .filter((gained > 0) | (lost > 0))
            .group_by(scope)
            .agg(
                people.sum(),
                people.filter(gained > 0).sum().alias("professionals_gaining"),
                people.filter(lost > 0).sum().alias("professionals_losing"),
                (people * gained).sum().alias("gained"),
                (people * lost).sum().alias("lost"),
            )
            .sort(["gained", "lost", scope], descending=[True, True, False])
            .with_columns(pl.col(scope).replace("", None))
        )

    def _groups(self, *keys: str) -> str:
        return queries.groups(self._moved, keys, _BEFORE_AFTER)

    def _counts(self, scope: str) -> pl.DataFrame:
        return self._tables.sql(
            f"""SELECT {scope}, before, after, count(*) AS professionals
                FROM {self._groups(scope, "person")} GROUP BY ALL"""
        )

    def _weigh(self, counts: pl.DataFrame) -> pl.DataFrame:
        return counts.join(self._weights(counts), on=["before", "after"])

    def _weights(self, counts: pl.DataFrame) -> pl.DataFrame:
        """Each distinct move between two sets of roles with what it gains and loses."""
        pairs = counts.select("before", "after").unique().sort("before", "after")
        held = RoleSets(self.before).documents(pairs["before"])
        then = RoleSets(self.after).documents(pairs["after"])
        gained, lost = then.list.set_difference(held), held.list.set_difference(then)
        return pairs.with_columns(
            gained=gained.list.len().cast(pl.Int64),
            lost=lost.list.len().cast(pl.Int64),
            gained_documents=gained.list.sort(),
            lost_documents=lost.list.sort(),
        )


def what_if(
    exposure: Exposure,
    *,
    access: AccessMatrix | None = None,
    roles: Mapping[str, str | None] | None = None,
    professions: Mapping[str, str | None] | None = None,
) -> Difference:
    """The difference another choice would make to the people of `exposure`.

    `access`: another set of grants. `roles`: {role registered today: other role}. `professions`: {profession: the role
    its people should have}, which comes before `roles`. None closes the situation. Nothing is written anywhere.
    Raises UsageError for a role without grants in the matrix in force.
    """
    after = access or exposure.access
    unknown = sorted({*(roles or {}).values(), *(professions or {}).values()} - {None, *after.roles}, key=str)
    if unknown:
        raise UsageError(
            f"Rôle sans droit connu dans le tableau « {after.version} » : {unknown[0]}. "
            f"Rôles possibles : {', '.join(after.roles)}."
        )
    tables, moved = exposure.tables, f"moved_{next(_numbers)}"
    moves = _moves(tables.sql(f"SELECT DISTINCT role, profession FROM {ACTIVE}"), roles or {}, professions or {})
    tables.give(f"{moved}_moves", _with_bits(moves, RoleSets(exposure.access), RoleSets(after)))
    tables.make(f"CREATE TEMP VIEW {moved} AS SELECT * FROM {ACTIVE} JOIN {moved}_moves USING (role, profession)")
    return Difference(exposure.access, after, tables, moved)


def _moves(held: pl.DataFrame, roles: Mapping[str, str | None], professions: Mapping[str, str | None]) -> pl.DataFrame:
    """The role after the move of each (role, profession) held; null when it opens nothing any more."""
    by_profession = pl.col("profession").is_in(list(professions))
    to = pl.col("profession").replace_strict(professions, default=None, return_dtype=pl.String)
    return held.with_columns(new_role=pl.when(by_profession).then(to).otherwise(pl.col("role").replace(roles)))


def _with_bits(moves: pl.DataFrame, before: RoleSets, after: RoleSets) -> pl.DataFrame:
    """The moves as bits: [role, profession, before, after], 0 for a role without known grants."""
    return (
        moves.join(before.bits.rename({"bit": "before"}), on="role", how="left")
        .join(after.bits.rename({"role": "new_role", "bit": "after"}), on="new_role", how="left")
        .select("role", "profession", pl.col("before", "after").fill_null(0))
    )
