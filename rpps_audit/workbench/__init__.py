"""The workbench: screens for people who do not program, and the launcher of JupyterLab."""

from rpps_audit.workbench.dpo import Dpo
from rpps_audit.workbench.home import Home
from rpps_audit.workbench.manager import Manager
from rpps_audit.workbench.reviewer import Reviewer

__all__ = ["Dpo", "Home", "Manager", "Reviewer"]
