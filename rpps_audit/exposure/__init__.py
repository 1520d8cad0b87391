"""Who can open which documents, where, since when, and what forgotten situations add to it."""

from rpps_audit.exposure.exposure import Exposure, compute_exposure
from rpps_audit.exposure.whatif import Difference, what_if

__all__ = ["Difference", "Exposure", "compute_exposure", "what_if"]
