"""The page in French that stands beside the files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_PAGE = """# Données d'exemple

**Tout est inventé.** Les personnes, les établissements, les organismes, les numéros (RPPS, FINESS, SIRET) et les
adresses de ces fichiers n'existent pas. Les numéros ont une clé valide, pour que les contrôles s'exercent vraiment. Les
numéros de téléphone sont pris dans les tranches réservées par l'Arcep à la fiction (06 39 98, 01 99 00...) ; au-delà de
10 000 personnes, dans l'indicatif international +999, qui n'est attribué à personne. Les adresses e-mail finissent
par « .example », domaine réservé ; celles en « mssante.fr » illustrent un contrôle et ne sont à personne. Seuls les
communes, les pays et les nomenclatures sont réels.

{professionals} professionnels, graine {seed}. La même commande donne les mêmes octets :

    rpps-audit sample --professionals {professionals_plain} --seed {seed} --out DOSSIER

| fichier | lignes | ce que c'est |
|---|---:|---|
{rows}

## Les anomalies

Chaque contrôle a ses anomalies, placées exprès : les mêmes dans chaque groupe de 400 personnes, donc deux fois au moins
pour 800. Entre les deux fichiers de suivi, certaines sont corrigées (parfois mal), d'autres apparaissent.

- `verite.csv` : un constat attendu par ligne (`file, rule_id, table, record_key, column`). Les contrôles doivent
  trouver ceux-là, tous, et rien d'autre. Une anomalie qui enfreint deux contrôles y a deux lignes.
- `verite-cycle.csv` : ce que devient chaque constat entre les deux fichiers de suivi (`rule_id, record_key, column,
  state`) : nouveau, persistant, corrigé, disparu (l'enregistrement n'est plus là : cela ne prouve rien).

Une clé d'enregistrement est l'identification nationale de la personne, suivie pour une situation de « @FINESS » et de
« # » avec la date de début ; « .2 » désigne la deuxième de deux situations semblables. Qui n'a pas de numéro est noté
`id:ligne N` : dans un espace de travail, sa clé est une empreinte de l'état civil, que seul cet espace sait calculer.
"""

_WHAT = {
    "suivi-rpps-2026-09-01.csv": "fichier de suivi du gestionnaire RPPS+, au 1er septembre 2026",
    "suivi-rpps-2026-11-01.csv": "le même, deux mois plus tard : des anomalies corrigées, d'autres apparues",
    "Extraction_Pro_Sante_Connect": "extraction restreinte de l'annuaire, avec l'état civil (51 colonnes)",
    "PS_LibreAcces_Personne_activite": "annuaire public (56 colonnes)",
    "PS_LibreAcces_SavoirFaire": "savoir-faire publics",
    "PS_LibreAcces_Dipl_AutExerc": "diplômes et autorisations d'exercice publics",
    "Porteurs_CPS_CPF": "cartes en cours (ISO-8859-1)",
    "Extraction_Correspondance_MSSante": "boîtes aux lettres MSSanté",
    "personnel-rh": "fichier du personnel",
    "finess-structures": "établissements FINESS, fermés compris",
    "variantes/annuaire-restreint-49": "variante : extraction restreinte de 2021",
    "variantes/annuaire-restreint-50": "variante : extraction restreinte de 2023 (ISO-8859-1)",
    "variantes/annuaire-public-52": "variante : annuaire public de 2021",
    "variantes/ExtractionMonoTable_CAT18": "variante : ancien fichier public CAT18",
    "variantes/etalab-cs1100502": "variante : FINESS, ancienne extraction sans en-têtes",
    "variantes/code-officiel": "variante : extrait du code officiel géographique de l'Insee",
}


def write_readme(folder: Path, professionals: int, seed: int, rows: Mapping[str, int]) -> None:
    """Write LISEZMOI.md: what each file is, and that nobody in them exists."""
    what = {name: next(text for start, text in _WHAT.items() if name.startswith(start)) for name in rows}
    told = [f"| `{name}` | {_spaced(count)} | {what[name]} |" for name, count in rows.items()]
    page = _PAGE.format(
        professionals=_spaced(professionals), professionals_plain=professionals, seed=seed, rows="\n".join(told)
    )
    (folder / "LISEZMOI.md").write_text(page, "utf-8")


def _spaced(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")
