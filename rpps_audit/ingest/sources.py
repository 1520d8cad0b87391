"""Where bytes come from: a file, or one member of a zip archive; folders are opened."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path, PurePosixPath
from typing import IO

from rpps_audit.errors import UnreadableInputError

WORKBOOK = "xl/workbook.xml"
INSEE = "v_commune_depuis_1943.csv"
_DATA = {".csv", ".txt", ".zip", ".xlsx", ".json", ".ndjson"}
_DATED = re.compile(r"(?<!\d)((?:19|20)\d\d)[-_]?(\d\d)[-_]?(\d\d)(?:[-_T]?\d{4}(?:\d\d)?)?(?!\d)")


@dataclass(frozen=True)
class Source:
    """One readable thing. `found` is True when it was met in a folder or an archive, not named by the user."""

    path: Path
    member: str = ""
    found: bool = False

    @property
    def name(self) -> str:
        """As said to the user."""
        return f"{self.path.name}/{self.member}" if self.member else self.path.name

    @property
    def file_name(self) -> str:
        """The name of the file or of the member alone."""
        return PurePosixPath(self.member).name if self.member else self.path.name

    @property
    def size(self) -> int:
        """Bytes once decompressed."""
        if not self.member:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.member).file_size

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The bytes. Raises UnreadableInputError where the archive is damaged or the disk refuses."""
        try:
            if not self.member:
                with self.path.open("rb") as stream:
                    yield stream
            else:
                with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as member:
                    yield member
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
            raise UnreadableInputError(damaged_archive(self.path.name)) from error
        except OSError as error:
            raise UnreadableInputError(
                f"{self.name} : lecture impossible ({error.strerror or 'erreur disque'})."
            ) from error

    def head(self, size: int) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            return stream.read(size)

    def data_date(self) -> date | None:
        """The date written in the name of the member, else of the file: AAAAMMJJ, AAAAMMJJhhmm or AAAA-MM-JJ."""
        return date_in(self.file_name) or date_in(self.path.name)

    def series(self, kind: str) -> str:
        """What two deliveries of the same export have in common: kind and name without its date."""
        stem = _DATED.sub("", PurePosixPath(self.file_name.lower()).stem)
        return f"{kind}:{re.sub(r'[-_ .]+', '-', stem).strip('-')}"


def expand(paths: Sequence[Path]) -> list[Source]:
    """The sources under `paths`: files as they are, folders and archives opened (not their subfolders, nor archives
    inside archives: what somebody set aside stays aside).

    Raises UnreadableInputError when an archive is damaged, protected or holds no file.
    """
    sources = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.suffix.lower() in _DATA and _shown(file, path))
            sources += [Source(one.path, one.member, found=True) for file in inside for one in _open(file)]
        else:
            sources += _open(path)
    return sources


def date_in(name: str) -> date | None:
    """The last date written in a name, None when there is none."""
    found = None
    for year, month, day in _DATED.findall(name):
        try:
            found = date(int(year), int(month), int(day))
        except ValueError:
            continue
    return found


def damaged_archive(name: str) -> str:
    """The sentence for an archive that cannot be read to its end."""
    return (
        f"{name} : archive zip endommagée, incomplète ou protégée par un mot de passe. "
        "Téléchargez-la de nouveau, ou décompressez-la vous-même puis donnez le fichier."
    )


def _shown(file: Path, folder: Path) -> bool:
    return file.is_file() and not any(part.startswith((".", "~$")) for part in file.relative_to(folder).parts)


def _open(path: Path) -> list[Source]:
    """The file itself, or the members of an ordinary zip (a workbook and INSEE's zip are read as one thing)."""
    if not path.exists():
        raise UnreadableInputError(f"{path} : fichier introuvable.")
    if Source(path).head(4) != b"PK\x03\x04":
        return [Source(path)]
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise UnreadableInputError(damaged_archive(path.name)) from error
    names = {PurePosixPath(info.filename).name for info in infos} | {info.filename for info in infos}
    if "[Content_Types].xml" in names or INSEE in names:
        return [Source(path)]
    if any(info.flag_bits & 1 for info in infos):
        raise UnreadableInputError(damaged_archive(path.name))
    members = [info.filename for info in infos if not re.search(r"(^|/)(\.|__MACOSX)", info.filename)]
    if not members:
        raise UnreadableInputError(f"{path.name} : archive vide.")
    return [Source(path, member, found=len(members) > 1) for member in members]
