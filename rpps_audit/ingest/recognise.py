"""What a file is, told from its content (its header, in any column order), never from its name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path, PurePosixPath

from rpps_audit.ingest.encoding import BOM, as_lines
from rpps_audit.ingest.fhir import fhir_layout, goes_with
from rpps_audit.ingest.fitting import HEADER_WITHIN, SAMPLE, Recognition, expected, find, likeness, split
from rpps_audit.ingest.layouts import Layout, layouts
from rpps_audit.ingest.sources import INSEE, WORKBOOK, Source, damaged_archive, expand

__all__ = ["HEAD", "Recognition", "recognise", "recognise_all", "recognise_source"]

HEAD = 1 << 20
_DELIMITERS = ("|", ";", ",", "\t")
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_FOREIGN = {
    b"%PDF": "un document PDF",
    b"\x89PNG": "une image PNG",
    b"\xff\xd8\xff": "une image JPEG",
    b"GIF8": "une image GIF",
    b"\x1f\x8b": "une archive gzip dans une archive : décompressez-la",
    b"7z\xbc\xaf": "une archive 7z : décompressez-la",
    b"Rar!": "une archive RAR : décompressez-la",
    b"PAR1": "un fichier Parquet",
    b"MIME-Version:": "une page web enregistrée (MHTML) : enregistrez-la en .xlsx ou en CSV",
    _ZIP: "une archive zip dans une archive, ou un document qui n'est pas un classeur",
}
_SEPARATOR = re.compile(r"\ufeff?sep=(.)\s*", re.IGNORECASE)
_MARKUP = re.compile(rb"<(html|table|!doctype html|\?xml[^>]*>\s*(<\?mso[^>]*>\s*)?<([a-z]+:)?workbook)", re.IGNORECASE)
_GENERATED = re.compile(rb'"generatedAt"\s*:\s*"(\d{4}-\d\d-\d\d)')


def recognise(path: Path, workspace: Path | None = None) -> Recognition:
    """Say what a file (or the first known member of an archive) is, without storing anything.

    Raises UnreadableInputError when it cannot be opened at all; an unknown content is an answer, not an error.
    """
    known = layouts(workspace)
    answers = [answer for source in expand([path]) for answer in recognise_all(source, known)]
    return next((answer for answer in answers if answer.layout), answers[0])


def recognise_source(source: Source, known: Sequence[Layout]) -> Recognition:
    """The same for one source, among `known` layouts: the first of what it holds."""
    return recognise_all(source, known)[0]


def recognise_all(source: Source, known: Sequence[Layout]) -> list[Recognition]:
    """All that one source holds: one answer, or for a workbook one for each kind that its sheets are of."""
    head = source.head(HEAD)
    if not head.removeprefix(BOM).strip():
        return [Recognition(source, problem="le fichier est vide. Exportez-le de nouveau.")]
    if _is_workbook(source, head):
        return _workbook(source, known)
    if head.startswith(_ZIP):
        return [_archive(source, known)]
    seems = next((what for magic, what in _FOREIGN.items() if head.startswith(magic)), None)
    if seems:
        return [Recognition(source, problem=f"c'est {seems}, pas une extraction. {expected()}")]
    if head.lstrip(BOM + b" \r\n\t").startswith(b"{"):
        return [_json(source, head, known)]
    return [_text(source, head, [one for one in known if one.is_text])]


# ------------------------------------------------------------------------------------------------------ delimited text


def _text(source: Source, head: bytes, known: Sequence[Layout]) -> Recognition:
    text = as_lines(head)
    first, newline, _ = text.partition(b"\n")
    if b"\0" in first:
        return Recognition(source, problem=f"contenu binaire, pas une extraction. {expected()}")
    if not newline and len(text) >= HEAD - len(BOM):
        return Recognition(
            source, problem=f"la première ligne dépasse 1 Mo : ce n'est pas une extraction. {expected()}"
        )
    encoding, line = _decode(first.rstrip(b"\r"))
    for one in known:
        if one.first_line and line.startswith(one.first_line):
            places = tuple(range(len(one.columns)))
            names = tuple(column.header for column in one.columns)
            return Recognition(source, one, encoding, one.delimiter, one.quote, names, positions=places)
    return _delimited(source, text, [one for one in known if not one.first_line])


def _delimited(source: Source, head: bytes, known: Sequence[Layout]) -> Recognition:
    lines = head.split(b"\n", HEADER_WITHIN + SAMPLE)
    whole = lines[:-1] if len(lines) > HEADER_WITHIN + SAMPLE or len(head) >= HEAD - len(BOM) else lines
    read = [_decode(line.rstrip(b"\r")) for line in whole or lines]
    encoding = next((name for name, line in read if not line.isascii()), "utf-8")
    text = "\n".join(line for _, line in read)
    told = _SEPARATOR.fullmatch(text.partition("\n")[0])
    answers = []
    for delimiter in [told[1]] if told else _DELIMITERS:
        rows, ends = split(text, delimiter, quoted=delimiter != "|")
        answer = find(source, rows, ends, known, encoding=encoding, delimiter=delimiter)
        if answer and answer.layout:
            return answer
        answers += [answer] if answer else []
    if not answers:
        return Recognition(source, problem=f"les lignes n'ont pas de colonnes séparées. {expected()}")
    return max(answers, key=likeness)


def _decode(text: bytes) -> tuple[str, str]:
    try:
        return "utf-8", text.decode("utf-8")
    except UnicodeDecodeError:
        return "iso-8859-1", text.decode("cp1252", "replace")


def _json(source: Source, head: bytes, known: Sequence[Layout]) -> Recognition:
    if fhir_layout(head) is not None:
        return _fhir(source, head, known)
    if re.search(rb'"activites(Autorisees|Exercees)"', head, re.IGNORECASE):
        return Recognition(
            source,
            problem="c'est le fichier FINESS+ des activités (finess-activites) : il ne dit pas quels établissements "
            "sont ouverts. Chargez finess-structures, publié au même endroit.",
        )
    for one in known:
        if one.json == "pmej" and re.search(rb'"(pmej|gcc|gco)"\s*:\s*\[', head):
            said = _GENERATED.search(head)
            dated = replace(source, dated=_day(said[1].decode()) if said else None)
            return Recognition(dated, one, "utf-8", positions=tuple(range(len(one.columns))))
    return Recognition(source, problem=f"JSON d'une forme inconnue (il manque la liste « pmej »). {expected()}")


def _fhir(source: Source, head: bytes, known: Sequence[Layout]) -> Recognition:
    with_file = None if source.member else goes_with(source.path, head)
    if with_file:
        said = f"complète les situations de {with_file}, avec lequel il est lu."
        return Recognition(source, problem=said, beside=True)
    one = next(one for one in known if one.id == fhir_layout(head))
    return Recognition(source, one, "utf-8", positions=tuple(range(len(one.columns))))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


# ----------------------------------------------------------------------------------------------------------- workbooks


def _is_workbook(source: Source, head: bytes) -> bool:
    if head.startswith(_OLE) or _MARKUP.match(head.removeprefix(BOM).lstrip()[:2000]):
        return True
    if not head.startswith(_ZIP):
        return False
    if source.member or source.packed:
        return b"xl/worksheets/" in head or b"xl/workbook.xml" in head or _ODS in head[:100]
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = set(archive.namelist())
            return WORKBOOK in names or ("mimetype" in names and _ODS in archive.read("mimetype")[:100])
    except (zipfile.BadZipFile, RuntimeError, OSError):
        return False


def _archive(source: Source, known: Sequence[Layout]) -> Recognition:
    """INSEE's zip, or something else."""
    if source.member:
        return Recognition(source, problem=f"c'est {_FOREIGN[_ZIP]}. {expected()}")
    try:
        with zipfile.ZipFile(source.path) as archive:
            names = set(archive.namelist())
    except zipfile.BadZipFile:
        return Recognition(source, problem=damaged_archive(source.path.name))
    if INSEE in {PurePosixPath(name).name for name in names}:
        one = next(one for one in known if one.archive)
        # INSEE names its zip by the year, and says that it gives the code as of 1 January.
        year = re.search(r"(?<!\d)(20\d\d)(?!\d)", source.path.name)
        dated = replace(source, dated=date(int(year[1]), 1, 1) if year and not source.named() else None)
        return Recognition(dated, one, "utf-8", positions=tuple(range(len(one.columns))))
    what = "un document Word" if "word/document.xml" in names else "un document qui n'est pas un classeur"
    return Recognition(source, problem=f"c'est {what}, pas une extraction. {expected()}")


