"""JupyterLab's server gives notebooks, reports and lots; never a store, a journal, a key or an original."""

from __future__ import annotations

import asyncio

import pytest
from tornado.web import HTTPError

from rpps_audit.workbench.served import ServedContents

SECRET = (
    "rpps-audit.duckdb", "rpps-audit.duckdb.wal", "journal.jsonl", "journal.jsonl.tete", ".rpps-audit-cle",
    "managers.toml", "rpps-audit.toml", "originals/0a", "outbox/lot.manifest.json", "depot/x.csv", "atelier.log",
    "racines/r.pem", "atelier/../journal.jsonl", "atelier/.cache", ".rpps-audit-lab/config/x.json", "/journal.jsonl",
)  # fmt: skip
GIVEN = ("atelier/accueil.ipynb", "reports/rapport.html", "reports/dpo/x.csv", "lots/lot-1.zip")


@pytest.fixture
def contents(tmp_path):
    for name in (*SECRET, *GIVEN):
        path = tmp_path / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    return ServedContents(root_dir=str(tmp_path))


@pytest.mark.parametrize("name", SECRET)
def test_what_is_private_is_not_there(contents, name):
    async def routes():
        assert await contents.is_hidden(name)
        for act in (
            contents.get(name),
            contents.delete(name),
            contents.rename(name, "atelier/x"),
            contents.file_exists(name),
        ):
            with pytest.raises(HTTPError):
                await act
        with pytest.raises(HTTPError):
            await contents.save({"type": "file", "format": "text", "content": "x"}, name)

    asyncio.run(routes())


@pytest.mark.parametrize("name", GIVEN)
def test_what_screens_link_to_is_given(contents, name):
    assert asyncio.run(contents.is_hidden(name)) is False
    assert asyncio.run(contents.get(name, content=False))["path"] == name


def test_the_root_lists_only_what_is_given(contents):
    listed = asyncio.run(contents.get(""))["content"]
    assert sorted(entry["name"] for entry in listed) == ["atelier", "lots", "reports"]
