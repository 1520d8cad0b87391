"""Who of ours is registered: the HR roster, the directory and the follow-up brought together, with reasons.

    roster ─┐
            ├─ people and their names ─ pairs by level ─ decisions kept ─▶ outcomes
    registered ─┘

Frames in, frames out: `bring_together` knows no store; `sources` reads a store's latest files into its two frames.
"""

from rpps_audit.matching.decisions import Decision, decide, kept_decisions
from rpps_audit.matching.outcomes import OUTCOMES, Reconciliation, bring_together
from rpps_audit.matching.pairs import LEVELS, pairs
from rpps_audit.matching.signs import signs_of_life
from rpps_audit.matching.sources import reconcile, side_by_side

__all__ = [
    "LEVELS",
    "OUTCOMES",
    "Decision",
    "Reconciliation",
    "bring_together",
    "decide",
    "kept_decisions",
    "pairs",
    "reconcile",
    "side_by_side",
    "signs_of_life",
]
