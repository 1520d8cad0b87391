"""Contact data: typing slips in an address, a phone number in its national or international form."""

from __future__ import annotations

import tomllib
from functools import cache

import phonenumbers
import polars as pl

from rpps_audit.corrections.suggestions import Subject, for_column, for_rules, said
from rpps_audit.reference import rules_root

_ADDRESS = r"^[a-z0-9._%+\-]+@[a-z0-9\-]+(?:\.[a-z0-9\-]+)*\.[a-z]{2,}$"
# The national number as the portal writes it: ten digits; elsewhere with its country code.
_FRENCH_CODES = (33, 262, 590, 594, 596)
_REGIONS = {"971": "GP", "972": "MQ", "973": "GF", "974": "RE", "976": "YT", "97": None}


@for_column("email")
def typed_address(subject: Subject) -> pl.DataFrame:
    """Spaces, commas, accents, doubled signs; then the domain, when it is a known slip (`email-domains.toml`)."""
    plain = (
        pl.col("email")
        .str.to_lowercase()
        .str.strip_chars(" .,;:<>()[]\"'")
        .str.replace(r"^mailto:", "")
        .str.replace_all(r"[\s\u00a0]", "")
        .str.replace_all(r"[,;]", ".")
        .str.replace_all(r"\.{2,}", ".")
        .str.replace_all(r"@{2,}|\(at\)|\[at\]", "@")
        .str.normalize("NFD")
        .str.replace_all(r"\p{M}", "")
    )
    domain = plain.str.extract(r"@([^@]+)$")
    known = _domains()
    right = domain.replace_strict(known["typed"], known["right"], default=None, return_dtype=pl.String)
    fixed = pl.when(right.is_not_null()).then(plain.str.replace(r"@[^@]+$", "") + "@" + right).otherwise(plain)
    frame = subject.records.with_columns(fixed=fixed, slip=right.is_not_null())
    usable = frame.filter(
        pl.col("fixed").str.contains(_ADDRESS) & (pl.col("fixed") != pl.col("email").str.to_lowercase())
    )
    sure = pl.when("slip").then(0.9).otherwise(0.7)
    return said(usable, "email", pl.col("fixed"), "faute de frappe probable", sure)


@for_rules("telephone-format", "telephone-non-mobile")
def normalised_phone(subject: Subject) -> pl.DataFrame:
    """The same number as the numbering plan writes it; nothing when it is not a possible number."""
    # One look per distinct number and department: the library knows no columns.
    region = pl.col("finess").str.slice(0, 3) if "finess" in subject.records.columns else pl.lit("")
    asked = subject.records.select("record_key", "phone", region=region.fill_null(""))
    distinct = asked.select("phone", "region").unique(maintain_order=True).drop_nulls("phone")
    written = [_written(phone, zone) for phone, zone in zip(distinct["phone"], distinct["region"], strict=True)]
    found = asked.join(distinct.with_columns(new=pl.Series(written, dtype=pl.String)), ["phone", "region"])
    return said(found.filter(pl.col("new") != pl.col("phone")), "phone", pl.col("new"), "plan de numérotation", 0.9)


def _written(phone: str, zone: str) -> str | None:
    try:
        number = phonenumbers.parse(phone, _REGIONS.get(zone) or "FR")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if number.country_code in _FRENCH_CODES:
        return "0" + phonenumbers.national_significant_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@cache
def _domains() -> pl.DataFrame:
    table = tomllib.loads((rules_root() / "corrections" / "email-domains.toml").read_text("utf-8"))["domains"]
    return pl.DataFrame({"typed": list(table), "right": list(table.values())})
