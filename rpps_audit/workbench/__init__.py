"""The workbench: screens for people who do not program, and the launcher of JupyterLab."""

from rpps_audit.workbench.home import Home

__all__ = ["Home"]
