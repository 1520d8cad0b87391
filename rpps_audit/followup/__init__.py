"""The living follow-up: what every source says of each person in each establishment, and what people wrote by hand.

reconciliation ─ cells with their source ─ merged with what is kept ─▶ suivi.xlsx ─ a person ─▶ given back
                                                                  └─▶ completeness, collection, operator's page
"""

from rpps_audit.followup.collection import collect
from rpps_audit.followup.completeness import completeness, mandatory
from rpps_audit.followup.files import give_back, write_followup
from rpps_audit.followup.kept import conflicts, kept_cells, update_followup, wide
from rpps_audit.followup.merge import merge
from rpps_audit.followup.operator import operator_page, write_operator_page

__all__ = [
    "collect",
    "completeness",
    "conflicts",
    "give_back",
    "kept_cells",
    "mandatory",
    "merge",
    "operator_page",
    "update_followup",
    "wide",
    "write_followup",
    "write_operator_page",
]
