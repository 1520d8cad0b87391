"""Nothing is said against three thousand people who are right, though rare."""

from __future__ import annotations

from pathlib import Path

from rpps_audit.checks import load_catalogue
from rpps_audit.ingest import load
from rpps_audit.store import memory_store
from tests.checks import rare_people
from tests.checks.literal import run_checks

GRAVE = "SELECT rule_id, count(*), min(line) FROM findings WHERE severity <> 'information' GROUP BY 1 ORDER BY 2 DESC"


def test_legal_but_rare_is_not_wrong(tmp_path: Path) -> None:
    with memory_store() as store:
        load(store, [rare_people.write(tmp_path)])
        judged = store.sql("SELECT count(DISTINCT professional_id), max(snapshot_id) FROM registrations").fetchone()
        assert judged is not None
        assert judged[0] == rare_people.COUNT
        run = run_checks(store, judged[1], load_catalogue())
        assert run.rules.filter(status="evaluated").height > 80
        assert store.sql(GRAVE).fetchall() == []
