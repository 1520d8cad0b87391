"""The French words for the codes of the store, as the reader of a report meets them."""

from __future__ import annotations

from rpps_audit.reference import words

SEVERITIES, CATEGORIES, STATES, KINDS = words("severities"), words("categories"), words("states"), words("kinds")
CATEGORY_MEANINGS = {
    "completeness": "ce qui doit être rempli l'est",
    "conformance": "les formats, les clés et les codes sont justes",
    "plausibility": "les valeurs sont possibles et ne se contredisent pas",
    "uniqueness": "une personne, un numéro, une fois",
    "timeliness": "ce qui est fini est clos, ce qui attend n'attend pas trop",
}
KINDS_SHORT = {"annuaire-restreint": "restreinte", "annuaire-public": "publique", "suivi": "suivi", "cat18": "CAT18"}
# The five roles in a word or two, for tables and figures; the table of roles gives the whole labels.
ROLES_SHORT = {
    "GENR08": "coordination",
    "GENR09": "administratif",
    "GENR10": "vie sociale",
    "GENR11": "soin",
    "GENR12": "encadrement",
}
AGES = (
    (30, "moins d'un mois"),
    (91, "de 1 à 3 mois"),
    (183, "de 3 à 6 mois"),
    (365, "de 6 mois à 1 an"),
    (731, "de 1 à 2 ans"),
    (None, "plus de 2 ans"),
)
