"""The workbench: screens for people who do not program, and the launcher of JupyterLab."""

from rpps_audit.store import keep_private
from rpps_audit.workbench.dpo import Dpo
from rpps_audit.workbench.home import Home
from rpps_audit.workbench.manager import Manager
from rpps_audit.workbench.reviewer import Reviewer

# A kernel writes files on behalf of screens: notebooks, logs, drops, exports. None is for others.
keep_private()

__all__ = ["Dpo", "Home", "Manager", "Reviewer"]
