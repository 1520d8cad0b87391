"""For nbval: the notebooks run on the sample data, audited once in a folder that goes away."""

import os
import shutil
import tempfile
from pathlib import Path

from rpps_audit.audit import audit
from rpps_audit.workspace import open_workspace

_SAMPLE = Path(__file__).parents[1] / "sample_data"
_folder = Path(tempfile.gettempdir())


def pytest_sessionstart() -> None:
    """Audit the sample; kernels inherit where it is."""
    global _folder
    _folder = Path(tempfile.mkdtemp(prefix="rpps-audit-notebooks-"))
    audit(open_workspace(_folder), sorted(_SAMPLE.glob("*rpps*.csv")) + sorted(_SAMPLE.glob("personnel*.csv")))
    os.environ["RPPS_AUDIT_WORKSPACE"] = str(_folder)


def pytest_sessionfinish() -> None:
    """Leave nothing behind; what failed inside a screen is a failure here too."""
    log = _folder / "atelier.log"
    faults = log.read_text("utf-8") if log.exists() else ""
    shutil.rmtree(_folder)
    assert not faults, faults
