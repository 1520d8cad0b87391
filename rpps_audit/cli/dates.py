"""Dates as people type them on the command line."""

from __future__ import annotations

import argparse
from datetime import date, datetime

_FORMS = ("%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y")


def day(text: str) -> date:
    """A day written JJ/MM/AAAA or AAAA-MM-JJ. Raises ArgumentTypeError in French for anything else."""
    for form in _FORMS:
        try:
            return datetime.strptime(text.strip(), form).date()
        except ValueError:
            continue
    raise argparse.ArgumentTypeError(f"« {text} » n'est pas une date (JJ/MM/AAAA ou AAAA-MM-JJ)")
