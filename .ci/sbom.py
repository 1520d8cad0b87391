"""What the product is made of: a CycloneDX bill of materials and the list of licences, from the committed lock file.

Run from the checkout by `make sbom`, in the environment that the lock made: licences are read from what is installed.
The same lock gives the same bytes.
"""

from __future__ import annotations

import json
import re
import uuid
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK, BOM, LICENCES = ROOT / "requirements.lock", ROOT / "sbom.cdx.json", ROOT / "docs" / "licences.md"
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
UNKNOWN = "non déclarée"
_MIT = {"license": {"id": "MIT"}}
_HEAD = """# Licences

rpps-audit : MIT ([LICENSE](../LICENSE)). Ce dont il est fait, d'après `requirements.lock` (`make sbom`) :

| bibliothèque | version | licence déclarée |
|---|---|---|"""


def pinned() -> list[tuple[str, str]]:
    """Every (name, version) of the lock, in order."""
    found = (_PINNED.match(line) for line in LOCK.read_text("utf-8").splitlines())
    return sorted((match[1], match[2]) for match in found if match)


def licence(name: str) -> str:
    """As the package declares it: an SPDX expression, its classifiers, or the first line of its licence."""
    try:
        declared = metadata(name)
    except PackageNotFoundError:
        return f"{UNKNOWN} (non installée ici)"
    classifiers = [
        one.rpartition(" :: ")[2] for one in declared.get_all("Classifier") or [] if one.startswith("License")
    ]
    first = (declared.get("License") or "").strip().partition("\n")[0]
    return declared.get("License-Expression") or ", ".join(classifiers) or first[:80] or UNKNOWN


def main() -> None:
    """Write both files."""
    packages = [(name, version, licence(name)) for name, version in pinned()]
    components = [
        {
            "type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name.lower()}@{version}",
            "bom-ref": f"pkg:pypi/{name.lower()}@{version}", "licenses": [{"license": {"name": said}}],
        }
        for name, version, said in packages
    ]  # fmt: skip
    bom = {
        "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, LOCK.read_text('utf-8'))}",
        "metadata": {"component": {"type": "application", "name": "rpps-audit", "licenses": [_MIT]}},
        "components": components,
    }  # fmt: skip
    BOM.write_text(json.dumps(bom, ensure_ascii=False, indent=1) + "\n", "utf-8")
    rows = [f"| {name} | {version} | {said} |" for name, version, said in packages]
    LICENCES.write_text("\n".join([_HEAD, *rows, ""]), "utf-8")


if __name__ == "__main__":
    main()
