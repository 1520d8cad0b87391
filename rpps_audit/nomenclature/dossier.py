"""The dossier: a request beside the figures that speak for it and against it, in one archive to hand over."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from rpps_audit.nomenclature.registered import CATCH_ALL, registered
from rpps_audit.nomenclature.request import Request, slug
from rpps_audit.outputs import csv_bytes, write_private
from rpps_audit.reference import nomenclature_label_expr
from rpps_audit.store import Store

# A need met in fewer operators than this is not yet a shared one.
_SHARED_BY = 3


@dataclass(frozen=True)
class Dossier:
    """A request and its figures on `as_of`.

    `by_code`, `by_role`, `by_establishment`: the people registered today under the codes the request names (columns of
    `registered`). `catch_all`: how many professionals stand under the catch-all code in all.
    """

    request: Request
    as_of: date
    by_code: pl.DataFrame
    by_role: pl.DataFrame
    by_establishment: pl.DataFrame
    professionals: int
    establishments: int
    operators: int
    catch_all: int

    def remarks(self) -> list[str]:
        """What the reviewer should know before deciding, in French sentences."""
        said = [f"Il manque : {what}." for what in self.request.missing()]
        cited = bool(self.request.current_codes)
        if cited and self.request.people is not None and self.professionals < self.request.people:
            said.append(
                f"La demande annonce {self.request.people} professionnels ; les extractions chargées n’en montrent que "
                f"{self.professionals} sous les codes cités, toutes professions de ces codes confondues."
            )
        if cited and self.operators < _SHARED_BY:
            said.append(
                f"Besoin observé chez {self.operators} organisme{'s' * (self.operators > 1)} seulement dans les "
                "extractions chargées : le partage du besoin reste à établir."
            )
        if CATCH_ALL in self.request.current_codes:
            said.append(
                f"{self.catch_all} professionnels sont enregistrés sous {CATCH_ALL} « Autre professionnel » : ce code "
                "mêle des métiers différents et ne compte pas, à lui seul, les personnes concernées."
            )
        if not self.request.legal_basis.strip():
            said.append("Aucune base réglementaire citée : elle est souhaitable, sans être exigée.")
        near = self.request.alike().filter("in_portal").head(5)
        if near.height:
            listed = ", ".join(near.select(pl.format("{} « {} »", "code", "label")).to_series())
            said.append(f"Libellés voisins déjà proposés par le portail : {listed}.")
        said.append(
            "La profession est indicative : elle n’ouvre aucun document. Seul le rôle ouvre des droits ; "
            "un besoin d’accès se traite par le rôle, pas par un nouveau libellé de profession."
        )
        return said

    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The figures, by the name of their file."""
        return {
            "par-code": self.by_code,
            "par-role": self.by_role,
            "par-etablissement": self.by_establishment,
            "libelles-voisins": self.request.alike(),
        }

    def html(self) -> str:
        """The page a committee reads."""
        from rpps_audit.nomenclature.conclusion import conclude

        template = _environment().get_template("dossier.html")
        return template.render(dossier=self, request=self.request, conclusion=conclude(self))

    def write(self, folder: Path) -> Path:
        """Write `dossier-<label>.zip` (page, figures as CSV, request as JSON) atomically; returns its path."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            out.writestr("dossier.html", self.html())
            out.writestr("demande.json", json.dumps(dataclasses.asdict(self.request), ensure_ascii=False, indent=2))
            for name, frame in self.tables().items():
                out.writestr(f"{name}.csv", csv_bytes(frame, french=True))
        path = folder / f"dossier-{slug(self.request.label)}.zip"
        write_private(path, archive.getvalue())
        return path


def build_dossier(store: Store, run_ids: Sequence[int], as_of: date, request: Request) -> Dossier:
    """The request with the figures of the runs' snapshots."""
    chosen = pl.col("profession").is_in(list(request.current_codes))
    codes = registered(store, run_ids, "profession")
    detail = registered(store, run_ids, "profession", "role").filter(chosen)
    places = registered(store, run_ids, "profession", "finess", "finess_legal", "structure_name").filter(chosen)
    every = codes.filter(chosen)
    label = nomenclature_label_expr("professions", pl.col("profession")).alias("label")
    role_label = nomenclature_label_expr("roles", pl.col("role")).alias("role_label")
    return Dossier(
        request=request,
        as_of=as_of,
        by_code=every.select("profession", label, pl.exclude("profession")),
        by_role=detail.select("profession", "role", role_label, "situations", "professionals", "establishments"),
        by_establishment=places.select(
            "finess", "finess_legal", "structure_name", "profession", "situations", "professionals"
        ),
        professionals=int(every["professionals"].sum()),
        establishments=places["finess"].drop_nulls().n_unique(),
        operators=places["finess_legal"].drop_nulls().n_unique(),
        catch_all=int(codes.filter(pl.col("profession") == CATCH_ALL)["professionals"].sum()),
    )


@cache
def _environment() -> Environment:
    return Environment(loader=PackageLoader("rpps_audit.nomenclature"), autoescape=True, undefined=StrictUndefined)
