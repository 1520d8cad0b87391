"""Proposing: what a manager decides, checked against the portal's conditions and the rules before it is written."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import polars as pl

from rpps_audit.corrections.changes import FIELD, Changes
from rpps_audit.corrections.corrected import effect
from rpps_audit.corrections.deciding import FRENCH_STATES
from rpps_audit.corrections.desk import Desk
from rpps_audit.corrections.fields import certified_states, field_frame, malformed
from rpps_audit.corrections.operations import COMMITMENT, Operation, add_events, record
from rpps_audit.corrections.perimeter import demand_inside, demand_role
from rpps_audit.corrections.values import corrected_columns, corrected_kind, field_values, pending, reading
from rpps_audit.corrections.witness import PROPOSED
from rpps_audit.errors import UsageError
from rpps_audit.records import AMBIGUOUS, RecordKey, State, person_of, place_of
from rpps_audit.store import fetch_frame

if TYPE_CHECKING:
    from rpps_audit.card import Authorisation

_PROPOSAL = pl.Schema(
    {
        "table": pl.String, "record_key": pl.String, "column": pl.String, "new": pl.String, "previous_id": pl.Int32,
        "kind": pl.String, "rule_id": pl.String, "source": pl.String, "confidence": pl.Float64,
    }
)  # fmt: skip
_KINDS = ("edit", "request", "add")
# The establishment of an added situation, from its key.
_PLACE = place_of(pl.col("record_key"))
# The person of a record, from its key.
_PERSON = person_of(pl.col("record_key"))
BY_HAND = "saisie du gestionnaire"


class ConflictError(UsageError):
    """Somebody else corrected the field meanwhile: look at their correction first."""


class Proposed(NamedTuple):
    """What became of proposals.

    `accepted`: correction_id, table, record_key, column. `refused`: table, record_key, column, rule_id (null when it is
    not a rule that says no), reason (French).
    """

    accepted: pl.DataFrame
    refused: pl.DataFrame


def propose(
    desk: Desk,
    authorisation: Authorisation,
    state: State,
    proposals: pl.DataFrame,
    *,
    reason: str,
    evidence: str = "",
) -> Proposed:
    """Write corrections of fields [table, record_key, column, new, and where known previous_id, kind, rule_id, source,
    confidence].

    `previous_id` is the pending correction of the field that the author saw: null when they saw none. ConflictError
    when it is not the last one: nothing is written. A proposal that the rules or the portal's own conditions refuse is
    given back with the reason, the others are written. Raises NotAuthorisedError outside the perimeter, UsageError for
    a field that cannot be corrected, an unknown record or a missing reason.
    """
    demand_role(authorisation, "author")
    if not reason.strip():
        raise UsageError("Une correction demande un motif écrit.")
    wanted = _completed(proposals)
    now = field_values(desk.store, state, wanted)
    seen = wanted.join(
        now.drop("previous_author", "previous_state"), FIELD, "left", suffix="_now", maintain_order="left"
    )
    waiting = _waiting(desk, state, wanted).implode()
    seen = seen.with_columns(person=_PERSON, professional_waits=_PERSON.is_in(waiting))
    _demand_sound(wanted)
    _demand_known(state, seen)
    _demand_latest(seen, now)
    demand_inside(desk.store, authorisation, state, _places(seen))
    judged = seen.with_columns(kind=_kind()).with_columns(reason=_refusal(evidence), wrong=malformed(seen))
    judged = judged.with_columns(reason=pl.coalesce(_malformed(), "reason"))
    passing = judged.filter(pl.col("reason").is_null())
    broken = _broken_rules(desk, state, passing)
    refused = pl.concat([_refused(judged.filter(pl.col("reason").is_not_null())), broken])
    accepted = passing.join(broken, FIELD, "anti", maintain_order="left")
    if accepted.height:
        accepted = _write(desk, authorisation, state, accepted, reason.strip(), evidence.strip())
    return Proposed(accepted.select("correction_id", *FIELD) if accepted.height else _NOTHING, refused)


def close_situations(
    desk: Desk,
    authorisation: Authorisation,
    state: State,
    ends: pl.DataFrame,
    *,
    end_reason: str,
    reason: str,
    evidence: str = "",
) -> Proposed:
    """End situations [record_key, end_date] (and previous_id, rule_id, source, confidence) for a reason of TRE_R25.

    The end date, its reason and, where the export says so, « situation ouverte : non » are decided together. The same
    errors as `propose`.
    """
    from rpps_audit.reference import load_nomenclature

    reasons = load_nomenclature("end-reasons")
    if end_reason not in reasons.codes:
        known = ", ".join(reasons.frame.select(pl.format("{} ({})", "code", "label")).to_series())
        raise UsageError(f"Motif de fin inconnu « {end_reason} ». Motifs (TRE_R25) : {known}.")
    shown = corrected_columns(state)
    facts = ends.with_columns(pl.col("end_date").cast(pl.String))
    values = {"end_date": pl.col("end_date"), "end_reason": pl.lit(end_reason)}
    if "is_open" in shown:
        values["is_open"] = pl.lit("false")
    parts = [
        facts.with_columns(table=pl.lit("situation"), column=pl.lit(column), new=value).drop("end_date")
        for column, value in values.items()
    ]
    wanted = _completed(pl.concat(parts))
    current = field_values(desk.store, state, wanted)
    # The author saw the end date; what already holds the wanted value needs no correction.
    wanted = (
        wanted.join(current.select(*FIELD, "value", last="previous_id"), FIELD, "left")
        .filter(pl.col("value").ne_missing(pl.col("new")))
        .with_columns(previous_id=pl.when(pl.col("column") == "end_date").then("previous_id").otherwise("last"))
    )
    return propose(desk, authorisation, state, wanted, reason=reason, evidence=evidence)


def add_situation(
    desk: Desk,
    authorisation: Authorisation,
    state: State,
    professional_id: str,
    values: Mapping[str, str],
    *,
    reason: str,
    evidence: str = "",
) -> Proposed:
    """A further situation of a registered person: finess, role, profession, start_date ...

    Refused while a portal request of theirs is under way (slides: one at a time); UsageError when they already have one
    in that establishment.
    """
    finess = values.get("finess")
    if not finess:
        raise UsageError("Une nouvelle situation demande un établissement (finess).")
    key = RecordKey(professional_id, finess, _day(values.get("start_date")))
    _demand_nowhere_open(desk, state, professional_id, finess)
    rows = [{"column": column, "new": value} for column, value in values.items()]
    proposals = pl.DataFrame(rows).with_columns(
        table=pl.lit("situation"), record_key=pl.lit(str(key)), kind=pl.lit("add")
    )
    return propose(desk, authorisation, state, proposals, reason=reason, evidence=evidence)


def _day(text: str | None) -> date | None:
    """A start as the key holds it; what is no date is refused with the field."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _demand_nowhere_open(desk: Desk, state: State, person: str, finess: str) -> None:
    """One active situation of a person in an establishment, whenever it began."""
    with reading(desk.store, state, pl.Series([person])) as reader:
        found = reader.execute("SELECT record_key FROM situation WHERE finess = ? AND active", [finess]).fetchone()
    if found is not None:
        raise UsageError(f"La situation {found[0]} existe déjà : corrigez-la, ou fermez-la d'abord.")


