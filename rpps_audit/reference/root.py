"""Where the data of the rules lives."""

from functools import cache
from importlib.resources import files
from pathlib import Path

from rpps_audit.errors import UsageError


@cache
def rules_root() -> Path:
    """The folder of the rules: inside the installed package, or beside it in a checkout.

    Raises `UsageError` when neither is there: the installation is incomplete.
    """
    package = Path(str(files("rpps_audit")))
    for root in (package / "rules", package.parent / "rules"):
        if root.is_dir():
            return root
    raise UsageError(
        "Dossier « rules » introuvable : l’installation de rpps-audit est incomplète. Réinstallez le paquet."
    )
