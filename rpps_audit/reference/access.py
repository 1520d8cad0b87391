"""The grants: which role opens which document types. Versioned, contested, replaceable data.

A matrix is one TOML file under `rules/access/` (or anywhere, for a what-if): `version`, `title`, `source`,
`status`, `valid_from`, `caveat`, then one `[[document]]` per document type with the roles that open it.
Access is a relation between roles and documents, never a hierarchy of roles.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import polars as pl

from rpps_audit.errors import UsageError, system_said
from rpps_audit.reference.nomenclature import load_nomenclature
from rpps_audit.reference.root import rules_root

DEFAULT_VERSION = "gcs-sara-diapositives-1"

_HEADER = {"version": str, "title": str, "source": str, "status": str, "valid_from": date, "caveat": str}
_DOCUMENT = {"id": str, "label": str, "match": str, "roles": list}
_OPTIONAL = ("type_code", "system", "note")
_MATCHES = ("exact", "near", "unknown")


@dataclass(frozen=True)
class AccessMatrix:
    """One version of the grants.

    `document_types`: `id`, `label` (as in the source), `type_code` and `system` (XDS typeCode, null when none
    is known), `match` (how the code was found: exact, near, unknown), `note`; its order is the order of the
    bits. `grants`: `role` (TRE_R22 code), `document_type` (an id). `caveat` goes, with `version`, into every
    output.
    """

    version: str
    title: str
    source: str
    status: str
    valid_from: date
    caveat: str
    document_types: pl.DataFrame
    grants: pl.DataFrame

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """The roles that open at least one document, sorted."""
        return tuple(sorted(set(self.grants["role"])))

    def documents_of(self, roles: Iterable[str]) -> frozenset[str]:
        """The ids of the document types that at least one of `roles` opens. A role without grants opens none."""
        return frozenset(self.grants.filter(pl.col("role").is_in(list(roles)))["document_type"])

    def bits(self) -> dict[str, int]:
        """Each role's documents as a bit set: bit `i` is row `i` of `document_types`; a union is an or."""
        position = {document: i for i, document in enumerate(self.document_types["id"])}
        masks = dict.fromkeys(self.roles, 0)
        for role, document in zip(self.grants["role"], self.grants["document_type"], strict=True):
            masks[role] |= 1 << position[document]
        return masks

    def documents_in(self, mask: int) -> frozenset[str]:
        """The ids of the document types of a bit set (the inverse of `bits`)."""
        return frozenset(id_ for i, id_ in enumerate(self.document_types["id"]) if mask >> i & 1)

    def compare(self, other: AccessMatrix) -> pl.DataFrame:
        """What `other` changes, by grant: `role`, `document_type`, `label`, `change` ("gained" or "lost")."""
        labels = pl.concat([self.document_types, other.document_types]).unique("id", keep="first")
        gained = other.grants.join(self.grants, on=["role", "document_type"], how="anti")
        lost = self.grants.join(other.grants, on=["role", "document_type"], how="anti")
        changes = pl.concat([gained.with_columns(change=pl.lit("gained")), lost.with_columns(change=pl.lit("lost"))])
        return (
            changes.join(labels.select(document_type="id", label="label"), on="document_type", how="left")
            .select("role", "document_type", "label", "change")
            .sort("role", "change", "document_type")
        )


def access_versions() -> dict[str, Path]:
    """The shipped matrices: version to file."""
    paths = sorted((rules_root() / "access").glob("*.toml"))
    return {str(tomllib.loads(path.read_text("utf-8"))["version"]): path for path in paths}


def load_access(version: str | Path | None = None) -> AccessMatrix:
    """A matrix by its version, or from a user's TOML file; without argument, the shipped default.

    Raises `UsageError` for an unknown version, or a file that is not a matrix (what is wrong, and where).
    """
    if isinstance(version, Path) or str(version).endswith(".toml"):
        return read_access(Path(str(version)))
    return _load_version(version or DEFAULT_VERSION)


@cache
def _load_version(version: str) -> AccessMatrix:
    versions = access_versions()
    if version not in versions:
        known = ", ".join(sorted(versions))
        raise UsageError(
            f"Version inconnue du tableau des droits d’accès : « {version} ». Versions livrées : {known}. "
            "Pour un tableau à vous, donnez le chemin d’un fichier .toml."
        )
    return read_access(versions[version])


def read_access(path: Path) -> AccessMatrix:
    """Read and validate one matrix file. Raises `UsageError` naming the file and the document type."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise UsageError(f"{path} : fichier illisible ({system_said(error)}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} : ce n’est pas un fichier TOML en UTF-8 ({error}).") from error
    _check_fields(content, _HEADER, f"{path}")
    documents = content.get("document")
    if not isinstance(documents, list) or not documents:
        raise UsageError(f"{path} : aucun type de document. Il faut au moins un bloc [[document]].")
    for number, document in enumerate(documents, 1):
        _check_document(document, f"{path}, type de document n° {number}")
    ids = [document["id"] for document in documents]
    if len(set(ids)) < len(ids):
        twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
        raise UsageError(f"{path} : identifiant de type de document en double : {', '.join(twice)}.")
    return AccessMatrix(
        **{name: content[name] for name in _HEADER},
        document_types=_document_types(documents),
        grants=_grants(documents),
    )


def _check_document(document: Any, where: str) -> None:
    if not isinstance(document, dict):
        raise UsageError(f"{where} : un bloc [[document]] était attendu.")
    _check_fields(document, _DOCUMENT, where)
    where = f"{where} (« {document['id']} »)"
    extra = sorted(set(document) - set(_DOCUMENT) - set(_OPTIONAL))
    if extra:
        raise UsageError(f"{where} : champ inconnu : {', '.join(extra)}.")
    for name in _OPTIONAL:
        if not isinstance(document.get(name, ""), str):
            raise UsageError(f"{where} : le champ « {name} » doit être un texte.")
    if document["match"] not in _MATCHES:
        raise UsageError(f"{where} : match vaut « {document['match']} », attendu : {', '.join(_MATCHES)}.")
    unknown = [str(role) for role in document["roles"] if role not in load_nomenclature("roles").codes]
    if unknown:
        raise UsageError(f"{where} : rôle inconnu : {', '.join(unknown)}. Un rôle est un code TRE_R22 (GENR08 …).")


def _check_fields(content: Mapping[str, Any], expected: Mapping[str, type], where: str) -> None:
    kinds = {str: "un texte", date: "une date (AAAA-MM-JJ)", list: "une liste"}
    for name, kind in expected.items():
        if name not in content:
            raise UsageError(f"{where} : le champ « {name} » manque.")
        if type(content[name]) is not kind:
            raise UsageError(f"{where} : le champ « {name} » doit être {kinds[kind]}.")


def _document_types(documents: list[dict[str, Any]]) -> pl.DataFrame:
    columns = ("id", "label", "type_code", "system", "match", "note")
    return pl.DataFrame(
        {name: [document.get(name) for document in documents] for name in columns},
        schema=dict.fromkeys(columns, pl.String),
    )


def _grants(documents: list[dict[str, Any]]) -> pl.DataFrame:
    pairs = [(role, document["id"]) for document in documents for role in document["roles"]]
    return pl.DataFrame(pairs, schema={"role": pl.String, "document_type": pl.String}, orient="row").unique(
        maintain_order=True
    )