# --- steps of a proposal ---------------------------------------------------------------------------------------------


def _completed(proposals: pl.DataFrame) -> pl.DataFrame:
    """All the columns of a proposal; the last word on each field, once."""
    lacking = [pl.lit(None, kind).alias(name) for name, kind in _PROPOSAL.items() if name not in proposals.columns]
    frame = proposals.with_columns(lacking).select(pl.col(name).cast(kind) for name, kind in _PROPOSAL.items())
    return (
        frame.with_columns(pl.col("new").str.strip_chars(), pl.col("source").fill_null(BY_HAND))
        .unique(FIELD, keep="last", maintain_order=True)
        .join(field_frame().drop("rank"), ["table", "column"], "left", maintain_order="left")
    )


def _demand_known(state: State, seen: pl.DataFrame) -> None:
    stranger = seen.filter(pl.col("who").is_null())
    if stranger.height:
        from rpps_audit.corrections.fields import field

        field(stranger["table"][0], stranger["column"][0])
    absent = seen.filter(pl.col("line").is_null() & (pl.col("kind").fill_null("") != "add"))
    if absent.height:
        raise UsageError(f"La fiche {absent['record_key'][0]} ({absent['table'][0]}) n'est pas dans l'{state.name}.")
    there = seen.filter(pl.col("line").is_not_null() & (pl.col("kind") == "add"))
    if there.height:
        raise UsageError(f"La situation {there['record_key'][0]} existe déjà : corrigez-la, ou fermez-la d'abord.")


def _demand_latest(seen: pl.DataFrame, now: pl.DataFrame) -> None:
    """Optimistic: whoever wrote first is shown, nothing is overwritten unseen."""
    stale = seen.filter(pl.col("previous_id").ne_missing(pl.col("previous_id_now")))
    if stale.is_empty():
        return
    first = stale.join(now, FIELD, "left", suffix="_there").row(0, named=True)
    where = f"{first['record_key']}, « {first['label']} »"
    if first["previous_id_now"] is None:
        raise ConflictError(f"{where} : la correction que vous avez vue n'est plus en cours. Relisez la fiche.")
    state = FRENCH_STATES[first["previous_state"]]
    raise ConflictError(
        f"{where} : {first['previous_author']} a déjà corrigé ce champ (correction n° {first['previous_id_now']}, "
        f"{state}). Lisez-la ; pour la remplacer, dites que vous l'avez vue."
    )


