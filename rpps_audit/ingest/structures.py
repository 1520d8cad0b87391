"""FINESS+ "structures" (JSON): one row per establishment, read object by object so that memory stays bounded."""

from __future__ import annotations

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from datetime import date
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.blocks import Reject
from rpps_audit.ingest.cells import batch_schema
from rpps_audit.ingest.keeper import Keeper
from rpps_audit.ingest.layouts import Column, Layout
from rpps_audit.ingest.limits import MEGA, Limits, beyond
from rpps_audit.ingest.reading import Reading
from rpps_audit.ingest.recognise import Recognition

_CHUNK = 1 << 20
_BATCH = 20_000
_SPACE = " \t\r\n,"
_STATE, _ACTIVE, _CLOSED = "etatObjet", "A", ("I", "F")
_TIMED = re.compile(r"(\d{4}-\d\d-\d\d)T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?")


def read_structures(
    recognition: Recognition, reading: Reading, keeper: Keeper, tell: Callable[[int], None]
) -> Generator[pa.RecordBatch]:
    """The establishments (`ege`) of every operator (`pmej`), closed ones included; `line` is their rank.

    One that is inactive (`etatObjet` I) without a closing date is closed at the latest on the day of the data.
    Raises UnreadableInputError when the JSON is cut or damaged, or one of its objects is beyond the limits.
    """
    layout = recognition.layout
    assert layout is not None
    rows: list[dict[str, Any]] = []
    by_state: Counter[str] = Counter()
    day = recognition.source.data_date()
    for operator in _objects(recognition, keeper, tell):
        for establishment in operator.get("ege") or ():
            reading.add(1, [])
            row = {name: _first(operator, establishment, column) for name, column in layout.fields().items()}
            state = str(establishment.get(_STATE) or _ACTIVE)
            if state in _CLOSED and not row["closed_on"]:
                row["closed_on"] = day.isoformat() if day else None
                by_state[state] += 1
            elif state not in (_ACTIVE, *_CLOSED):
                by_state["?"] += 1
            if row["finess"]:
                rows.append({**row, "line": reading.rows_read})
            else:
                raw = json.dumps(establishment, ensure_ascii=False)[:10_000]
                reading.add(0, [Reject(reading.rows_read, "établissement sans numéro FINESS", raw)])
        if len(rows) >= _BATCH:
            yield from _batches(rows, layout)
            rows = []
    yield from _batches(rows, layout)
    reading.remarks += _remarks(by_state, day)


def _remarks(by_state: Counter[str], day: date | None) -> list[str]:
    closed, unknown = sum(by_state[state] for state in _CLOSED), by_state["?"]
    told = []
    if closed:
        since = f"réputés fermés au plus tard le {day:%d/%m/%Y}" if day else "sans date de fermeture connue"
        told.append(f"Établissements inactifs (etatObjet « I ») sans date de fermeture, {since} : {closed}.")
    if unknown:
        told.append(f"Établissements d'un état inconnu (etatObjet ni « A » ni « I »), pris pour ouverts : {unknown}.")
    return told


def _objects(recognition: Recognition, keeper: Keeper, tell: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    """The elements of the top-level list named by the layout, decoded one at a time from a sliding window."""
    name, key = recognition.source.name, f'"{recognition.layout.json}"' if recognition.layout else ""
    damaged = UnreadableInputError(f"{name} : JSON tronqué ou endommagé. Téléchargez-le de nouveau.")
    limits = recognition.source.limits
    # Numbers stay as written: none here is counted with, and a long one would cost dear.
    decoder, text = json.JSONDecoder(parse_int=str, parse_float=str), codecs.getincrementaldecoder("utf-8-sig")()
    window, inside, ended = "", False, False
    with recognition.source.open() as stream:
        while chunk := stream.read(_CHUNK):
            keeper.take(chunk)
            tell(len(chunk))
            try:
                window += text.decode(chunk)
            except UnicodeDecodeError as error:
                raise damaged from error
            if not inside and not ended:
                window, inside = _enter(window, key)
            at = 0
            while inside:
                while at < len(window) and window[at] in _SPACE:
                    at += 1
                if at < len(window) and window[at] == "]":
                    inside, ended = False, True
                    break
                try:
                    found, at = decoder.raw_decode(window, at)
                except json.JSONDecodeError as error:
                    if len(window) - at > limits.json_mo * MEGA:
                        raise _beyond(name, "objet JSON trop grand", f"{limits.json_mo} Mo", "json_mo") from error
                    break
                except RecursionError as error:
                    raise _beyond(
                        name, "JSON trop profond", f"{limits.json_profondeur} niveaux", "json_profondeur"
                    ) from error
                _check(found, name, limits)
                if not isinstance(found, dict):
                    raise damaged
                yield found
            window = window[at:] if inside else window[-_CHUNK:]
    if not ended or not window.rstrip().endswith("}"):
        raise damaged


def _enter(window: str, key: str) -> tuple[str, bool]:
    """The window from the first element of the list on, once its key was met."""
    at = window.find(key)
    bracket = window.find("[", at) if at >= 0 else -1
    if bracket >= 0:
        return window[bracket + 1 :], True
    return window[-len(key) - 16 :] if at < 0 else window[at:], False


def _check(found: object, name: str, limits: Limits) -> None:
    """Depth and digits of one object: what is deeper or longer than any real one is refused."""
    level, depth = [found], 0
    while level:
        depth += 1
        if depth > limits.json_profondeur:
            raise _beyond(name, "JSON trop profond", f"{limits.json_profondeur} niveaux", "json_profondeur")
        nested = [one for one in level if isinstance(one, (dict, list))]
        level = [inner for one in nested for inner in (one.values() if isinstance(one, dict) else one)]
        if any(isinstance(one, str) and len(one) > limits.json_chiffres and one.isdigit() for one in level):
            raise _beyond(name, "nombre trop long", f"{limits.json_chiffres} chiffres", "json_chiffres")


def _beyond(name: str, found: str, limit: str, key: str) -> UnreadableInputError:
    return UnreadableInputError(beyond(name, found, limit, key, "Téléchargez-le de nouveau à sa source."))


def _first(operator: dict[str, Any], establishment: dict[str, Any], column: Column) -> str | None:
    """The first filled one of a column's paths; the time of a date is dropped."""
    for path in (column.header, *column.aliases):
        if cell := _cell(operator, establishment, path):
            timed = _TIMED.fullmatch(cell) if column.type == "date" else None
            return timed[1] if timed else cell
    return None


def _cell(operator: dict[str, Any], establishment: dict[str, Any], path: str) -> str | None:
    """Follow a dotted path such as `ege.adresse.0.cogCommune`; None where a step is absent.

    The published files write `informationsGeneralesPMEJ`, the schema `informationsGeneralesPmej`: case is no matter.
    """
    root, *steps = path.split(".")
    found: Any = {"ege": establishment, "pmej": operator}[root]
    for step in steps:
        if isinstance(found, list):
            found = found[int(step)] if step.isdigit() and int(step) < len(found) else None
        elif isinstance(found, dict):
            found = found[step] if step in found else _any_case(found, step)
        else:
            return None
    return None if found is None else str(found).strip()


def _any_case(found: dict[str, Any], step: str) -> Any:
    return next((value for key, value in found.items() if key.casefold() == step.casefold()), None)


def _batches(rows: list[dict[str, Any]], layout: Layout) -> Iterator[pa.RecordBatch]:
    if rows:
        yield from pa.Table.from_pylist(rows, schema=batch_schema(layout, layout.fields())).to_batches()
