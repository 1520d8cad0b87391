"""More planted defects: contact data, dates, and several people under one number. The table grows here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import polars as pl

from rpps_audit.sample.plants import (
    FOLLOW_UP,
    Change,
    Finding,
    P,
    Plant,
    S,
)
from rpps_audit.sample.shapes import (
    EVERYWHERE,
    FRANCE,
    IDENTITY,
    ITALY,
    NO_DAY,
    NOTHING,
    RANK,
    closed,
    pair,
    person,
    work,
)


def contact_lists() -> list[Plant]:
    """What was typed to fill the box, or mistyped."""
    site = pl.concat_str(pl.lit("@site"), "person", pl.lit(".example"))
    return [
        person("telephone-local", "phone", {"phone": pl.concat_str(pl.lit("7"), RANK.str.tail(5))}),
        person(
            "email-domaine-mal-tape", "email", {"email": pl.concat_str(pl.lit("p"), "person", pl.lit("@gmail.con"))}
        ),
        person("email-jetable", "email", {"email": pl.concat_str(pl.lit("p"), "person", pl.lit("@yopmail.com"))}),
        person("email-fictif", "email", {"email": "test" + site}),
        person("email-generique", "email", {"email": "EHPAD" + site}),
        person("email-format", "email", {"email": "a..b" + site}),
        person("email-format", "email", {"email": pl.concat_str(pl.lit("p"), "person", pl.lit("@-site.example"))}),
        person("prenoms-fictifs", "first_names", {"first_names": "Sans prénom"}),
        work("nom-exercice-fictif", "exercise_name", {"exercise_name": "À COMPLÉTER"}, files=EVERYWHERE),
        work("prenom-exercice-fictif", "exercise_first_name", {"exercise_first_name": "TOTO"}, files=EVERYWHERE),
        work("prenom-exercice-caracteres", "exercise_first_name", {"exercise_first_name": "Zoé 2"}, files=EVERYWHERE),
        person(
            "code-postal-pour-commune",
            "birth_commune",
            {"birth_country": FRANCE, "birth_commune": "69003", "birth_place": "LYON 3"},
        ),
        person(
            "lieu-different-de-la-commune",
            "birth_place",
            {"birth_country": FRANCE, "birth_commune": "31555", "birth_place": "LYON"},
        ),
    ]


def more_dates() -> list[Plant]:
    """Dates of the far future, and proofs that cannot be."""
    future = date(2062, 1, 1)
    early = pl.lit(date(1955, 1, 3)) + pl.duration(days=pl.col("person") % 3_000)
    return [
        work("date-fin-lointaine", "end_date", {"end_date": date(2099, 12, 31), "end_reason": "AUT"}, files=FOLLOW_UP),
        work("confirmation-future", "last_confirmed", {"last_confirmed": future}, files=FOLLOW_UP),
        work("information-future", "notice_date", {"notice_date": future}, files=FOLLOW_UP),
        person("face-a-face-futur", "face_to_face_date", {"face_to_face_date": future}, files=FOLLOW_UP),
        work("demande-future", "pending_request_date", {"pending_request_date": future}, files=FOLLOW_UP),
        work(
            "information-tardive",
            "notice_date",
            {"start_date": date(2024, 1, 15), "face_to_face_date": date(2024, 1, 10), "notice_date": date(2024, 9, 15)},
            files=FOLLOW_UP,
        ),
        # Before any establishment of the sample opened; born early enough to have worked then, where no code tells.
        Plant(
            [Finding("debut-hors-ouverture", S, "start_date", FOLLOW_UP)],
            [
                Change({"start_date": date(1985, 7, 1)}, FOLLOW_UP),
                Change({"birth_date": early, "birth_country": ITALY, "birth_commune": NOTHING, "birth_place": "Rome"}),
            ],
        ),
        closed("situation-d-un-jour", "end_date", {"end_date": date(2024, 2, 5)}),
    ]


def more_people() -> list[Plant]:
    """People known twice or otherwise, at work after death or everywhere."""
    same = {name: pl.col(name).shift(1) for name in (*IDENTITY, "birth_country")}
    lyon = {"birth_country": FRANCE, "birth_commune": "69381", "birth_place": "LYON"}
    swapped = {"birth_name": pl.col("exercise_first_name").shift(1), "first_names": pl.col("birth_name").shift(1)}
    dead = {
        "is_open": False,
        "start_date": date(2024, 2, 5),
        "notice_date": date(2024, 2, 8),
        "end_date": date(2026, 7, 31),
        "end_reason": "DCD",
    }
    return [
        pair("meme-personne-probable", "birth_name", same | swapped),
        _twice("numero-deux-emails", "email", {"email": "autre." + pl.col("email")}),
        _twice("numero-deux-telephones", "phone", {"phone": "07" + pl.col("spare_rpps").str.slice(2, 8)}),
        _twice("numero-deux-communes", "birth_commune", lyon | {"birth_commune": "69382"}, lyon),
        _twice("numero-deux-sexes", "sex", {"sex": "F", "civility": "MME"}, {"sex": "M", "civility": "M"}),
        work("numero-avec-savoir-faire", "profession", {"skilled": True}, files=FOLLOW_UP),
        work("numero-avec-diplome", "profession", {"graduate": True}, files=FOLLOW_UP),
        work("role-eloigne-profession", "role", {"role": "GENR11", "profession": "343"}, files=EVERYWHERE),
        Plant([Finding("nombreux-etablissements", P, "professional_id")], situations=6),
        Plant(
            [Finding("deces-situation-ouverte", S, "end_date", FOLLOW_UP, 0)],
            [Change({**dead, "last_confirmed": NO_DAY}, rank=1)],
            situations=2,
        ),
    ]


def _twice(rule: str, column: str, second: Mapping[str, Any], both: Mapping[str, Any] | None = None) -> Plant:
    """One number on two lines that do not say the same of the person."""
    return Plant([Finding(rule, P, column)], [Change(second, rank=1), Change(both or {})], situations=2)
