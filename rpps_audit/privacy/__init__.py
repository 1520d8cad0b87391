"""What protects the people registered: labels that stand for their numbers."""

from rpps_audit.privacy.pseudonyms import KEY_FILE, Pseudonyms, hidden, open_pseudonyms

__all__ = ["KEY_FILE", "Pseudonyms", "hidden", "open_pseudonyms"]
