"""From a number of people to a folder of files, a batch at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import polars as pl

from rpps_audit.errors import UsageError
from rpps_audit.sample.defects import plan
from rpps_audit.sample.files import FILES, VARIANTS, File, Writer
from rpps_audit.sample.places import write_cog_variant, write_places, write_places_variant
from rpps_audit.sample.plants import EDITIONS, Plan
from rpps_audit.sample.population import BLOCK, World
from rpps_audit.sample.readme import write_readme
from rpps_audit.sample.truth import Ledger, truth, with_keys

KINDS = (*(file.kind for file in FILES), "finess", "variantes")
JUDGED = ("suivi-precedent", "suivi", "annuaire-restreint", "annuaire-public")
Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class Sample:
    """What was written: `rows` by file name (header not counted), and how many findings the truth lists."""

    folder: Path
    professionals: int
    rows: Mapping[str, int]
    findings: int


def write_sample(
    out: Path,
    professionals: int = 2 * BLOCK,
    seed: int = 2026,
    *,
    establishments: int | None = None,
    kinds: Collection[str] | None = None,
    progress: Progress | None = None,
) -> Sample:
    """Write synthetic exports of `kinds` (default: all of KINDS) and their truth into `out`.

    The same arguments give the same bytes. `verite.csv` has file, rule_id, table, record_key, column: one line for each
    finding the rules must give, and no other. `verite-cycle.csv` has rule_id, record_key, column, state: what becomes
    of them from the first follow-up to the second. Memory does not grow with the number of people.
    Raises UsageError for fewer people than one block of defects, an unknown kind, or too few establishments.
    """
    wanted = tuple(kinds) if kinds else KINDS
    _demand(professionals, establishments, wanted)
    table = plan()
    world = World.make(professionals, seed, table.layout(), establishments)
    out.mkdir(parents=True, exist_ok=True)
    files = [file for file in (*FILES, *VARIANTS) if file.kind in wanted]
    tell = progress or (lambda _what, _share: None)
    with _writers(files, out) as writers, _ledger(out) as ledger:
        done = 0
        for lines in world.batches():
            ledger.add(_write_batch(lines, table, world, writers))
            done += lines["person"].n_unique()
            tell("fichiers synthétiques", done / professionals)
    rows = {writer.file.name: writer.rows for writer in writers}
    if "finess" in wanted:
        rows |= write_places(world, out)
    if "variantes" in wanted:
        rows |= write_places_variant(world, out / "variantes") | write_cog_variant(out / "variantes")
    write_readme(out, professionals, seed, rows)
    return Sample(out, professionals, rows, ledger.count)


def _write_batch(
    lines: pl.DataFrame, table: Plan, world: World, writers: list[Writer]
) -> dict[str, dict[str, pl.DataFrame]]:
    """Append one batch to every file; returns the truth and the keys of the files that are judged."""
    found: dict[str, dict[str, pl.DataFrame]] = {}
    expected = table.expected()
    lines = table.with_copies(lines)
    for edition in EDITIONS:
        users = [writer for writer in writers if writer.file.source == edition]
        if not users:
            continue
        shown = table.edition(lines, edition)
        for writer in users:
            if writer.file.registers and edition in JUDGED:
                keyed = with_keys(shown, table.carried(), writer.rows + 2, writer.layout.fields())
                found[edition] = {"truth": truth(keyed, expected, edition, writer.file.name), "keys": keyed}
            writer.append(shown, world)
    return found


def _demand(professionals: int, establishments: int | None, kinds: Collection[str]) -> None:
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        raise UsageError(f"Genre de fichier inconnu : « {unknown[0]} ». Possibles : {', '.join(KINDS)}.")
    if professionals < BLOCK:
        raise UsageError(f"Il faut au moins {BLOCK} professionnels pour y placer chaque anomalie une fois.")
    if establishments is not None and establishments < 20:
        raise UsageError("Il faut au moins 20 établissements.")


@contextmanager
def _writers(files: list[File], out: Path) -> Iterator[list[Writer]]:
    """Every file open together; under their names when all went well, gone otherwise."""
    writers = [Writer(file, out) for file in files]
    try:
        yield writers
    except BaseException:
        for writer in writers:
            writer.discard()
        raise
    for writer in writers:
        writer.close()


@contextmanager
def _ledger(out: Path) -> Iterator[Ledger]:
    """The two truth files, under their names when all went well."""
    names = ("verite.csv", "verite-cycle.csv")
    partial = [out / f".{name}.partiel" for name in names]
    try:
        with ExitStack() as stack:
            handles: list[IO[bytes]] = [stack.enter_context(path.open("wb")) for path in partial]
            yield Ledger(*handles)
        for path, name in zip(partial, names, strict=True):
            path.replace(out / name)
    finally:
        for path in partial:
            path.unlink(missing_ok=True)
