"""For nbval: the notebooks run on the sample data, checked once in a folder that goes away."""

import os
import shutil
import tempfile
from pathlib import Path

from rpps_audit.audit import check_snapshots
from rpps_audit.ingest import load
from rpps_audit.workspace import open_workspace

_SAMPLE = Path(__file__).parents[1] / "sample_data"


def pytest_sessionstart() -> None:
    """Check the sample; kernels inherit where it is."""
    workspace = open_workspace(Path(tempfile.mkdtemp(prefix="rpps-audit-notebooks-")))
    os.environ["RPPS_AUDIT_WORKSPACE"] = str(workspace.path)
    with workspace.store() as store:
        load(store, [*_SAMPLE.glob("suivi*.csv"), *_SAMPLE.glob("personnel*.csv")])
        check_snapshots(store, workspace.catalogue())


def pytest_sessionfinish() -> None:
    """Leave nothing behind; what failed inside a screen is a failure here too."""
    folder = Path(os.environ["RPPS_AUDIT_WORKSPACE"])
    log = folder / "atelier.log"
    faults = log.read_text("utf-8") if log.exists() else ""
    shutil.rmtree(folder)
    assert not faults, faults
