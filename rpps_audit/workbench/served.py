"""What JupyterLab's server gives and takes: the notebooks, the reports, the lots. Nothing else of a workspace.

Loaded by the server's configuration (launcher.py): no store, journal, key, original, list of managers or setting can be
read, written or downloaded through its file routes, whatever their names.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado.web import HTTPError

# Folders of a workspace that screens link to; a hidden name inside them is refused by Jupyter itself.
SERVED = ("atelier", "reports", "lots", "demandes")


def is_served(path: str) -> bool:
    """The workspace's root (listed, filtered), or something inside a served folder."""
    parts = PurePosixPath(path.strip("/")).parts
    return not parts or (parts[0] in SERVED and ".." not in parts and not any(part.startswith(".") for part in parts))


class ServedContents(AsyncLargeFileManager):
    """The files of a workspace that a browser may have."""

    def _get_os_path(self, path: str) -> str:
        if not is_served(path):
            raise HTTPError(404, "not served")
        return str(super()._get_os_path(path))  # type: ignore[no-untyped-call]

    async def get(
        self, path: Any, content: Any = True, type: Any = None, format: Any = None, require_hash: Any = False
    ) -> Any:
        """A model as Jupyter makes it; the root lists the served folders only."""
        at_root = not path.strip("/")
        model = await super().get(path, content and not at_root, type, format, require_hash)  # type: ignore[no-untyped-call]
        if content and at_root:
            folders = [name for name in SERVED if Path(self.root_dir, name).is_dir()]
            listed = [await super(ServedContents, self).get(name, False) for name in folders]  # type: ignore[no-untyped-call]
            model |= {"content": listed, "format": "json"}
        return model

    async def is_hidden(self, path: str) -> bool:
        """Whether a route must act as if it were not there."""
        return not is_served(path) or bool(await super().is_hidden(path))  # type: ignore[no-untyped-call]
