"""Which layout a header fits, and where each of its columns stands."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.headings import heading_words
from rpps_audit.ingest.layouts import Column, Layout
from rpps_audit.ingest.sources import Source

# Titles, addresses and blank lines may stand above the header; it is looked for this far.
HEADER_WITHIN = 30
SAMPLE = 200
_ENOUGH = 5
_MOSTLY = 0.8
_DATE = re.compile(
    r"\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}([ T].*)?|(19|20)\d{6}|[34]\d{4}([.,]\d+)?|\d{1,2}(er)? [a-zûé]{3,9}\.? \d{2,4}",
    re.IGNORECASE,
)
_DATED = "date"

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Recognition:
    """What a file is. `layout` is None when nothing fits: `problem` then says why, in French.

    `header` is the file's own, on the last of its first `header_lines` lines; `positions` gives, for each column of
    the layout, its place in the file or None; `also` the (field, place) that complete an empty cell; `joined` the place
    of a name and first name in one cell. `missing` are the layout's columns the file lacks, `extra` the file's columns
    that are left aside, `dated_extra` those of them that hold dates. `nearest` is the layout that resembles most;
    `sheet` the sheet of a workbook, `parts` its other sheets of the same kind, `remarks` what is to be said of it.
    `beside`: it is read with another file, not by itself.
    """

    source: Source
    layout: Layout | None = None
    encoding: str = ""
    delimiter: str = ""
    quote: str = ""
    header: tuple[str, ...] = ()
    header_lines: int = 1
    positions: tuple[int | None, ...] = ()
    also: tuple[tuple[str, int], ...] = ()
    joined: int | None = None
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    dated_extra: tuple[str, ...] = ()
    nearest: Layout | None = None
    sheet: str = ""
    parts: tuple[Recognition, ...] = ()
    remarks: tuple[str, ...] = ()
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

    def fields(self) -> list[str]:
        """The fields the file holds, in the layout's order (those of any of its sheets)."""
        assert self.layout is not None
        held = {field for part in (self, *self.parts) for field in part.own_fields()}
        return [field for field in self.layout.fields() if field in held]

    def kept(self) -> dict[int, Column]:
        """What is read, by its place in a line: columns under their field, others as `field__2`, `full_name__1`."""
        assert self.layout is not None
        placed = zip(self.layout.columns, self.positions, strict=True)
        columns = {place: column for column, place in placed if column.field and place not in (None, self.joined)}
        fields = self.layout.fields()
        for rank, (field, place) in enumerate(self.also, 2):
            columns[place] = replace(fields[field], field=f"{field}__{rank}")
        if self.joined is not None:
            columns[self.joined] = Column("", field=JOINED)
        return columns

    def warnings(self) -> list[str]:
        """What must be looked at before the file is trusted, in French."""
        told = []
        if self.dated_extra:
            names = ", ".join(f"« {name.strip()[:60]} »" for name in self.dated_extra)
            told.append(
                f"ATTENTION, colonne de dates non reconnue : {names}. Si c'est la date de sortie, renommez-la « Date "
                "de sortie » (ou écrivez-le dans rh.toml) : les départs qu'elle contient ne sont pas vus."
            )
        named = None if self.source.dated else self.source.named()
        if named and not named.whole:
            told.append(f"Le nom du fichier ne donne qu'un mois : les données sont réputées du {named.day:%d/%m/%Y}.")
        return told

    def data_start(self, head: bytes) -> int:
        """Where the data begin: after the first `header_lines` lines of `head`, or at its end."""
        at = 0
        for _ in range(self.header_lines):
            at = head.find(b"\n", at) + 1
            if not at:
                return len(head)
        return at

    def own_fields(self) -> list[str]:
        """The fields of this sheet or text alone."""
        assert self.layout is not None
        placed = zip(self.layout.columns, self.positions, strict=True)
        return [column.field for column, place in placed if column.field and place is not None]


JOINED = "full_name__1"


def fit(source: Source, header: Sequence[str], known: Sequence[Layout], sample: Rows = (), **form: Any) -> Recognition:
    """The layout that this header fits best: all its required columns are there, and most of the others.

    `sample` are the first rows below it: they tell dates from other things.
    """
    answers = [_compare(source, header, one, sample, form) for one in known]
    fitting = [answer for answer in answers if answer.layout]
    if fitting:
        return max(fitting, key=_fitness)
    return max(answers, key=likeness)


def find(source: Source, rows: Rows, lines: Sequence[int], known: Sequence[Layout], **form: Any) -> Recognition | None:
    """The first of the first rows that is the header of a known layout, else the row that resembles one most.

    `lines` says, for each row, how many lines of the file end with it. None when no row has two cells.
    """
    best: Recognition | None = None
    for rank, header in enumerate(rows[:HEADER_WITHIN]):
        if sum(bool(cell.strip()) for cell in header) < 2:
            continue
        sample = rows[rank + 1 : rank + 1 + SAMPLE]
        answer = fit(source, header, known, sample, header_lines=lines[rank], **form)
        if answer.layout:
            return _with_remarks(answer, rank, lines[rank])
        if best is None or likeness(answer) > likeness(best):
            best = answer
    return best


def split(text: str, delimiter: str, *, quoted: bool) -> tuple[list[list[str]], list[int]]:
    """The rows of a text and, for each, the number of lines read once it ends (a quoted cell may hold several)."""
    rows, lines = [], []
    reader = csv.reader(
        (f"{line}\n" for line in text.split("\n")),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE,
    )
    try:
        for row in reader:
            rows.append(row)
            lines.append(reader.line_num)
    except csv.Error:
        pass
    return rows, lines


