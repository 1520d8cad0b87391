"""How much of a file we are ready to read: `rules/limits.toml`, and what a workspace changes of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

from rpps_audit.errors import UsageError
from rpps_audit.reference import rules_root

MEGA = 1_000_000
# Below this, an archive that inflates a great deal does no harm, and very regular files do inflate a great deal.
RATIO_FROM = 50 * MEGA


@dataclass(frozen=True)
class Limits:
    """The limits, under the names of the table `[limites]` of rpps-audit.toml (`_mo`: millions of bytes)."""

    taille_mo: int
    rapport: int
    fichiers_par_archive: int
    classeur_mo: int
    classeur_cellules: int
    ligne_mo: int
    lignes_vides: int
    json_mo: int
    json_profondeur: int
    json_chiffres: int

    def changed(self, table: Mapping[str, object]) -> Limits:
        """With a workspace's own values. Raises UsageError for an unknown name, or no positive whole number."""
        known = {field.name for field in fields(self)}
        for name, value in table.items():
            if name not in known:
                raise UsageError(
                    f"rpps-audit.toml, [limites] : « {name} » n'existe pas. Possibles : {', '.join(sorted(known))}."
                )
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise UsageError(f"rpps-audit.toml, [limites], « {name} » : il faut un nombre entier positif.")
        return Limits(**{**vars(self), **table})


@cache
def default_limits() -> Limits:
    """The shipped limits."""
    return Limits(**tomllib.loads((rules_root() / "limits.toml").read_text("utf-8")))


def beyond(name: str, found: str, limit: str, key: str, todo: str = "") -> str:
    """The sentence of a refusal: what was found, the limit, where to change it."""
    return f"{name} : {found}, limite {limit} (« {key} » dans la table [limites] de rpps-audit.toml). " + (
        todo or "Si le fichier est bien celui que vous attendez, augmentez la limite."
    )
