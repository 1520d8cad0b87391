"""Work sheets: one HTML page per person, and all of them as one PDF where WeasyPrint is installed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

import jinja2
import polars as pl

from rpps_audit.batches.carried import Carried
from rpps_audit.errors import UsageError

_SHEETS, _READ_ME = "sheets.html", "LISEZ-MOI.txt"
_ROW = ["label", "shown_before", "shown_after", "kind", "reason", "evidence"]


def people_of(carried: Carried) -> list[dict[str, Any]]:
    """The changes of a batch grouped by person, then by screen and establishment, in the order of the portal.

    One entry per person: person, number, file, waiting, screens.
    """
    screens = (
        carried.worded()
        .with_columns(row=pl.struct(_ROW))
        .group_by("file", "person", "number", "waiting", "screen", "place", maintain_order=True)
        .agg(pl.col("row"))
        .with_columns(screen=pl.struct(title="screen", place="place", rows="row"))
        .group_by("file", maintain_order=True)
        .agg(pl.col("person").first(), pl.col("number").first(), pl.col("waiting").any(), screens=pl.col("screen"))
    )
    return screens.to_dicts()


def sheets(people: list[dict[str, Any]], facts: Mapping[str, Any]) -> dict[str, bytes]:
    """`fiches/<number>.html` for each person."""
    template = _environment().get_template(_SHEETS)
    return {
        f"fiches/{person['file']}.html": template.render(
            people=[person], title=f"Fiche {person['number']}", **facts
        ).encode()
        for person in people
    }


def can_print() -> bool:
    """WeasyPrint is installed."""
    return find_spec("weasyprint") is not None


def sheets_pdf(people: list[dict[str, Any]], facts: Mapping[str, Any]) -> bytes:
    """All the sheets as one tagged PDF (PDF/UA-1). Raises UsageError when WeasyPrint is not installed."""
    if not can_print():
        raise UsageError(
            'Les fiches en PDF demandent WeasyPrint : pip install "rpps-audit[pdf]". '
            "Les fiches HTML s'impriment aussi."
        )
    from weasyprint import HTML  # type: ignore[import-not-found,import-untyped,unused-ignore]

    page = (
        _environment().get_template(_SHEETS).render(people=people, title=f"Fiches du lot {facts['batch_id']}", **facts)
    )
    # Nothing is fetched: the page holds all it needs.
    document = HTML(string=page, url_fetcher=_refuse)
    content: bytes = document.write_pdf(pdf_variant="pdf/ua-1", pdf_identifier=str(facts["batch_id"]).encode())
    return content


def read_me(facts: Mapping[str, Any]) -> bytes:
    """What the package holds and how to verify it with openssl alone."""
    return _environment().get_template(_READ_ME).render(**facts).encode()


def page(name: str, **facts: Any) -> str:
    """One of this room's pages."""
    return _environment().get_template(name).render(**facts)


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("rpps_audit.batches"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=False,
        keep_trailing_newline=True,
    )


def _refuse(url: str) -> Any:
    raise ValueError(f"no address is fetched: {url}")
