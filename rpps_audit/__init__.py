"""Audit and correction workbench for RPPS+ registrations."""

__version__ = "0.1.0"
