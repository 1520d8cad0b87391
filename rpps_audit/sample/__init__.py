"""Synthetic exports of every kind, with the truth of every planted defect.

    population ─ clean lines by batch ─▶ plants ─ one edition for each file ─▶ files + truth

Nothing here calls the checks: the truth is what their authors promised, written a second time.
"""

from rpps_audit.sample.write import KINDS, Sample, write_sample

__all__ = ["KINDS", "Sample", "write_sample"]
