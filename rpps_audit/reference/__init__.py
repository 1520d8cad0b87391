"""Communes and countries at a date, nomenclatures and their versions, the grants: data, read offline."""

from rpps_audit.reference.access import AccessMatrix, access_versions, load_access
from rpps_audit.reference.communes import (
    SPLIT_CITIES,
    commune_intervals,
    commune_is_split_city_expr,
    commune_known_expr,
    commune_search,
    commune_successors,
    commune_valid_expr,
    communes,
    communes_at,
    postcodes,
)
from rpps_audit.reference.countries import (
    FRANCE,
    countries,
    countries_at,
    country_intervals,
    country_known_expr,
    country_valid_expr,
    is_france_expr,
)
from rpps_audit.reference.insee import InseeHistory, read_insee_zip
from rpps_audit.reference.lists import Lists, load_lists
from rpps_audit.reference.names import normalise, normalise_word
from rpps_audit.reference.nomenclature import (
    load_aliases,
    load_nomenclature,
    nomenclature_known_expr,
    nomenclature_label_expr,
    nomenclature_names,
    nomenclature_offered_expr,
    nomenclature_valid_expr,
)
from rpps_audit.reference.provenance import provenance
from rpps_audit.reference.root import rules_root
from rpps_audit.reference.validity import outdated_expr
from rpps_audit.reference.versions import Nomenclature, Nomenclatures, load_nomenclatures
from rpps_audit.reference.words import heading, words

__all__ = [
    "FRANCE",
    "SPLIT_CITIES",
    "AccessMatrix",
    "InseeHistory",
    "Lists",
    "Nomenclature",
    "Nomenclatures",
    "access_versions",
    "commune_intervals",
    "commune_is_split_city_expr",
    "commune_known_expr",
    "commune_search",
    "commune_successors",
    "commune_valid_expr",
    "communes",
    "communes_at",
    "countries",
    "countries_at",
    "country_intervals",
    "country_known_expr",
    "country_valid_expr",
    "heading",
    "is_france_expr",
    "load_access",
    "load_aliases",
    "load_lists",
    "load_nomenclature",
    "load_nomenclatures",
    "nomenclature_known_expr",
    "nomenclature_label_expr",
    "nomenclature_names",
    "nomenclature_offered_expr",
    "nomenclature_valid_expr",
    "normalise",
    "normalise_word",
    "outdated_expr",
    "postcodes",
    "provenance",
    "read_insee_zip",
    "rules_root",
    "words",
]