def _demand_sound(wanted: pl.DataFrame) -> None:
    """What a screen never sends, but a program may: a kind unknown here, an added situation in two places at once."""
    strange = wanted.filter(~pl.col("kind").fill_null("edit").is_in(_KINDS))
    if strange.height:
        raise UsageError(f"Genre de correction inconnu « {strange['kind'][0]} ». Possibles : {', '.join(_KINDS)}.")
    added = wanted.filter(pl.col("kind") == "add")
    elsewhere = (pl.col("table") != "situation") | _PLACE.is_null()
    elsewhere |= (pl.col("column") == "finess") & pl.col("new").ne_missing(_PLACE)
    if (wrong := added.filter(elsewhere)).height:
        raise UsageError(
            f"Situation à ajouter {wrong['record_key'][0]} : sa clé et son établissement (finess) doivent être les "
            "mêmes."
        )


def _places(seen: pl.DataFrame) -> pl.DataFrame:
    """The records' establishments, and where they are to move; the person a duplicate is to become part of, as well."""
    moved = pl.when(pl.col("column") == "finess").then(pl.col("new"))
    here = seen.select("table", "record_key", "line", "finess", "finess_legal", new_finess=moved)
    merged = seen.filter((pl.col("column") == "professional_id") & pl.col("new").is_not_null())
    nowhere = pl.lit(None, pl.String)
    target = merged.select(
        "table", "line", record_key="new", finess=nowhere, finess_legal=nowhere, new_finess=nowhere
    ).select(here.columns)
    return pl.concat([here, target])


def _kind() -> pl.Expr:
    certified = (pl.col("who") == "etat-civil") & pl.col("certified_state").is_in(certified_states())
    asked = certified.fill_null(False) | (pl.col("who") == "demande")
    return pl.when(asked).then(pl.lit("request")).otherwise(pl.col("kind").fill_null("edit"))


def _refusal(evidence: str) -> pl.Expr:
    """Why a proposal is refused whatever the rules say, in French; null when it is not."""
    unproven = (pl.col("kind") == "request") & pl.lit(not evidence.strip())
    return (
        pl.when(pl.col("new").eq_missing(pl.col("value")))
        .then(pl.lit("le champ porte déjà cette valeur"))
        .when(_PERSON.str.starts_with(AMBIGUOUS))
        .then(pl.lit("on ne sait pas de qui parle cette fiche : deux personnes sans numéro ne s'y distinguent pas"))
        .when(unproven & (pl.col("who") == "demande"))
        .then(pl.lit("c'est une demande à adresser : elle doit citer un justificatif"))
        .when(unproven)
        .then(pl.lit("l'état civil est certifié : c'est une demande, qui doit citer un justificatif"))
        .when((pl.col("kind") == "add") & pl.col("professional_waits"))
        .then(pl.lit("une demande de cette personne est en attente dans le portail : une seule à la fois"))
    )


def _malformed() -> pl.Expr:
    expected = pl.col("type").replace_strict(
        {"date": "une vraie date", "yes_no": "oui ou non", "code": "un code, sans espace"},
        default="un texte d'une ligne",
        return_dtype=pl.String,
    )
    return pl.when("wrong").then(pl.format("la nouvelle valeur n'a pas la bonne forme : {} est attendu", expected))


def _broken_rules(desk: Desk, state: State, passing: pl.DataFrame) -> pl.DataFrame:
    """Proposals that the rules refuse: those that leave the fault they answer in place, and those about people for
    whom a new error would appear; with the title of the rule that says no."""
    if passing.is_empty():
        return _REFUSED
    others = pending(desk.store).join(passing, FIELD, "anti")
    changes = pl.concat([others.select(*FIELD, "new", "kind"), passing.select(*FIELD, "new", "kind")])
    changes = changes.filter(_PERSON.is_in(passing["person"].unique().implode()))
    found = effect(desk.store, state, desk.catalogue, Changes.of(changes))
    titles = {rule.id: rule.title for rule in desk.catalogue}
    title = pl.col("said_by").replace_strict(titles, default=None, return_dtype=pl.String)
    guilty = _guilty(passing, found.errors)
    useless = _useless(passing.join(guilty, FIELD, "anti", maintain_order="left"), found.standing)
    said = {
        "la valeur laisse en place la faute constatée : « {} » ({})": useless,
        "elle créerait une erreur : « {} » ({})": guilty,
    }
    parts = [frame.with_columns(title=title).with_columns(reason=pl.format(form, "title", "said_by"))
             for form, frame in said.items()]  # fmt: skip
    return pl.concat([part.select(*FIELD, "reason", rule_id="said_by") for part in parts]).select(_REFUSED.columns)


