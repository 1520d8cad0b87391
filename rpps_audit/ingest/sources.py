"""Where bytes come from: a file (gzip opened), or one member of a zip archive; folders are opened."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING

from rpps_audit.errors import UnreadableInputError, system_said
from rpps_audit.ingest.limits import MEGA, RATIO_FROM, Limits, beyond, default_limits
from rpps_audit.ingest.naming import Named, date_in, series_of

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

WORKBOOK = "xl/workbook.xml"
INSEE = "v_commune_depuis_1943.csv"
_DATA = {".csv", ".txt", ".tsv", ".zip", ".gz", ".xlsx", ".xlsm", ".xls", ".ods", ".json", ".ndjson"}
_ZIP, _GZIP = b"PK\x03\x04", b"\x1f\x8b"
_DAMAGE = (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, RuntimeError, NotImplementedError)


@dataclass(frozen=True)
class Source:
    """One readable thing. `found` is True when it was met in a folder or an archive, not named by the user.

    `packed` says that the file is a gzip, whose content is what is read. `dated` is the day the content itself says.
    """

    path: Path
    member: str = ""
    found: bool = False
    packed: bool = False
    dated: date | None = None
    limits: Limits = field(default_factory=default_limits)
    stamp: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """As said to the user."""
        return f"{_shown_name(self.path)}/{self.member}" if self.member else _shown_name(self.path)

    @property
    def file_name(self) -> str:
        """The name of the file or of the member alone."""
        return PurePosixPath(self.member).name if self.member else self.path.name

    @property
    def size(self) -> int:
        """Bytes once decompressed; what a gzip says of itself, which is right below 4 GB."""
        if self.packed:
            with self.path.open("rb") as stream:
                stream.seek(-4, os.SEEK_END)
                return int.from_bytes(stream.read(4), "little")
        if not self.member:
            return self.path.stat().st_size
        with zipfile.ZipFile(self.path) as archive:
            return archive.getinfo(self.member).file_size

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """The bytes.

        Raises UnreadableInputError where the archive is damaged, inflates beyond the limits, the disk refuses, or the
        file changed since it was first looked at.
        """
        try:
            with self._opened() as stream:
                yield stream
            self._unchanged()
        except _DAMAGE as error:
            raise UnreadableInputError(damaged_archive(self.name, "gzip" if self.packed else "zip")) from error
        except OSError as error:
            raise UnreadableInputError(f"{self.name} : lecture impossible ({system_said(error)}).") from error

    def head(self, size: int) -> bytes:
        """The first bytes."""
        with self.open() as stream:
            return stream.read(size)

    def named(self) -> Named | None:
        """The date written in the name of the member, else of the file; `whole` is False for a month alone.

        Raises UnreadableInputError for a date to come: data cannot describe a day that has not been.
        """
        found = date_in(self.file_name) or date_in(self.path.name)
        if found and found.day > date.today():
            raise UnreadableInputError(in_future(self.name, found.day, "écrite dans son nom"))
        return found

    def data_date(self) -> date | None:
        """The day the content says it describes, else the one written in the name."""
        if self.dated and self.dated > date.today():
            raise UnreadableInputError(in_future(self.name, self.dated, "écrite dans son contenu"))
        named = self.named() if not self.dated else None
        return self.dated or (named.day if named else None)

    def series(self, kind: str) -> str:
        """What two deliveries of the same export have in common: kind and name without dates, copies and versions."""
        return series_of(kind, self.file_name)

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        if self.packed:
            with self.path.open("rb") as raw, gzip.GzipFile(fileobj=raw) as inflated:
                yield io.BufferedReader(_Bounded(inflated, self.path.stat().st_size, self))
        elif self.member:
            with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as inflated:
                yield io.BufferedReader(_Bounded(inflated, archive.getinfo(self.member).compress_size, self))
        else:
            with self.path.open("rb") as stream:
                yield stream

    def _unchanged(self) -> None:
        if self.stamp and _stamp(self.path.stat()) != self.stamp:
            raise UnreadableInputError(
                f"{self.name} : le fichier a changé pendant sa lecture (un export ou une copie en cours). "
                "Attendez qu'il soit complet, puis recommencez."
            )


def expand(paths: Sequence[Path], limits: Limits | None = None) -> list[Source]:
    """The sources under `paths`: files as they are, folders and archives opened (not their subfolders, nor archives
    inside archives: what somebody set aside stays aside).

    Raises UnreadableInputError when a path is no ordinary file, or an archive is damaged, protected, empty or beyond
    the limits.
    """
    bounds = limits or default_limits()
    sources = []
    for path in paths:
        if path.is_dir():
            inside = sorted(file for file in path.iterdir() if file.suffix.lower() in _DATA and _shown(file, path))
            sources += [_found(one) for file in inside for one in _open(file, bounds)]
        else:
            sources += _open(path, bounds)
    return sources


def damaged_archive(name: str, kind: str = "zip") -> str:
    """The sentence for an archive that cannot be read to its end."""
    return (
        f"{name} : archive {kind} endommagée, incomplète ou protégée par un mot de passe. "
        "Téléchargez-la de nouveau, ou décompressez-la vous-même puis donnez le fichier."
    )


def in_future(name: str, day: date, where: str) -> str:
    """The sentence for a date of the data after today."""
    return (
        f"{name} : la date {where} ({day:%d/%m/%Y}) est dans l'avenir ; des données ne décrivent pas un jour à venir. "
        "Corrigez cette date (ou l'horloge de l'ordinateur), puis recommencez."
    )


# ------------------------------------------------------------------------------------------------------- what is opened


def _shown(file: Path, folder: Path) -> bool:
    return file.is_file() and not any(part.startswith((".", "~$")) for part in file.relative_to(folder).parts)


def _found(source: Source) -> Source:
    return Source(source.path, source.member, True, source.packed, limits=source.limits, stamp=source.stamp)


def _open(path: Path, limits: Limits) -> list[Source]:
    """The file itself, or the members of an ordinary zip (a workbook and INSEE's zip are read as one thing)."""
    state = _ordinary(path)
    whole = Source(path, limits=limits, stamp=_stamp(state))
    _small_enough(whole.name, state.st_size, limits)
    magic = whole.head(4)
    if magic.startswith(_GZIP):
        packed = Source(path, packed=True, limits=limits, stamp=whole.stamp)
        _small_enough(packed.name, packed.size, limits)
        return [packed]
    if magic != _ZIP:
        return [whole]
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
    except (zipfile.BadZipFile, EOFError, ValueError) as error:
        raise UnreadableInputError(damaged_archive(path.name)) from error
    return _members(whole, infos)


def _members(whole: Source, infos: list[zipfile.ZipInfo]) -> list[Source]:
    limits = whole.limits
    if len(infos) > limits.fichiers_par_archive:
        count = f"archive de {len(infos)} fichiers"
        todo = "Décompressez-la et donnez seulement les fichiers utiles."
        raise UnreadableInputError(
            beyond(whole.name, count, str(limits.fichiers_par_archive), "fichiers_par_archive", todo)
        )
    for info in infos:
        _small_enough(f"{whole.name}/{info.filename}", info.file_size, limits)
        _not_a_bomb(f"{whole.name}/{info.filename}", info.file_size, info.compress_size, limits)
    _small_enough(whole.name, sum(info.file_size for info in infos), limits)
    names = {PurePosixPath(info.filename).name for info in infos} | {info.filename for info in infos}
    if "[Content_Types].xml" in names or "META-INF/manifest.xml" in names or INSEE in names:
        return [whole]
    if any(info.flag_bits & 1 for info in infos):
        raise UnreadableInputError(damaged_archive(whole.path.name))
    members = [info.filename for info in infos if not re.search(r"(^|/)(\.|__MACOSX)", info.filename)]
    if not members:
        raise UnreadableInputError(f"{whole.name} : archive vide.")
    several = len(members) > 1
    return [Source(whole.path, member, several, limits=limits, stamp=whole.stamp) for member in members]


def _ordinary(path: Path) -> os.stat_result:
    """The state of a file that can be read twice and whose name can be written; else the refusal."""
    name = _shown_name(path)
    try:
        str(path).encode("utf-8")
    except UnicodeEncodeError as error:
        raise UnreadableInputError(
            f"{name} : le nom du fichier n'est pas écrit en UTF-8 (il vient d'un ancien système). Renommez-le."
        ) from error
    try:
        state = path.stat()
    except OSError as error:
        raise UnreadableInputError(f"{path} : fichier introuvable.") from error
    if not stat.S_ISREG(state.st_mode):
        raise UnreadableInputError(
            f"{name} : ce n'est pas un fichier ordinaire (un tube, un périphérique…). Donnez un fichier enregistré."
        )
    return state


def _stamp(state: os.stat_result) -> tuple[int, int]:
    return state.st_size, state.st_mtime_ns


def _shown_name(path: Path) -> str:
    return path.name.encode("utf-8", "replace").decode("utf-8")


# ------------------------------------------------------------------------------------------------------------- bounds


def _small_enough(name: str, size: int, limits: Limits) -> None:
    if size > limits.taille_mo * MEGA:
        raise UnreadableInputError(beyond(name, f"{size // MEGA} Mo à lire", f"{limits.taille_mo} Mo", "taille_mo"))


def _not_a_bomb(name: str, size: int, compressed: int, limits: Limits) -> None:
    if size > RATIO_FROM and size > limits.rapport * max(compressed, 1):
        raise UnreadableInputError(
            beyond(
                name,
                f"décompressé, il est {size // max(compressed, 1)} fois plus grand que l'archive",
                f"{limits.rapport} fois",
                "rapport",
            )
        )


class _Bounded(io.RawIOBase):
    """A stream refused as soon as it inflates beyond the limits, whatever the archive says of itself."""

    def __init__(self, inflated: IO[bytes] | gzip.GzipFile, compressed: int, source: Source) -> None:
        self._inflated, self._compressed, self._source = inflated, compressed, source
        self._done = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer)
        chunk = self._inflated.read(len(view))
        view[: len(chunk)] = chunk
        self._done += len(chunk)
        _small_enough(self._source.name, self._done, self._source.limits)
        _not_a_bomb(self._source.name, self._done, self._compressed, self._source.limits)
        return len(chunk)
