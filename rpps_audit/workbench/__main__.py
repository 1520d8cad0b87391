"""python -m rpps_audit.workbench FOLDER: write the notebook of every screen there."""

import sys
from pathlib import Path

from rpps_audit.workbench.pages import write_notebooks

write_notebooks(Path(sys.argv[1]))
