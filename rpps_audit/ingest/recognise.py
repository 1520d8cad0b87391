"""What a file is, told from its content (its header, in any column order), never from its name."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.layouts import Layout, header_key, layouts
from rpps_audit.ingest.sources import INSEE, WORKBOOK, Source, damaged_archive, expand

HEAD = 1 << 20
BOM = b"\xef\xbb\xbf"
_DELIMITERS = ("|", ";", ",", "\t")
_ZIP = b"PK\x03\x04"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_FOREIGN = {
    b"%PDF": "un document PDF",
    b"\x89PNG": "une image PNG",
    b"\xff\xd8\xff": "une image JPEG",
    b"GIF8": "une image GIF",
    b"\xd0\xcf\x11\xe0": "un ancien document Office (.xls, .doc) : enregistrez-le en .xlsx ou en CSV",
    b"\x1f\x8b": "une archive gzip : décompressez-la",
    b"7z\xbc\xaf": "une archive 7z : décompressez-la",
    b"Rar!": "une archive RAR : décompressez-la",
    b"PAR1": "un fichier Parquet",
    _ZIP: "une archive zip dans une archive, ou un document qui n'est pas un classeur Excel",
}
_ENOUGH = 5


@dataclass(frozen=True)
class Recognition:
    """What a file is. `layout` is None when nothing fits: `problem` then says why, in French.

    `header` is the file's own; `positions` gives, for each column of the layout, its place in the file or None;
    `missing` are the layout's columns the file lacks, `extra` the file's columns that are left aside.
    `nearest` is the layout that resembles most; `sheet` the sheet of a workbook. `beside`: read with another file.
    """

    source: Source
    layout: Layout | None = None
    encoding: str = ""
    delimiter: str = ""
    quote: str = ""
    header: tuple[str, ...] = ()
    positions: tuple[int | None, ...] = ()
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    nearest: Layout | None = None
    sheet: str = ""
    problem: str = ""
    beside: bool = False

    def sentence(self) -> str:
        """One sentence for the user."""
        if self.layout is None:
            return f"{self.source.name} : {self.problem}"
        form = f", séparateur « {self.delimiter} », {self.encoding.upper()}" if self.delimiter else ""
        return f"{self.source.name} : {self.layout.title} ({self.layout.id}{form})"

    def error(self) -> UnreadableInputError:
        """The refusal of a file that is of no known layout."""
        return UnreadableInputError(self.sentence())


def recognise(path: Path, workspace: Path | None = None) -> Recognition:
    """Say what a file (or the first known member of an archive) is, without reading it whole nor storing anything.

    Raises UnreadableInputError when it cannot be opened at all; an unknown content is an answer, not an error.
    """
    answers = [recognise_source(source, layouts(workspace)) for source in expand([path])]
    return next((answer for answer in answers if answer.layout), answers[0])


def recognise_source(source: Source, known: Sequence[Layout]) -> Recognition:
    """The same for one source, among `known` layouts."""
    head = source.head(HEAD)
    if not head.removeprefix(BOM).strip():
        return Recognition(source, problem="le fichier est vide. Exportez-le de nouveau.")
    if head.startswith(_ZIP):
        return _archive(source, known)
    seems = next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), None)
    if seems:
        return Recognition(source, problem=f"c'est {seems}, pas une extraction. {_expected()}")
    if head.lstrip(BOM + b" \r\n\t").startswith(b"{"):
        return _json(source, head, known)
    return _text(source, head, [one for one in known if one.is_text])


def fit(source: Source, header: Sequence[str], known: Sequence[Layout], **form: Any) -> Recognition:
    """The layout that this header fits best: all its required columns are there, and most of the others."""
    answers = [_compare(source, header, one, form) for one in known]
    fitting = [answer for answer in answers if answer.layout]
    if fitting:
        return max(fitting, key=_fitness)
    return max(answers, key=_likeness)


def _compare(source: Source, header: Sequence[str], one: Layout, form: dict[str, Any]) -> Recognition:
    places = {key: place for place, key in reversed(list(enumerate(map(header_key, header)))) if key}
    positions = tuple(next((places[key] for key in column.keys if key in places), None) for column in one.columns)
    found = list(zip(one.columns, positions, strict=True))
    missing = [column.header for column, place in found if column.required and place is None]
    used = set(positions)
    extra = tuple(name for place, name in enumerate(header) if name.strip() and place not in used)
    answer = Recognition(source, header=tuple(header), positions=positions, extra=extra, nearest=one, **form)
    if missing:
        return replace(answer, missing=tuple(missing), problem=_unknown(answer, one, missing))
    absent = tuple(column.header for column, place in found if place is None)
    quote = one.quote if form.get("delimiter") in (one.delimiter, None) else '"'
    return replace(answer, layout=one, missing=absent, quote=quote)


def _fitness(answer: Recognition) -> tuple[bool, int]:
    """A form kept by the workspace first, then the layout with most of its columns."""
    return bool(answer.layout and answer.layout.mapped), sum(place is not None for place in answer.positions)


def _likeness(answer: Recognition) -> float:
    return sum(place is not None for place in answer.positions) / len(answer.positions)


# ------------------------------------------------------------------------------------------------- kinds of content


def _text(source: Source, head: bytes, known: Sequence[Layout]) -> Recognition:
    if head.startswith(_UTF16):
        return Recognition(source, problem="texte en UTF-16. Enregistrez-le en « CSV UTF-8 ».")
    first, newline, _ = head.removeprefix(BOM).partition(b"\n")
    if b"\0" in first:
        return Recognition(source, problem=f"contenu binaire, pas une extraction. {_expected()}")
    if not newline and len(head) == HEAD:
        return Recognition(
            source, problem=f"la première ligne dépasse 1 Mo : ce n'est pas une extraction. {_expected()}"
        )
    encoding, line = _decode(first.rstrip(b"\r"))
    for one in known:
        if one.first_line and line.startswith(one.first_line):
            places = tuple(range(len(one.columns)))
            names = tuple(column.header for column in one.columns)
            return Recognition(source, one, encoding, one.delimiter, one.quote, names, places)
    with_header = [one for one in known if not one.first_line]
    answers = []
    for delimiter in _DELIMITERS:
        cells = _split(line, delimiter)
        if len(cells) > 1:
            answers.append(fit(source, cells, with_header, encoding=encoding, delimiter=delimiter))
    if not answers:
        return Recognition(source, problem=f"la première ligne n'a pas de colonnes séparées. {_expected()}")
    return next((answer for answer in answers if answer.layout), max(answers, key=_likeness))


def _decode(line: bytes) -> tuple[str, str]:
    try:
        return "utf-8", line.decode("utf-8")
    except UnicodeDecodeError:
        return "iso-8859-1", line.decode("cp1252", "replace")


def _split(line: str, delimiter: str) -> list[str]:
    if '"' not in line:
        return line.split(delimiter)
    try:
        return next(csv.reader([line], delimiter=delimiter))
    except csv.Error:
        return line.split(delimiter)


def _json(source: Source, head: bytes, known: Sequence[Layout]) -> Recognition:
    from rpps_audit.ingest.fhir import fhir_layout, goes_with

    fhir = fhir_layout(head)
    with_file = goes_with(source.path, head) if fhir and not source.member else None
    if with_file:
        said = f"complète les situations de {with_file}, avec lequel il est lu."
        return Recognition(source, problem=said, beside=True)
    for one in known:
        if fhir == one.id:
            return Recognition(source, one, "utf-8", positions=tuple(range(len(one.columns))))
        if one.json and one.json != "fhir" and re.search(rb'"(pmej|gcc|gco)"\s*:\s*\[', head):
            return Recognition(source, one, "utf-8", positions=tuple(range(len(one.columns))))
    return Recognition(source, problem=f"JSON d'une forme inconnue (il manque la liste « pmej »). {_expected()}")


def _archive(source: Source, known: Sequence[Layout]) -> Recognition:
    """A workbook, INSEE's zip, or something else."""
    if source.member:
        return Recognition(source, problem=f"c'est {_FOREIGN[_ZIP]}. {_expected()}")
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        return Recognition(source, problem=damaged_archive(source.path.name))
    if INSEE in {PurePosixPath(name).name for name in names}:
        one = next(one for one in known if one.archive)
        return Recognition(source, one, "utf-8", positions=tuple(range(len(one.columns))))
    if WORKBOOK not in names:
        what = "un document Word" if "word/document.xml" in names else "un document qui n'est pas un classeur Excel"
        return Recognition(source, problem=f"c'est {what}, pas une extraction. {_expected()}")
    from rpps_audit.ingest.workbook import headers

    answers = [
        fit(source, header, [one for one in known if one.is_text and not one.first_line], sheet=sheet, encoding="utf-8")
        for sheet, header in headers(source)
        if header
    ]
    if not answers:
        return Recognition(source, problem="le classeur n'a aucune feuille avec des intitulés sur sa première ligne.")
    return next((answer for answer in answers if answer.layout), max(answers, key=_likeness))


# ---------------------------------------------------------------------------------------------------------- sentences


def _unknown(answer: Recognition, nearest: Layout, missing: Sequence[str]) -> str:
    found = _names(answer.header)
    if _likeness(answer) == 0:
        return f"aucun intitulé connu sur la première ligne ({len(answer.header)} colonnes lues). {_expected()}"
    return (
        f"format non reconnu. Colonnes lues : {found}. Format le plus proche : {nearest.title} ({nearest.id}) ; "
        f"il manque {_names(missing)}. Exportez de nouveau le fichier avec ces colonnes, ou corrigez ses intitulés"
        + (" (ou décrivez-les dans rh.toml)." if nearest.id == "rh" else ".")
    )


def _names(names: Sequence[str]) -> str:
    """A few headers, cut: a header line may be anything, even personal data."""
    shown = ", ".join(f"« {name[:60]} »" for name in names[:_ENOUGH])
    return shown + (f" et {len(names) - _ENOUGH} autres" if len(names) > _ENOUGH else "")


def _expected() -> str:
    return "Formats attendus : fichier de suivi, extraction de l'annuaire, FINESS, fichier RH (voir rules/layouts)."
