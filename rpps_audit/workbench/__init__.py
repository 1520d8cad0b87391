"""The workbench: screens for people who do not program, and the launcher of JupyterLab."""

from rpps_audit.workbench.pages import page
from rpps_audit.workbench.screens.dpo import Dpo
from rpps_audit.workbench.screens.home import Home
from rpps_audit.workbench.screens.manager import Manager
from rpps_audit.workbench.screens.reviewer import Reviewer

__all__ = ["Dpo", "Home", "Manager", "Reviewer", "page"]
