"""FINESS+ "structures" (JSON): one row per establishment, read object by object so that memory stays bounded."""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped]

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.blocks import Reject
from rpps_audit.ingest.cells import batch_schema
from rpps_audit.ingest.keeper import Keeper
from rpps_audit.ingest.layouts import Layout
from rpps_audit.ingest.reading import Reading
from rpps_audit.ingest.recognise import Recognition

_CHUNK = 1 << 20
_LARGEST_OBJECT = 64 << 20
_BATCH = 20_000
_SPACE = " \t\r\n,"


def read_structures(
    recognition: Recognition, reading: Reading, keeper: Keeper, tell: Callable[[int], None]
) -> Generator[pa.RecordBatch]:
    """The establishments (`ege`) of every operator (`pmej`), closed ones included; `line` is their rank.

    Raises UnreadableInputError when the JSON is cut or damaged.
    """
    layout = recognition.layout
    assert layout is not None
    rows: list[dict[str, Any]] = []
    for operator in _objects(recognition, keeper, tell):
        for establishment in operator.get("ege") or ():
            reading.add(1, [])
            row = {name: _cell(operator, establishment, column.header) for name, column in layout.fields().items()}
            if row["finess"]:
                rows.append({**row, "line": reading.rows_read})
            else:
                raw = json.dumps(establishment, ensure_ascii=False)[:10_000]
                reading.add(0, [Reject(reading.rows_read, "établissement sans numéro FINESS", raw)])
        if len(rows) >= _BATCH:
            yield from _batches(rows, layout)
            rows = []
    yield from _batches(rows, layout)


def _objects(recognition: Recognition, keeper: Keeper, tell: Callable[[int], None]) -> Iterator[dict[str, Any]]:
    """The elements of the top-level list named by the layout, decoded one at a time from a sliding window."""
    name, key = recognition.source.name, f'"{recognition.layout.json}"' if recognition.layout else ""
    damaged = UnreadableInputError(f"{name} : JSON tronqué ou endommagé. Téléchargez-le de nouveau.")
    decoder, text = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8-sig")()
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
                    if len(window) - at > _LARGEST_OBJECT:
                        raise damaged from error
                    break
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


def _cell(operator: dict[str, Any], establishment: dict[str, Any], path: str) -> str | None:
    """Follow a dotted path such as `ege.adresse.0.cogCommune`; None where a step is absent."""
    root, *steps = path.split(".")
    found: Any = {"ege": establishment, "pmej": operator}[root]
    for step in steps:
        if isinstance(found, list):
            found = found[int(step)] if step.isdigit() and int(step) < len(found) else None
        else:
            found = found.get(step) if isinstance(found, dict) else None
    return None if found is None else str(found).strip()


def _batches(rows: list[dict[str, Any]], layout: Layout) -> Iterator[pa.RecordBatch]:
    if rows:
        yield from pa.Table.from_pylist(rows, schema=batch_schema(layout, layout.fields())).to_batches()
