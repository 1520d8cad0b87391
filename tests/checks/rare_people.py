"""Right but rare: three thousand people of whom an expert would say nothing, written from sources, not from the rules.

Names: circulaire du 23 juillet 2014 (JUSC1412888C: 16 letters with a sign, æ, œ, apostrophe, hyphen), circulaire du
6 décembre 2004 (double hyphen, births of 2005 to 2011). Places: INSEE, communes of the day of birth. Phones: ARCEP's
numbering plan and E.164. Nothing here knows how a rule is computed, nor the project's own sample.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from rpps_audit.reference import communes

TODAY = date(2026, 11, 1)
COUNT = 3_000
NAMES = [
    "DE CROŸ", "LOUŸS", "L'HAŸ", "VAN 'T HOFF", "D'ŒUVRE", "LEBŒUF", "CÆSAR", "ŒSTERLÉ", "MUÑOZ", "LE GOFF", "N'DIAYE",
    "SAINT-JUST D'AUTINGUES", "DE LA TOUR D'AUVERGNE-LAURAGUAIS", "Ô", "O", "PÏ", "TESTARD", "NOMBLOT", "FOYER",
    "RHODES", "DIRECTEUR", "INFANTE", "MARTIN", "ÉTIENNE", "JEAN",
    "AÏT ALI", "BEN", "KERMOAL", "DELL'AQUILA", "GOÜIN", "HÉRAULT",
]  # fmt: skip
FIRST_NAMES = [
    "Zoé", "Louÿs", "Anne-Marie", "Jean-Noël", "Loïc", "Gaël", "Maëlys", "Françoise", "Éléonore", "Lætitia", "Cœline",
    "Ô", "Li", "Fañch", "Ève", "Aÿa", "Hugues", "Noël", "Inès", "Raphaël", "Marie", "N'Golo", "Chloé", "Joël", "Thaïs",
]  # fmt: skip
# Public codes of countries, as today's lists give them, and places written as on an identity card.
ABROAD = [("99350", "CASABLANCA"), ("99351", "TUNIS"), ("99352", "ALGER"), ("99109", "MUNICH"), ("99155", "KIEV"),
          ("99139", "BRAGA"), ("99123", "MOSCOU"), ("99114",
    "BUCAREST"), ("99341", "DAKAR"), ("99212", "KABOUL")]  # fmt: skip
SITES = [f"69{n:06d}" for n in range(1, 160)]
JOBS = [
    ("GENR11", "313"),
    ("GENR10", "326"),
    ("GENR09", "343"),
    ("GENR12", "359"),
    ("GENR08", "330"),
    ("GENR10", "368"),
]


def key(digits: str) -> str:
    """A number followed by its Luhn key (ISO/IEC 7812)."""
    total = 0
    for rank, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if rank % 2 == 0 else 1)
        total += value - 9 * (value > 9)
    return digits + str(-total % 10)


def phone(rank: int, draw: random.Random) -> str:
    """A mobile of the numbering plan, metropolitan, overseas or foreign, as people write them."""
    end = f"{rank:06d}"
    a, b, c = end[:2], end[2:4], end[4:]
    return draw.choice([
        f"06 39 {a} {b} {c}", f"07.56.{a}.{b}.{c}", f"+33 (0)6 44 {a} {b} {c}", f"0033 7 81 {a} {b} {c}",
        f"+337 90{end}", f"0690 {a} {b} {c}", f"+262 692 {a} {b} {c}", f"00594 694 {a} {b} {c}", f"0696-{a}-{b}-{c}",
        f"07/3{rank % 10}/{a}/{b}/{c}", f"0041 79 4{end}", f"+32 47{end[0]} 1{a} {b} {c}", f"+49 151 2{end}",
        f"06\u00a050\u202f{a} {b}\u00a0{c}", f"+213 55{end} 1",
    ])  # fmt: skip


def birth(rank: int, draw: random.Random) -> tuple[date, str, str, str]:
    """Day, country, commune of that day, place in words."""
    day = date(1952, 1, 1) + timedelta(days=rank * 6_007 % 19_000)
    if draw.random() < 0.25:
        country, place = draw.choice(ABROAD)
        return day, country, "", place
    if draw.random() < 0.1 and day < date(1962, 7, 5):
        return day, "99352", "92352", "ORAN"
    code, place = draw.choice(TOWNS[day.year // 5 * 5])
    return day, draw.choice(["99100", "99000"]), code, place


def _towns() -> dict[int, list[tuple[str, str]]]:
    """For each five years, communes that held from their first day to their last, as written on a card."""
    frame = communes().filter(~pl.col("code").is_in(["75056", "13055", "69123"]), pl.col("kind") != "overseas")
    whole = frame.with_columns(start=pl.col("valid_from").fill_null(date(1900, 1, 1)))
    return {
        year: whole.filter(
            pl.col("start") <= date(year, 1, 1),
            pl.col("valid_to").is_null() | (pl.col("valid_to") > date(year + 5, 1, 1)),
        )
        .sample(300, seed=year)
        .select("code", place=pl.col("label").str.to_uppercase())
        .rows()
        for year in range(1950, 2010, 5)
    }


TOWNS = _towns()
HEADINGS = [
    "Numéro RPPS",
    "Nom de naissance",
    "Prénoms",
    "Date de naissance",
    "Pays de naissance",
    "Commune de naissance",
    "Lieu de naissance",
    "Sexe",
    "Civilité",
    "Statut état civil",
    "Date du face à face",
    "Adresse e-mail",
    "Téléphone",
    "Nom d'exercice",
    "Prénom d'exercice",
    "FINESS géographique",
    "FINESS juridique",
    "Établissement",
    "Rôle",
    "Profession",
    "Date de prise de fonction",
    "Date de fin de fonction",
    "Motif de fin",
    "Situation ouverte",
    "Dernière confirmation de présence",
    "Date d'information de la personne",
    "Demande en attente depuis",
]


def written(day: date | None) -> str:
    return f"{day:%d/%m/%Y}" if day else ""


def lines() -> Iterator[list[str]]:
    """The lines of the follow-up: one or several a person."""
    draw = random.Random(14)
    for rank in range(COUNT):
        number = key(f"10{rank:08d}")
        day, country, commune, place = birth(rank, draw)
        name = draw.choice(NAMES)
        if day >= date(2000, 1, 1):
            name = f"{name.split(' ')[0]}--DURAND"
        firsts = draw.sample(FIRST_NAMES, draw.choice([1, 1, 2, 3]))
        woman = draw.random() < 0.7
        # A name of use for some, the same name spelt with its ligature undone for others.
        used = draw.choice([name, name, "LEGENDRE", name.replace("Œ", "OE")])
        begun = date(2021, 1, 4) + timedelta(days=draw.randrange(1_900))
        if rank == 7:
            day, begun = date(1949, 3, 15), date(2024, 3, 15)  # seventy-five that very day
            country, commune, place = "99139", "", "BRAGA"
        met = begun - timedelta(days=draw.randrange(20))
        mailbox = draw.choice(["prenom.nom", "o'neil", "nom+rpps", "direction-du-sud", "x_y"])
        email = f"{rank}.{mailbox}@asso{rank % 40}.example"
        person = [
            number, name, ", ".join(firsts), written(day), country, commune, place, "F" if woman else "M",
            "Mme" if woman else "M", draw.choice(["C", "FC", "FCP"]), written(met), email, phone(rank, draw), used,
            firsts[0],
        ]  # fmt: skip
        site, (role, job) = draw.choice(SITES), draw.choice(JOBS)
        yield from situations(person, key(site), role, job, begun, draw)


def situations(
    person: list[str], site: str, role: str, job: str, begun: date, draw: random.Random
) -> Iterator[list[str]]:
    """Permanent, fixed-term renewed the day after, on two sites, written otherwise."""
    told, seen = written(begun + timedelta(days=3)), written(TODAY - timedelta(days=draw.randrange(200)))
    work = [site, key("69900001"), "EHPAD DES SOURCES", role, job]
    kind = draw.random()
    if kind < 0.7:
        yield [*person, *work, written(begun), "", "", "oui", seen, told, ""]
    elif kind < 0.8:  # a fixed term to come to its end: no reason yet
        yield [*person, *work, written(begun), "31/12/2026", "", "oui", seen, told, ""]
    elif kind < 0.9:  # renewed: the second begins the day after the first
        end = begun + timedelta(days=90)
        yield [*person, *work, written(begun), written(end), "", "non", "", told, ""]
        again = written(end + timedelta(days=1))
        yield [*person, *work, again, "31/01/2027", "", "oui", seen, again, ""]
    else:  # two sites, the name's ligature written otherwise on the second
        yield [*person, *work, written(begun), "", "", "oui", seen, told, ""]
        other = key(draw.choice([code for code in SITES if key(code) != site]))
        second = person.copy()
        second[2] = second[2].split(",")[0]
        second[1], second[13] = second[1].replace("Œ", "OE").replace("Æ", "AE"), second[13].replace("Œ", "OE")
        yield [*second, other, *work[1:], written(begun), "", "", "oui", seen, told, ""]


def write(folder: Path) -> Path:
    """The follow-up of these people, as a file."""
    path = folder / f"suivi-{TODAY:%Y%m%d}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=";")
        writer.writerow(HEADINGS)
        writer.writerows(lines())
    return path