def _fitness(answer: Recognition) -> tuple[bool, int]:
    """A form kept by the workspace first, then the layout with most of its columns."""
    return bool(answer.layout and answer.layout.mapped), sum(place is not None for place in answer.positions)


def likeness(answer: Recognition) -> float:
    """Share of the nearest layout's columns that the file has."""
    return sum(place is not None for place in answer.positions) / max(len(answer.positions), 1)


# ---------------------------------------------------------------------------------------------------------- comparing


def _compare(source: Source, header: Sequence[str], one: Layout, sample: Rows, form: dict[str, Any]) -> Recognition:
    keys: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        keys.setdefault(" ".join(heading_words(name)), []).append(place)
    ranked = [_places(column, keys, header, sample) for column in one.columns]
    positions = [places[0] if places else None for places in ranked]
    also = [
        (column.field, place)
        for column, places in zip(one.columns, ranked, strict=True)
        if one.spreadsheet and column.field
        for place in places[1:]
    ]
    joined = _joined(one, positions, sample)
    if joined is not None:
        whole = next(column for column in one.columns if column.parts)
        lacking = [one.columns.index(one.fields()[part]) for part in whole.parts]
        positions = [joined if k in lacking and place is None else place for k, place in enumerate(positions)]
    found = list(zip(one.columns, positions, strict=True))
    missing = [column.header for column, place in found if column.required and place is None]
    used = {*positions, *(place for _, place in also), joined}
    # In a form of the workspace a person decided what is left aside.
    told = one.spreadsheet and not one.mapped
    extra = [(place, name) for place, name in enumerate(header) if name.strip() and place not in used]
    answer = Recognition(
        source,
        header=tuple(header),
        positions=tuple(positions),
        also=tuple(also),
        joined=joined,
        extra=tuple(name for _, name in extra),
        dated_extra=tuple(name for place, name in extra if told and _dates(_column(sample, place))),
        nearest=one,
        **form,
    )
    if missing:
        return replace(answer, missing=tuple(missing), problem=_unknown(answer, one, missing))
    absent = tuple(column.header for column, place in found if place is None and not column.parts)
    quote = one.quote if form.get("delimiter") in (one.delimiter, None) else '"'
    return replace(answer, layout=one, missing=absent, quote=quote)


def _places(column: Column, keys: dict[str, list[int]], header: Sequence[str], sample: Rows) -> list[int]:
    """Where a column may stand, the best heading first. A date told by meaning alone must look like one."""
    if not column.meaning:
        return [place for key in dict.fromkeys(column.keys) if key for place in keys.get(key, ())]
    ranked = []
    for place, name in enumerate(header):
        rank = column.rank(name) if name.strip() else None
        if rank is None:
            continue
        doubtful = column.type == "date" and _DATED not in name.lower() and rank >= len(column.mapped)
        if doubtful and any(_column(sample, place)) and not _dates(_column(sample, place)):
            continue
        ranked.append((rank, place))
    return [place for _, place in sorted(ranked)]


def _joined(one: Layout, positions: Sequence[int | None], sample: Rows) -> int | None:
    """The column that holds name and first name together, where one of the two has no column of its own."""
    rank = next((k for k, column in enumerate(one.columns) if column.parts), None)
    if rank is None:
        return None
    name, first = (positions[one.columns.index(one.fields()[part])] for part in one.columns[rank].parts)
    if name is not None and first is not None:
        return None
    if positions[rank] is not None:
        return positions[rank]
    cells = [cell for cell in _column(sample, name) if cell] if name is not None else []
    return name if cells and all(" " in cell for cell in cells) else None


def _column(sample: Rows, place: int | None) -> list[str]:
    return [row[place].strip() for row in sample if place is not None and place < len(row)]


def _dates(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell]
    return bool(filled) and sum(bool(_DATE.fullmatch(cell)) for cell in filled) >= _MOSTLY * len(filled)


# ---------------------------------------------------------------------------------------------------------- sentences


def _with_remarks(answer: Recognition, rank: int, line: int) -> Recognition:
    remarks = []
    if rank:
        remarks.append(f"Intitulés trouvés ligne {line} ; ce qui les précède est laissé de côté.")
    layout = answer.layout
    assert layout is not None
    for field in dict.fromkeys(field for field, _ in answer.also):
        column = layout.fields()[field]
        first = answer.positions[layout.columns.index(column)]
        others = ", ".join(f"« {answer.header[place].strip()} »" for name, place in answer.also if name == field)
        if first is not None:
            remarks.append(
                f"{column.header} : « {answer.header[first].strip()} » est prise d'abord, puis {others} là où elle est "
                "vide."
            )
    return replace(answer, remarks=tuple(remarks))


def _unknown(answer: Recognition, nearest: Layout, missing: Sequence[str]) -> str:
    found = _names(answer.header)
    if likeness(answer) == 0:
        return f"aucun intitulé connu ({len(answer.header)} colonnes lues). {expected()}"
    return (
        f"format non reconnu. Colonnes lues : {found}. Format le plus proche : {nearest.title} ({nearest.id}) ; "
        f"il manque {_names(missing)}. Exportez de nouveau le fichier avec ces colonnes, ou corrigez ses intitulés"
        + (" (ou décrivez-les dans rh.toml)." if nearest.id == "rh" else ".")
    )


def _names(names: Sequence[str]) -> str:
    """A few headers, cut: a header line may be anything, even personal data."""
    shown = ", ".join(f"« {name.strip()[:60]} »" for name in names[:_ENOUGH])
    return shown + (f" et {len(names) - _ENOUGH} autres" if len(names) > _ENOUGH else "")


def expected() -> str:
    """What could have been given."""
    return "Formats attendus : fichier de suivi, extraction de l'annuaire, FINESS, fichier RH (voir rules/layouts)."
