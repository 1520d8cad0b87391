"""Nomenclatures: versioned data, judged at a date; what is unknown is not evaluable."""

from datetime import date

import polars as pl
import pytest

from rpps_audit.errors import UsageError
from rpps_audit.reference import (
    load_access,
    load_aliases,
    load_nomenclature,
    nomenclature_known_expr,
    nomenclature_label_expr,
    nomenclature_names,
    nomenclature_offered_expr,
    nomenclature_valid_expr,
    normalise,
    provenance,
)

PROFESSIONS = load_nomenclature("professions")


def professions(expr_of: str, *codes: str | None, at: date = date(2026, 6, 1)) -> list[object]:
    code = pl.col("code")
    expr = {
        "valid": nomenclature_valid_expr("professions", code, pl.lit(at)),
        "known": nomenclature_known_expr("professions", code),
        "offered": nomenclature_offered_expr("professions", code),
        "label": nomenclature_label_expr("professions", code),
    }[expr_of]
    return pl.DataFrame({"code": codes}, schema={"code": pl.String}).select(expr).to_series().to_list()


def test_professions_of_the_slides_that_moved() -> None:
    codes = ("318", "323", "328", "353", "312", None, "999")
    assert professions("valid", *codes) == [False, False, True, True, True, None, False]
    assert professions("valid", *codes, at=date(2025, 12, 21))[:3] == [True, True, True]
    assert professions("offered", *codes) == [False, False, True, False, True, None, None]
    assert professions("known", *codes) == [True, True, True, True, True, None, False]
    assert professions("label", "359", "999") == ["Directeur d'établissement", None]
    assert [PROFESSIONS.successor(code) for code in ("318", "323", "350", "352", "999")] == [
        "328",
        "328",
        "372",
        None,
        None,
    ]


def test_portal_offers_sixty_professions_and_eight_roles() -> None:
    assert len(PROFESSIONS.portal_codes) == 60
    assert load_nomenclature("roles").portal_codes == {
        "GENR01",
        *(f"GENR{n:02}" for n in range(8, 14)),
        "GENR99",
    }


@pytest.mark.parametrize("name", nomenclature_names())
def test_every_nomenclature_is_sound(name: str) -> None:
    nomenclature = load_nomenclature(name)
    frame = nomenclature.frame
    assert frame.height == len(nomenclature.codes) > 0
    assert frame.select(pl.col("code", "label").is_null().any()).row(0) == (False, False)
    assert frame.filter(pl.col("valid_from") >= pl.col("valid_to")).is_empty()
    assert nomenclature.version
    assert nomenclature.source
    assert nomenclature.licence


@pytest.mark.parametrize("name", ["roles", "professions"])
def test_a_successor_is_in_use_the_day_it_takes_over(name: str) -> None:
    nomenclature = load_nomenclature(name)
    replaced = nomenclature.frame.drop_nulls("successor")
    for code, day in zip(replaced["code"], replaced["valid_to"], strict=True):
        assert nomenclature.successor(code) in set(nomenclature.valid_at(day)["code"])
        assert code not in set(nomenclature.valid_at(day)["code"])


def test_former_codes_lead_to_professions_of_the_same_name() -> None:
    former = load_nomenclature("former-professions").frame
    assert set(former["successor"]) <= PROFESSIONS.codes
    labels = former.select(now=nomenclature_label_expr("professions", pl.col("successor")), then="label")
    assert labels.filter(pl.col("now") != pl.col("then")).is_empty()


def test_an_absent_code_of_an_incomplete_nomenclature_is_not_evaluable() -> None:
    code, at = pl.lit("ARS-84"), pl.lit(date(2026, 1, 1))
    assert not load_nomenclature("registration-authorities").complete
    answers = pl.select(
        valid=nomenclature_valid_expr("registration-authorities", code, at),
        known=nomenclature_known_expr("registration-authorities", code),
        ours=nomenclature_valid_expr("registration-authorities", pl.lit("ENREG"), at),
    ).row(0)
    assert answers == (None, None, True)


def test_unknown_nomenclature_names_the_near_one() -> None:
    with pytest.raises(UsageError, match="Vouliez-vous dire « professions »"):
        load_nomenclature("profession")


@pytest.mark.parametrize("name", ["roles", "professions", "registered-elsewhere"])
def test_no_alias_means_two_codes(name: str) -> None:
    aliases = load_aliases(name)
    current = load_nomenclature(name).frame.filter(pl.col("valid_to").is_null())["code"].implode()
    keys = aliases.filter(pl.col("code").is_in(current)).group_by("key").agg(pl.col("code").n_unique())
    assert keys.filter(pl.col("code") > 1).is_empty()
    assert set(aliases["code"]) <= load_nomenclature(name).codes


def test_every_role_of_the_slides_is_found_by_each_family_of_labels() -> None:
    families = load_aliases("roles").filter(pl.col("code").is_in(load_access().roles)).group_by("source").len()
    assert set(families["len"]) == {5}
    assert families.height == 7


# -- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Élodie-Anne  d’Œuvre", "ELODIE ANNE D OEUVRE"),
        (" Ælis\u00a0ÇA ", "AELIS CA"),
        ("E\u0301lodie", "ELODIE"),  # already decomposed
        ("L'Haÿ-les-Roses", "L HAY LES ROSES"),
        ("", ""),
        (None, None),
    ],
)
def test_normalise(name: str | None, expected: str | None) -> None:
    assert pl.select(normalise(pl.lit(name, pl.String))).item() == expected


# -- provenance -------------------------------------------------------------------------------------------------


def test_every_reference_says_where_it_comes_from_and_how_old_it_is() -> None:
    frame = provenance(date(2026, 11, 23))
    assert frame.drop("data_date").select(pl.all().is_null().any()).row(0) == (False,) * 6
    assert frame.filter(pl.col("data_date").is_null())["age_note"].to_list() == ["source non datée"]  # the slides
    assert frame.filter(pl.col("reference") == "Communes depuis 1943")["age_note"].item() == "données de 10 mois"
    assert frame.filter(pl.col("rows") <= 0).is_empty()
    assert frame.height == 4 + len(nomenclature_names()) + 1
