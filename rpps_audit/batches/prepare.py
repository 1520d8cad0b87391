"""Preparing a batch: every correction that is ready, judged together once more, put into a package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from rpps_audit.batches.batch import FOLDER, Batch, batch, batch_event, part_of, publish_package, settle_packages
from rpps_audit.batches.carried import Carried
from rpps_audit.batches.files import write_synced
from rpps_audit.batches.gathering import gather
from rpps_audit.batches.manifest import FORMAT, NOTICE, archive, listed, package_name
from rpps_audit.batches.package import BUNDLE, CORRECTED, ESSENTIAL, PDF, Options, rendered, words_of
from rpps_audit.batches.past import next_number, replaced
from rpps_audit.batches.rewriting import files_of, lines_to_correct, rewrite
from rpps_audit.batches.sheets import can_print, people_of, sheets_pdf
from rpps_audit.corrections.changes import Changes
from rpps_audit.corrections.corrected import effect
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.operations import Operation, add_events, record, settle
from rpps_audit.corrections.perimeter import demand_role, only_inside
from rpps_audit.corrections.values import extracts, present_state, workplaces
from rpps_audit.corrections.witness import approvals, demand_untouched
from rpps_audit.errors import UsageError
from rpps_audit.journal import canonical_json, sha256_hex
from rpps_audit.records import State, person_of
from rpps_audit.store import fetch_frame

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation

Progress = Callable[[str, float], None]


def ready(desk: Desk, authorisation: Authorisation, state: State) -> pl.DataFrame:
    """The corrections of a state that can go into a batch, in the author's perimeter: the columns of the store's
    `correction_states`, in order.

    Ready: proposed, or approved where the site wants four eyes.
    """
    states = ["approved"] if desk.settings.four_eyes else ["proposed", "approved"]
    waiting = fetch_frame(
        desk.store.sql("SELECT * FROM correction_states WHERE list_contains(?, state) ORDER BY correction_id", [states])
    )
    return only_inside(desk.store, authorisation, state, waiting)


def prepare(
    desk: Desk,
    authorisation: Authorisation,
    *,
    options: Options = ESSENTIAL,
    at: datetime | None = None,
    progress: Progress | None = None,
) -> Batch:
    """Put every correction that is `ready` into a package `lots/lot-<id>.zip`, unsigned.

    All of them are judged together once more: UsageError with the rule's title when they create an error, or when
    nothing is ready. `at` (UTC) is when it is prepared. `progress` is told what is being done and the share done; when
    it raises, nothing is written.
    """
    tell = progress or (lambda _what, _share: None)
    demand_role(authorisation, "author")
    state = present_state(desk.store)
    settle(desk)
    settle_packages(desk)
    made = (at or datetime.now(UTC)).replace(tzinfo=None, microsecond=0)
    tell("Relecture des corrections", 0.0)
    waiting = ready(desk, authorisation, state)
    demand_untouched(desk, waiting["correction_id"])
    carried = gather(desk.store, state, waiting) if waiting.height else None
    if carried is None:
        raise UsageError(_nothing(desk))
    tell("Contrôle du lot entier", 0.2)
    changes = Changes.of(carried.frame.rename({"after": "new"}))
    _demand_no_error(desk, state, changes)
    tell("Écriture des fiches et du fichier corrigé", 0.4)
    batch_id = next_number(desk, made)
    about = _about(desk, authorisation, state, carried, batch_id, made)
    files = _corrected_files(desk, state, changes.applied(), about["notes"])
    files = _files(carried, about, files, options)
    manifest = about | {"changes": carried.signed(), "files": listed(files)}
    content = archive(canonical_json(manifest), files)
    digest = sha256_hex(content)
    tell("Enregistrement du lot", 0.9)
    name, held = package_name(batch_id), carried.corrections
    part = part_of(desk, name, digest)
    write_synced(part, content)

    def write(operation: Operation) -> Mapping[str, Any]:
        desk.store.sql(
            "INSERT INTO batches VALUES (?, ?, ?, ?, ?)",
            [batch_id, made, authorisation.author, carried.persons, len(carried)],
        )
        desk.store.connection.register("held", held.cast(pl.Int32).to_frame().to_arrow())
        desk.store.sql("INSERT INTO batch_corrections SELECT ?, correction_id FROM held", [batch_id])
        desk.store.connection.unregister("held")
        batch_event(desk, operation, batch_id, "prepared", authorisation.author, package=name, sha256=digest)
        add_events(
            desk, operation, "batched", held, author=authorisation.author, card=authorisation.card, batch_id=batch_id
        )
        return {"batch": batch_id, "sha256": digest, "corrections": held.to_list()}

    record(desk, "batch-prepared", authorisation, write)
    publish_package(desk, part, desk.folder / FOLDER / name)
    return batch(desk, batch_id)._replace(notes=tuple(about["notes"]))


# --- steps -----------------------------------------------------------------------------------------------------------


def _nothing(desk: Desk) -> str:
    if desk.settings.four_eyes:
        return (
            "Aucune correction approuvée n'attend : une autre carte doit d'abord approuver "
            "(rpps-audit corrections approve)."
        )
    return "Aucune correction n'attend dans votre périmètre."


def _demand_no_error(desk: Desk, state: State, changes: Changes) -> None:
    errors = effect(desk.store, state, desk.catalogue, changes).errors
    if errors.is_empty():
        return
    rule = desk.catalogue[errors["rule_id"][0]]
    raise UsageError(
        f"Le lot créerait {errors.height} erreur(s). La première : « {rule.title} » ({rule.id}) pour "
        f"{errors['record_key'][0]}. Annulez ou complétez la correction en cause : rpps-audit corrections list."
    )


def _corrected_files(desk: Desk, state: State, applied: Changes, notes: list[str]) -> dict[str, bytes]:
    """The corrected lines of each file that is touched; what could not be made is added to the notes, in French."""
    files: dict[str, bytes] = {}
    lines = lines_to_correct(desk.store, state, applied)
    for facts in extracts(desk.store, state):
        mine = lines.filter(pl.col("snapshot_id") == facts.snapshot_id)
        if mine.is_empty():
            continue
        corrected = rewrite(desk.folder, facts, mine)
        if corrected is None:
            notes.append(f"« {facts.file_name} » est un classeur : pas de fichier corrigé, voir liste.xlsx.")
            continue
        notes += [
            f"la colonne « {name} » n'existe pas dans « {facts.file_name} » : ce changement n'est que sur les fiches."
            for name in corrected.absent
        ]
        if corrected.lines:
            # Fifty establishments may deliver files of one name.
            twin = f"{facts.snapshot_id}-" if f"{CORRECTED}{facts.file_name}" in files else ""
            files[f"{CORRECTED}{twin}{facts.file_name}"] = corrected.content
    return files


def _files(carried: Carried, about: dict[str, Any], files: dict[str, bytes], options: Options) -> dict[str, bytes]:
    """Every file of the package but its manifest, by name."""
    if options.pdf and can_print():
        files[PDF] = sheets_pdf(people_of(carried), words_of(about))
    elif options.pdf:
        about["notes"].append("WeasyPrint n'est pas installé : pas de fiches.pdf ; les fiches HTML s'impriment.")
    asked = {BUNDLE} if options.fhir else set()
    return files | rendered(carried, about, frozenset(files) | asked)


def _about(
    desk: Desk, authorisation: Authorisation, state: State, carried: Carried, batch_id: str, made: datetime
) -> dict[str, Any]:
    """What the manifest says of the batch itself: who, when, where, how many, from what, and who approved."""
    frame = carried.frame
    people = frame.select(person_of(pl.col("record_key"))).to_series()
    places = workplaces(desk.store, state, people).unique("finess").sort("finess")
    covered = places.filter(authorisation.perimeter.expression("finess", "finess_legal"))
    touched = {*frame.filter(pl.col("table") == "situation")["finess"].drop_nulls(), *covered["finess"]}
    touched |= set(frame.filter(pl.col("column") == "finess")["after"].drop_nulls())
    touched_files = files_of(desk.store, state, Changes.of(frame.rename({"after": "new"})))
    return {
        "format": FORMAT,
        "notice": NOTICE,
        "batch": batch_id,
        "replaces": replaced(desk, frame),
        "prepared_at": made.isoformat() + "Z",
        "prepared_by": authorisation.author,
        "four_eyes": desk.settings.four_eyes,
        "approvals": approvals(desk, carried.corrections),
        "organisation": desk.organisation,
        "establishments": sorted(touched & set(covered["finess"]) | (touched - set(places["finess"]))),
        "operators": dict(zip(covered["finess"], covered["finess_legal"], strict=True)),
        "counts": {"persons": carried.persons, "changes": len(carried), "corrections": len(carried.corrections)},
        "extracts": [
            {
                "kind": facts.kind, "layout": facts.layout, "file_name": facts.file_name, "encoding": facts.encoding,
                "data_date": facts.data_date.isoformat(), "sha256": facts.content_hash,
            }
            for facts in extracts(desk.store, state)
            if facts.snapshot_id in touched_files
        ],
        "rules": desk.catalogue.fingerprint,
        "notes": [],
    }  # fmt: skip