def _workbook(source: Source, known: Sequence[Layout]) -> list[Recognition]:
    """One answer for each layout that some sheet is of; sheets of one layout go together."""
    from rpps_audit.ingest.workbook import sheets

    tables = [one for one in known if one.is_text and not one.first_line]
    found: list[Recognition] = []
    unread: list[str] = []
    best: Recognition | None = None
    for name, frame in sheets(source).items():
        rows = [[cell or "" for cell in row] for row in frame.head(HEADER_WITHIN + SAMPLE).rows()]
        answer = find(source, rows, range(1, len(rows) + 1), tables, sheet=name, encoding="utf-8")
        if answer and answer.layout:
            found.append(answer)
        elif frame.height:
            unread.append(name)
            best = max((one for one in (best, answer) if one), key=likeness, default=None)
    if not found:
        nothing = Recognition(source, problem=f"le classeur n'a aucune feuille avec des intitulés connus. {expected()}")
        return [best or nothing]
    gathered: dict[str, list[Recognition]] = {}
    for answer in found:
        assert answer.layout is not None
        gathered.setdefault(answer.layout.kind, []).append(answer)
    answers = [replace(first, parts=tuple(others)) for first, *others in gathered.values()]
    aside = f"Feuilles laissées de côté : {', '.join(f'« {name} »' for name in unread)}." if unread else ""
    return [replace(answers[0], remarks=(*answers[0].remarks, *([aside] if aside else []))), *answers[1:]]
