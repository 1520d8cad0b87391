"""The table of planted defects: what is wrong, in which file, and every finding that must come of it.

Written from the rules' descriptions, never from their code: the test compares the two. A defect that rightly breaks two
rules lists both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from rpps_audit.sample import numbers
from rpps_audit.sample.more_defects import contact_lists, more_dates, more_people
from rpps_audit.sample.plants import (
    BEFORE,
    BOTH,
    CARDS,
    EDITIONS,
    FOLLOW_UP,
    MAILBOXES,
    NOW,
    PUBLIC,
    REGISTRY,
    RESTRICTED,
    ROSTER,
    SINCE,
    Change,
    Finding,
    P,
    Plan,
    Plant,
    S,
)
from rpps_audit.sample.shapes import (
    EVERYWHERE,
    IDENTITY,
    ITALY,
    NO_DAY,
    NOTHING,
    OLD,
    RANK,
    RECENT,
    closed,
    pair,
    person,
    work,
)

_LINE_OF_FICTION = pl.Series(["019900", "026191", "035301", "046571", "053649"])


def plan() -> Plan:
    """Every plant, in slots that never change while the table only grows at its end."""
    return Plan(
        [
            *_absent(),
            *_identifiers(),
            *_civil_status(),
            *_contact(),
            *_situation_codes(),
            *_dates(),
            *_between_records(),
            *_between_files(),
            *_departures(),
            *_life(),
            *_harmless(),
            *contact_lists(),
            *more_dates(),
            *more_people(),
        ]
    )


_TOO_LONG = pl.concat_str(pl.lit("06 39 "), RANK)


def _no_mobile(files: tuple[str, ...]) -> Finding:
    """What is no telephone number is no mobile either."""
    return Finding("telephone-non-mobile", P, "phone", files)


def _absent() -> list[Plant]:
    """Completeness: an item that every screen of the portal asks for is empty."""
    person_texts = ("birth_name", "first_names", "birth_country", "birth_commune", "sex", "civility", "email", "phone")
    rules = (
        "nom-naissance-absent",
        "prenoms-absents",
        "pays-naissance-absent",
        "commune-naissance-absente",
        "sexe-absent",
        "civilite-absente",
        "email-absent",
        "telephone-absent",
    )
    return [
        person(
            "numero-rpps-absent",
            "professional_id",
            {"pp_id": NOTHING, "professional_id": NOTHING},
            files=FOLLOW_UP,
        ),
        *(person(rule, column, {column: NOTHING}) for rule, column in zip(rules, person_texts, strict=True)),
        person("date-naissance-absente", "birth_date", {"birth_date": NO_DAY}),
        person(
            "lieu-naissance-etranger-absent",
            "birth_place",
            {"birth_country": ITALY, "birth_commune": NOTHING, "birth_place": NOTHING},
        ),
        person("statut-etat-civil-absent", "civil_status_state", {"civil_status_state": NOTHING}, files=FOLLOW_UP),
        person("face-a-face-absent", "face_to_face_date", {"face_to_face_date": NO_DAY}, files=FOLLOW_UP),
        work("nom-exercice-absent", "exercise_name", {"exercise_name": NOTHING}, files=EVERYWHERE),
        work("prenom-exercice-absent", "exercise_first_name", {"exercise_first_name": NOTHING}, files=EVERYWHERE),
        work("finess-absent", "finess", {"finess": NOTHING}, files=EVERYWHERE, rank=1),
        work("role-absent", "role", {"role": NOTHING}, files=EVERYWHERE),
        work("profession-absente", "profession", {"profession": NOTHING}, files=EVERYWHERE),
        work("date-debut-absente", "start_date", {"start_date": NO_DAY}, files=FOLLOW_UP),
        work("information-personne-absente", "notice_date", {"notice_date": NO_DAY}, files=FOLLOW_UP),
        closed("motif-fin-absent", "end_reason", {"end_reason": NOTHING}),
        closed("situation-fermee-sans-fin", "end_date", {"end_date": NO_DAY, "end_reason": NOTHING}),
    ]


def _identifiers() -> list[Plant]:
    """Numbers that cannot be: RPPS, IDNPS, FINESS, SIRET."""
    unknown = Finding("finess-introuvable", S, "finess", BOTH, 0)
    other = Finding("finess-juridique-different", S, "finess_legal", BOTH, 0)
    cut = pl.concat_str(pl.col("pp_id").str.head(10), pl.lit("X"))
    torn = numbers.broken_key(pl.col("pp_id"))
    return [
        person("rpps-format", "pp_id", {"pp_id": cut, "professional_id": "8" + cut}, files=EVERYWHERE),
        person("rpps-cle", "pp_id", {"pp_id": torn, "professional_id": "8" + torn}, files=EVERYWHERE),
        Plant(
            [Finding("idnps-incoherent", P, "professional_id", REGISTRY)],
            [Change({"pp_id": pl.col("spare_rpps")}, REGISTRY), Change({"roster_number": False}, (ROSTER,))],
        ),
        work("finess-format", "finess", {"finess": pl.col("finess").str.head(8) + "X"}, unknown, files=EVERYWHERE),
        work("finess-cle", "finess", {"finess": numbers.broken_key(pl.col("finess"))}, unknown, files=EVERYWHERE),
        work("finess-introuvable", "finess", {"finess": pl.col("spare_finess")}),
        work(
            "finess-juridique-cle", "finess_legal", {"finess_legal": numbers.broken_key(pl.col("finess_legal"))}, other
        ),
        work("finess-juridique-different", "finess_legal", {"finess_legal": pl.col("spare_finess")}),
        work("siret-cle", "siret", {"siret": numbers.broken_key(pl.col("siret"))}, files=(RESTRICTED,)),
        work(
            "profession-nationale-inattendue",
            "national_profession",
            {"national_profession": "60"},
            # Public too: the follow-up learns that an order registers this number.
            Finding("numero-profession-reglementee", S, "profession", FOLLOW_UP, 0),
            files=(RESTRICTED,),
        ),
    ]


def _civil_status() -> list[Plant]:
    """Names, birth, sex: what cannot be, or hardly."""
    age = Finding("age-prise-de-fonction", S, "start_date", FOLLOW_UP, 0)
    mismatch = Finding("sexe-civilite-incoherents", P, "civility")
    birth = pl.col("birth_date")
    partial = birth.dt.strftime("%m/%Y")
    name = pl.col("birth_name")
    other_title = pl.when(pl.col("sex") == "F").then(pl.lit("M")).otherwise(pl.lit("MME"))
    spoiled = {"birth_date": NO_DAY}
    unborn = [
        Finding("face-a-face-avant-naissance", P, "face_to_face_date", FOLLOW_UP),
        Finding("information-avant-naissance", S, "notice_date", FOLLOW_UP),
    ]
    return [
        person("nom-naissance-caracteres", "birth_name", {"birth_name": name + "2"}),
        person("nom-naissance-caracteres", "birth_name", {"birth_name": name + " - PETIT"}),
        person("prenoms-caracteres", "first_names", {"first_names": pl.col("exercise_first_name") + "/Alex"}),
        work("nom-exercice-caracteres", "exercise_name", {"exercise_name": name + " (REMPL.)"}, files=EVERYWHERE),
        person("prenoms-ambigus", "first_names_ambiguous", {"first_names": "N'Deye, Marie"}, files=(RESTRICTED,)),
        person("nom-egal-prenom", "birth_name", {"first_names": name.str.replace("'", "-").str.to_titlecase()}),
        person("nom-fictif", "birth_name", {"birth_name": "TEST"}),
        person("date-naissance-illisible", "birth_date_text", {**spoiled, "birth_date_text": "31/02/1980"}),
        person("date-naissance-partielle", "birth_date_text", {**spoiled, "birth_date_text": birth.dt.strftime("%Y")}),
        person("date-naissance-partielle", "birth_date_text", {**spoiled, "birth_date_text": partial}),
        person("date-naissance-future", "birth_date", {"birth_date": birth + pl.duration(days=36_525)}, age, *unborn),
        person("age-aujourd-hui", "birth_date", {"birth_date": birth - pl.duration(days=21_915)}, age),
        person("pays-naissance-inconnu", "birth_country", {"birth_country": "99999", "birth_commune": NOTHING}),
        # South Sudan and Kosovo: states born after the people of the sample.
        person("pays-naissance-hors-date", "birth_country", {"birth_country": "99349", "birth_commune": NOTHING}),
        person("pays-naissance-hors-date", "birth_country", {"birth_country": "99157", "birth_commune": NOTHING}),
        person("commune-naissance-inconnue", "birth_commune", {"birth_commune": "69999"}),
        # A commune of Mayotte, whose codes begin in 2011, and one that was merged before 1961.
        person("commune-naissance-hors-date", "birth_commune", {"birth_commune": "97608", "birth_place": "Dzaoudzi"}),
        person(
            "commune-naissance-hors-date",
            "birth_commune",
            {"birth_commune": "01377", "birth_place": "Saint-Maurice-d'Échazeaux"},
        ),
        person(
            "commune-francaise-pays-etranger",
            "birth_commune",
            {"birth_country": ITALY, "birth_commune": "42218", "birth_place": "Saint-Étienne"},
        ),
        person("commune-ville-a-arrondissements", "birth_commune", {"birth_commune": "75056", "birth_place": "Paris"}),
        person("commune-ville-a-arrondissements", "birth_commune", {"birth_commune": "69123", "birth_place": "LYON"}),
        person("sexe-inconnu", "sex", {"sex": "X"}, mismatch),
        person("civilite-inconnue", "civility", {"civility": "DR"}),
        person("sexe-civilite-incoherents", "civility", {"civility": other_title}),
        person("statut-etat-civil-inconnu", "civil_status_state", {"civil_status_state": "ZZ"}, files=FOLLOW_UP),
        person("etat-civil-non-resolu", "civil_status_state", {"civil_status_state": "NC"}, files=FOLLOW_UP),
        person("etat-civil-non-resolu", "civil_status_state", {"civil_status_state": "DI"}, files=FOLLOW_UP),
    ]


def _contact() -> list[Plant]:
    """E-mail and telephone, needed to activate the e-CPS."""
    at = pl.col("email").str.replace("@", " arobase ", literal=True)
    local = pl.col("email").str.split("@").list.first()
    block = pl.col("block")
    landline = pl.concat_str(
        pl.lit(_LINE_OF_FICTION).gather(block // 10_000 % 5), (block % 10_000).cast(pl.String).str.zfill(4)
    )
    return [
        person("email-format", "email", {"email": at}, situations=2),
        person(
            "email-generique", "email", {"email": pl.concat_str(pl.lit("contact@site"), "person", pl.lit(".example"))}
        ),
        person("email-mssante", "email", {"email": local + "@exemple.mssante.fr"}),
        person("telephone-format", "phone", {"phone": _TOO_LONG}, _no_mobile(BOTH), situations=2),
        person("telephone-non-mobile", "phone", {"phone": landline}),
    ]


def _situation_codes() -> list[Plant]:
    """Role and profession."""
    no_grant = Finding("role-sans-droits-connus", S, "role", EVERYWHERE, 0)
    unknown = Finding("profession-inconnue", S, "profession", EVERYWHERE, 0)
    return [
        work("role-inconnu", "role", {"role": "GENR55"}, files=EVERYWHERE),
        work("role-retire", "role", {"role": "GENR05"}, no_grant, files=EVERYWHERE),
        work("role-hors-portail", "role", {"role": "GENR04"}, no_grant, files=EVERYWHERE),
        work("role-sans-droits-connus", "role", {"role": "GENR13"}, files=EVERYWHERE),
        work("role-sans-droits-connus", "role", {"role": "GENR99"}, files=EVERYWHERE),
        work("profession-inconnue", "profession", {"profession": "999"}, files=EVERYWHERE),
        work("profession-a-enregistrer-ailleurs", "profession", {"profession": "60"}, unknown, files=EVERYWHERE),
        work("profession-retiree", "profession", {"profession": "318"}, files=EVERYWHERE),
        work("profession-retiree", "profession", {"profession": "323"}, files=EVERYWHERE),
        work("profession-hors-portail", "profession", {"profession": "353"}, files=EVERYWHERE),
        work("profession-hors-portail", "profession", {"profession": "346"}, files=EVERYWHERE),
    ]


def _dates() -> list[Plant]:
    """Start, end, sign of life."""
    young = pl.col("start_date") - pl.duration(days=5_114)
    return [
        work(
            "date-debut-illisible",
            "start_date_text",
            {"start_date": NO_DAY, "start_date_text": "32/01/2024"},
            files=FOLLOW_UP,
        ),
        closed("date-fin-illisible", "end_date_text", {"end_date": NO_DAY, "end_date_text": "30/02/2026"}),
        closed("fin-avant-debut", "end_date", {"start_date": date(2026, 6, 15)}),
        closed("motif-fin-inconnu", "end_reason", {"end_reason": "XYZ"}),
        work("motif-sans-fin", "end_date", {"end_reason": "CHL"}, files=FOLLOW_UP),
        work("age-prise-de-fonction", "start_date", {"birth_date": young}, files=FOLLOW_UP),
        work(
            "date-debut-future",
            "start_date",
            {"start_date": date(2027, 2, 1), "last_confirmed": NO_DAY},
            files=FOLLOW_UP,
            rank=1,
        ),
        work(
            "fin-passee-ouverte",
            "end_date",
            {"start_date": date(2024, 2, 5), "end_date": date(2026, 3, 31), "end_reason": "AUT"},
            files=FOLLOW_UP,
        ),
        work(
            "ouverte-trop-longtemps",
            "start_date",
            {"start_date": date(2018, 6, 15), "last_confirmed": NO_DAY},
            files=FOLLOW_UP,
        ),
        work(
            "confirmation-ancienne",
            "last_confirmed",
            {"start_date": date(2023, 4, 3), "last_confirmed": date(2025, 5, 12)},
            files=FOLLOW_UP,
        ),
        work("demande-en-attente-ancienne", "pending_request_date", {"pending_request_date": OLD}, files=FOLLOW_UP),
        Plant(
            [Finding("demandes-simultanees", S, "pending_request_date", FOLLOW_UP)],
            _waiting(),
            situations=2,
        ),
    ]


def _waiting() -> list[Change]:
    """A request made a few days before the date of each file."""
    return [
        Change({"pending_request_date": date(2026, 8, 20)}, (BEFORE,)),
        Change({"pending_request_date": RECENT}, SINCE),
    ]


def _between_records() -> list[Plant]:
    """Two people, or two lines, that cannot both be right. A partner takes what it shares from the line before."""
    before = {name: pl.col(name).shift(1) for name in IDENTITY}
    number = {name: pl.col(name).shift(1) for name in ("pp_id", "professional_id")}
    same = {name: pl.col(name).shift(1) for name in ("sex", "civility", "email", "phone", *_BIRTHPLACE)}
    again = pl.col("phone").shift(1).str.replace_all(r"^\+33", "0").str.replace_all(r"[ .]", "")
    role = pl.when(pl.col("role") == "GENR12").then(pl.lit("GENR09")).otherwise(pl.lit("GENR12"))
    return [
        pair("meme-personne-deux-numeros", "birth_name", before),
        Plant(
            [Finding("numero-deux-personnes", P, "birth_name")],
            [Change(number | same, partner=True)],
        ),
        pair("email-partage", "email", {"email": pl.col("email").shift(1).str.to_uppercase()}),
        pair("telephone-partage", "phone", {"phone": again}),
        Plant([Finding("ligne-repetee", S, "finess", EVERYWHERE, copy=1)], copy={"copy": 1}),
        Plant(
            [Finding("situations-jumelles", S, "finess", BOTH, copy=1)],
            [Change({"start_date": date(2023, 2, 1)})],
            copy={"role": role},
        ),
    ]


_BIRTHPLACE = ("birth_country", "birth_commune", "birth_place")


def _between_files() -> list[Plant]:
    """The follow-up against the public extract, the HR file and FINESS."""
    role = pl.when(pl.col("role") == "GENR08").then(pl.lit("GENR10")).otherwise(pl.lit("GENR08"))
    trade = pl.when(pl.col("profession") == "312").then(pl.lit("368")).otherwise(pl.lit("312"))
    return [
        _published(
            S, "nom-exercice-different-annuaire", "exercise_name", {"exercise_name": pl.col("birth_name") + "-VIDAL"}
        ),
        _published(S, "role-different-annuaire", "role", {"role": role}),
        _published(S, "profession-differente-annuaire", "profession", {"profession": trade}),
        _published(P, "contact-prive-publie-email", "email", {"structure_email": pl.col("email")}),
        _published(P, "contact-prive-publie-telephone", "phone", {"structure_phone": pl.col("phone")}),
        Plant([Finding("absent-annuaire-public", S, "finess", FOLLOW_UP)], absent=(PUBLIC,)),
        Plant(
            [Finding("inconnu-du-suivi", S, "finess", (PUBLIC,), 1)],
            situations=2,
            absent=(*FOLLOW_UP, RESTRICTED, ROSTER),
            absent_rank=1,
        ),
        Plant([Finding("parti-selon-rh", S, "end_date", BOTH)], [Change({"roster_end": date(2026, 5, 31)}, (ROSTER,))]),
        # Known to the HR file by name and birth date alone.
        Plant(
            [Finding("parti-selon-rh", S, "end_date", BOTH)],
            [Change({"roster_end": date(2026, 6, 30), "roster_number": False}, (ROSTER,))],
        ),
        Plant([Finding("absent-du-fichier-rh", S, "finess", BOTH)], absent=(ROSTER,)),
        Plant([Finding("etablissement-ferme", S, "finess", EVERYWHERE)], closed=True),
    ]


def _published(table: str, rule: str, column: str, values: Mapping[str, Any]) -> Plant:
    """A difference that stands in the public extract and is found on the follow-up."""
    return Plant([Finding(rule, table, column, FOLLOW_UP)], [Change(values, (PUBLIC,))])


def _departures() -> list[Plant]:
    """People who have left everywhere, and what they still hold."""
    card = Finding("carte-valide-personne-partie", P, "professional_id", FOLLOW_UP)
    mailbox = Finding("boite-mssante-personne-partie", P, "professional_id", FOLLOW_UP)
    return [
        _departed({}),
        _departed({"card_until": date(2028, 5, 31), "card_opposed": date(2026, 4, 2)}),
        _departed({"card_until": date(2028, 5, 31)}, card),
        _departed({"mailbox": True}, mailbox),
    ]


def _departed(values: Mapping[str, Any], *also: Finding, **more: Any) -> Plant:
    gone = {
        "is_open": False,
        "end_date": date(2026, 3, 31),
        "start_date": date(2023, 1, 9),
        "end_reason": "CHL",
        "last_confirmed": NO_DAY,
    }
    return Plant(
        [Finding("sans-situation-ouverte", P, "professional_id", FOLLOW_UP), *also],
        [Change({**gone, **values})],
        **more,
    )


def _life() -> list[Plant]:
    """From the first follow-up to the second: fixed, new, gone, or badly fixed."""
    first, now = (BEFORE,), (NOW, RESTRICTED)
    ended = {"is_open": False, "end_date": date(2026, 7, 31), "end_reason": "CHL", "last_confirmed": NO_DAY}
    return [
        # Fixed.
        _fixed([Finding("email-absent", P, "email", first)], {"email": NOTHING}),
        _fixed([Finding("telephone-format", P, "phone", first), _no_mobile(first)], {"phone": _TOO_LONG}),
        _fixed([Finding("nom-exercice-absent", S, "exercise_name", first)], {"exercise_name": NOTHING}),
        _fixed([Finding("role-absent", S, "role", first)], {"role": NOTHING}),
        _fixed([Finding("date-debut-absente", S, "start_date", first)], {"start_date": NO_DAY}),
        Plant(
            [
                Finding("profession-retiree", S, "profession", first),
                # The public extract is later than the first follow-up, and already says 328.
                Finding("profession-differente-annuaire", S, "profession", first),
            ],
            [Change({"profession": "318"}, first), Change({"profession": "328"}, SINCE)],
        ),
        Plant(
            [
                Finding("parti-selon-rh", S, "end_date", first, 1),
                # Closed in the follow-up, but not in the portal.
                Finding("fermee-encore-publiee", S, "finess", (NOW,), 1),
            ],
            [Change(ended, (NOW,), 1), Change({"roster_end": date(2026, 7, 31)}, (ROSTER,), 1)],
            situations=2,
            absent=(RESTRICTED,),
            absent_rank=1,
        ),
        # New.
        Plant(
            [Finding("email-format", P, "email", now)], [Change({"email": pl.col("email").str.replace("@", "")}, SINCE)]
        ),
        Plant([Finding("telephone-absent", P, "phone", now)], [Change({"phone": NOTHING}, SINCE)]),
        # New because time has passed: the lines are the same.
        work("fin-passee-ouverte", "end_date", {"end_date": date(2026, 10, 15), "end_reason": "AUT"}, files=(NOW,)),
        work(
            "confirmation-ancienne",
            "last_confirmed",
            {"start_date": date(2023, 9, 4), "last_confirmed": date(2025, 9, 10)},
            files=(NOW,),
        ),
        work(
            "ouverte-trop-longtemps",
            "start_date",
            {"start_date": date(2021, 9, 30), "last_confirmed": NO_DAY},
            files=(NOW,),
        ),
        work(
            "demande-en-attente-ancienne",
            "pending_request_date",
            {"pending_request_date": date(2026, 8, 20)},
            files=(NOW,),
        ),
        # Gone with their records: nothing is proven.
        Plant(
            [
                Finding("sans-situation-ouverte", P, "professional_id", first),
                Finding("telephone-absent", P, "phone", first),
            ],
            [*_departed({"phone": NOTHING}).changes],
            absent=(NOW, RESTRICTED, PUBLIC),
        ),
        Plant(
            [Finding("motif-fin-absent", S, "end_reason", first, 1)],
            [Change({**ended, "end_reason": NOTHING}, rank=1)],
            situations=2,
            absent=(NOW,),
            absent_rank=1,
        ),
        # Badly fixed: another wrong number, and an address that is none.
        Plant(
            [Finding("telephone-format", P, "phone", BOTH), _no_mobile(BOTH)],
            [Change({"phone": _TOO_LONG}, first), Change({"phone": _TOO_LONG + " bis"}, SINCE)],
        ),
        Plant(
            [Finding("email-absent", P, "email", first), Finding("email-format", P, "email", now)],
            [
                Change({"email": NOTHING}, first),
                Change({"email": pl.concat_str("exercise_first_name", pl.lit("."), RANK)}, SINCE),
            ],
        ),
    ]


def _fixed(findings: Sequence[Finding], values: Mapping[str, Any]) -> Plant:
    """Wrong in the first follow-up alone."""
    return Plant(findings, [Change(values, findings[0].files)])


def _harmless() -> list[Plant]:
    """What no rule may say anything of."""
    joined = {"last_confirmed": NO_DAY, "notice_date": date(2026, 10, 1), "face_to_face_date": date(2026, 9, 4)}
    return [
        # Came between the two follow-ups.
        Plant(
            [], [Change({**joined, "start_date": date(2026, 9, 14), "true_start": date(2026, 9, 14)})], absent=(BEFORE,)
        ),
        # Came less than a week ago: not public yet.
        Plant(
            [],
            [Change({**joined, "start_date": date(2026, 10, 28), "true_start": date(2026, 10, 28)})],
            absent=(BEFORE, *REGISTRY),
        ),
        # One request, made a few days before each file.
        Plant([], _waiting()),
        # A valid card and a mailbox, of people at work.
        Plant([], [Change({"card_until": date(2028, 5, 31), "mailbox": True}, (CARDS, MAILBOXES))]),
        # Born abroad, without a commune, as it must be.
        Plant([], [Change({"birth_country": "99139", "birth_commune": NOTHING, "birth_place": "Porto"}, EDITIONS)]),
    ]
