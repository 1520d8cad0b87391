"""Other grants or other roles: who gains and who loses which documents."""

from datetime import timedelta

import pytest
from registered import GRANTS, HERE, THERE, TODAY, exposed, held, matrix

from rpps_audit.errors import UsageError
from rpps_audit.exposure import what_if


def test_other_grants_say_what_is_gained_and_lost_by_whom(store):
    exposure = exposed(store, held("P1", "GENR08"), held("P2", "GENR09"))
    change = what_if(exposure, access=matrix("v2", GENR08="abx", GENR09="d", GENR11="e"))
    assert change.by_professional().rows() == [("P1", 1, 2, "x", "c+d")]
    assert change.by_document().select("document_type", "label", "gained", "lost").rows() == [
        ("c", "Document c", 0, 1),
        ("d", "Document d", 0, 1),
        ("x", "Document x", 1, 0),
    ]
    assert change.totals().row(0, named=True) == {
        "professionals": 1,
        "professionals_gaining": 1,
        "professionals_losing": 1,
        "gained": 1,
        "lost": 2,
    }
    assert (change.before.version, change.after.version) == ("essai", "v2")


def test_what_another_situation_still_opens_is_not_lost(store):
    exposure = exposed(store, held("P1", "GENR08"), held("P1", "GENR11", THERE))
    change = what_if(exposure, roles={"GENR08": "GENR09"})
    assert change.by_professional().rows() == [("P1", 0, 2, "", "a+b")]
    assert change.by_establishment().select("finess", "lost").rows() == [(HERE, 3)]


def test_the_usual_role_for_a_profession(store):
    exposure = exposed(store, held("P1", "GENR08"), held("P2", "GENR08", profession="312"))
    change = what_if(exposure, professions={"312": "GENR11"})
    assert change.by_professional().select("professional_id", "gained", "lost").rows() == [("P2", 1, 2)]
    assert change.by_profession().select("profession", "gained", "lost").rows() == [("312", 1, 2)]
    assert change.by_role()["role"].to_list() == ["GENR08"]


def test_closing_situations_only_loses(store):
    change = what_if(exposed(store, held(since=TODAY - timedelta(5))), roles={"GENR08": None})
    assert change.totals().select("gained", "lost").row(0) == (0, 4)


def test_a_matrix_that_knows_one_role_more_opens_something_to_its_people(store):
    exposure = exposed(store, held("P1", "GENR13"))
    assert what_if(exposure, access=matrix("v2", GENR08="abcd", GENR13="a")).totals()["gained"].item() == 1


def test_the_same_grants_change_nothing(store):
    change = what_if(exposed(store, held()), access=GRANTS)
    assert change.totals().row(0) == (0, 0, 0, 0, 0)
    assert change.by_professional().is_empty()
    assert change.by_document().is_empty()


def test_two_what_ifs_of_one_exposure_do_not_meet(store):
    exposure = exposed(store, held("P1", "GENR08"))
    first, second = what_if(exposure, roles={"GENR08": "GENR09"}), what_if(exposure, roles={"GENR08": "GENR11"})
    assert first.totals().select("gained", "lost").row(0) == (0, 3)
    assert second.totals().select("gained", "lost").row(0) == (1, 2)


def test_a_role_without_known_grants_is_refused(store):
    with pytest.raises(UsageError, match="GENR99"):
        what_if(exposed(store, held()), professions={"326": "GENR99"})
