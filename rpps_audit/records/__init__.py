"""Records: the one place that knows what a professional and a situation are, and what the register was on a day."""

from rpps_audit.records.activity import active_sql
from rpps_audit.records.keyed import PERSON_COLUMNS, ensure_keys
from rpps_audit.records.keys import (
    AMBIGUOUS,
    UNKNOWN_PLACE,
    UNNUMBERED,
    RecordKey,
    moved,
    person_of,
    person_sql,
    place_of,
    place_sql,
    situation_sql,
)
from rpps_audit.records.operators import operators
from rpps_audit.records.state import (
    REFERENCE_KINDS,
    REGISTRATION_KINDS,
    State,
    state_around,
    state_at,
    state_days,
    state_of,
)
from rpps_audit.records.views import (
    KEYED_ROWS,
    LINE_OF_ROW,
    ROW_ID,
    SNAPSHOT_OF_ROW,
    TABLES,
    make_comparisons,
    make_views,
    open_state,
    row_keys,
    view_name,
)

__all__ = [
    "AMBIGUOUS",
    "KEYED_ROWS",
    "LINE_OF_ROW",
    "PERSON_COLUMNS",
    "REFERENCE_KINDS",
    "REGISTRATION_KINDS",
    "ROW_ID",
    "SNAPSHOT_OF_ROW",
    "TABLES",
    "UNKNOWN_PLACE",
    "UNNUMBERED",
    "RecordKey",
    "State",
    "active_sql",
    "ensure_keys",
    "make_comparisons",
    "make_views",
    "moved",
    "open_state",
    "operators",
    "person_of",
    "person_sql",
    "place_of",
    "place_sql",
    "row_keys",
    "situation_sql",
    "state_around",
    "state_at",
    "state_days",
    "state_of",
    "view_name",
]