def _useless(passing: pl.DataFrame, standing: pl.DataFrame) -> pl.DataFrame:
    """Proposals after which the finding they answer still stands, or an error on the very field they change.

    Emptying a field is no answer to what asks for another value, and is judged alike. A merge is not judged.
    """
    here = passing.filter(pl.col("column") != "professional_id").join(
        standing.select("table", "record_key", "severity", at="column", said_by="rule_id"),
        ["table", "record_key"],
        "inner",
        maintain_order="left",
    )
    answered = pl.col("rule_id").eq_missing(pl.col("said_by"))
    wrong = (pl.col("at") == pl.col("column")) & (pl.col("severity") == "error")
    return here.filter(answered | wrong).unique(FIELD, keep="first", maintain_order=True)


def _guilty(passing: pl.DataFrame, errors: pl.DataFrame) -> pl.DataFrame:
    """Proposals about the people for whom these errors appear."""
    found = errors.with_columns(person=pl.coalesce("person", _PERSON)).unique(
        "person", keep="first", maintain_order=True
    )
    guilty = passing.join(found.select("person", said_by="rule_id"), "person", "inner", maintain_order="left")
    if guilty.is_empty() and errors.height:
        # The error falls on somebody else's record: nobody's correction can be told apart.
        guilty = passing.join(found.head(1).select(said_by="rule_id"), how="cross")
    return guilty


def _waiting(desk: Desk, state: State, wanted: pl.DataFrame) -> pl.Series:
    """Those of these people for whom a portal request is under way."""
    with reading(desk.store, state, wanted.select(_PERSON.unique()).to_series()) as reader:
        return fetch_frame(
            reader.execute("SELECT DISTINCT person_key FROM situation WHERE pending_request_date IS NOT NULL")
        ).to_series()


def _refused(frame: pl.DataFrame) -> pl.DataFrame:
    """Refused whatever the rules say."""
    return frame.select(*FIELD, pl.lit(None, pl.String).alias("rule_id"), "reason")


def _write(
    desk: Desk, authorisation: Authorisation, state: State, accepted: pl.DataFrame, reason: str, evidence: str
) -> pl.DataFrame:
    store = desk.store
    first = store.next_id("corrections", "correction_id")
    numbered = accepted.with_row_index("correction_id", first).with_columns(pl.col("correction_id").cast(pl.Int32))

    def write(operation: Operation) -> dict[str, Any]:
        store.connection.register("arriving", numbered.to_arrow())
        store.sql(
            """INSERT INTO corrections BY NAME
               SELECT correction_id, ? AS operation_id, coalesce(snapshot_id, ?) AS snapshot_id, ? AS as_of, kind,
                      "table", record_key, record_key AS written_key, "column", value AS old, new,
                      previous_id_now AS previous_id, rule_id, source, confidence, ? AS author, ? AS card, ? AS reason,
                      ? AS evidence, sha256(? || correction_id) AS nonce, ? AS proposed_at
               FROM arriving ORDER BY correction_id""",
            [
                operation.operation_id, max(state.files(corrected_kind(state))), state.as_of, authorisation.author,
                authorisation.card, reason, evidence, secrets.token_hex(32), operation.at,
            ],
        )  # fmt: skip
        store.connection.unregister("arriving")
        author, card = authorisation.author, authorisation.card
        add_events(desk, operation, "proposed", numbered["correction_id"], author=author, card=card)
        return {"state": state.as_of.isoformat(), **_committed(desk, operation)}

    record(desk, PROPOSED, authorisation, write)
    return numbered


def _committed(desk: Desk, operation: Operation) -> dict[str, Any]:
    """What the journal says of the corrections of one decision: keys and salted hashes, by column."""
    before = COMMITMENT.format(nonce="nonce", value="old")
    after = COMMITMENT.format(nonce="nonce", value="new")
    frame = fetch_frame(
        desk.store.sql(
            f"""SELECT correction_id AS id, written_key AS key, "column" AS field, rule_id AS rule, {before} AS before,
                   {after} AS after FROM corrections WHERE operation_id = ? ORDER BY correction_id""",
            [operation.operation_id],
        )
    )
    return {"corrections": frame.to_dict(as_series=False)}


_REFUSED = pl.DataFrame(
    schema={"table": pl.String, "record_key": pl.String, "column": pl.String, "rule_id": pl.String, "reason": pl.String}
)
_NOTHING = pl.DataFrame(
    schema={"correction_id": pl.Int32, "table": pl.String, "record_key": pl.String, "column": pl.String}
)
