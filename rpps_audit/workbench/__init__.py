"""The workbench: screens for people who do not program, and the launcher of JupyterLab."""

from rpps_audit.store import keep_private
from rpps_audit.workbench.pages import page
from rpps_audit.workbench.screens.dpo import Dpo
from rpps_audit.workbench.screens.home import Home
from rpps_audit.workbench.screens.manager import Manager
from rpps_audit.workbench.screens.reviewer import Reviewer

# A kernel writes files on behalf of screens: pages, logs, drops, exports. None is for others.
keep_private()

__all__ = ["Dpo", "Home", "Manager", "Reviewer", "page"]
