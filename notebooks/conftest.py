"""For nbval: the notebooks run on the sample data, checked once in a folder that goes away."""

import os
import shutil
import tempfile
from pathlib import Path

import rpps_audit as ra

_SAMPLE = Path(__file__).parents[1] / "sample_data"


def pytest_sessionstart() -> None:
    """Check the sample; kernels inherit where it is."""
    workspace = ra.open(tempfile.mkdtemp(prefix="rpps-audit-notebooks-"))
    os.environ["RPPS_AUDIT_WORKSPACE"] = str(workspace.path)
    workspace.load(*_SAMPLE.glob("suivi*.csv"), *_SAMPLE.glob("personnel*.csv"))
    workspace.check()


def pytest_sessionfinish() -> None:
    """Leave nothing behind; what failed inside a screen is a failure here too."""
    folder = Path(os.environ["RPPS_AUDIT_WORKSPACE"])
    log = folder / "atelier.log"
    faults = log.read_text("utf-8") if log.exists() else ""
    shutil.rmtree(folder)
    assert not faults, faults
