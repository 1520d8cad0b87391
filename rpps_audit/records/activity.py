"""When a situation is active: the one definition, for rules, exposure, the dossier and the screens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date


def active_sql(as_of: date | str, later: Sequence[int] = (), prefix: str = "") -> str:
    """SQL: whether a situation is active on `as_of` (a day, or an SQL expression of one).

    Begun, and not ended. What the portal says (« situation ouverte ») wins over the end date on the day of the data: a
    situation shown open past its end still opens documents. On a day before the file's, a situation closed since was
    active until its end: `later` are the snapshots whose data are later than `as_of`.
    """
    day = f"DATE '{as_of}'" if isinstance(as_of, date) else as_of
    is_open, start, end = (f"{prefix}{name}" for name in ("is_open", "start_date", "end_date"))
    since_closed = ""
    if later:
        chosen = ", ".join(map(str, later))
        since_closed = f" OR (NOT {is_open} AND {end} >= {day} AND {prefix}snapshot_id IN ({chosen}))"
    return (
        f"((coalesce({is_open}, {end} IS NULL OR {end} >= {day}){since_closed}) "
        f"AND ({start} IS NULL OR {start} <= {day}))"
    )
