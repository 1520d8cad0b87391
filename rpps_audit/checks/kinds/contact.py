"""Kinds on contact data: addresses by the library's full check, and lists that a person edits (rules/lists/).

Sources: RFC 5321 and 5322 through email-validator; the French numbering plan (ARCEP, décision n° 2018-0881 modifiée).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import polars as pl

from rpps_audit.checks.kinds.context import Context
from rpps_audit.checks.kinds.form import phone_forms
from rpps_audit.checks.kinds.kind import Kind
from rpps_audit.checks.kinds.parameters import LIST, VALUES, Parameter
from rpps_audit.records.columns import TEXT
from rpps_audit.records.folding import words

# An address of this form, short and of no reserved domain, is right for the library too: only the others are asked.
_PLAIN = r"^[A-Za-z0-9_+%-]+(?:\.[A-Za-z0-9_+%-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z]{2,}$"
_SHORT = 64


@cache
def _reserved() -> str:
    # Only whoever judges addresses waits for the library.
    from email_validator import SPECIAL_USE_DOMAIN_NAMES

    return f"(?i)[@.](?:{'|'.join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))})$"


def _email_syntax(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    """No mail can be sent to the address: dots doubled or at an end, a domain that cannot be, letters with accents."""
    return columns[0].map_batches(_undeliverable, return_dtype=pl.Boolean)


def _email_listed(columns: Sequence[pl.Expr], context: Context, list_name: str) -> pl.Expr:
    """The address is on the list: `mot` is a whole mailbox, `mot*` its first word, `@domaine` a domain."""
    entries = context.references.lists[list_name]
    domains = [entry[1:].lower() for entry in entries if entry.startswith("@")]
    mailboxes = "|".join(_mailbox(entry) for entry in entries if not entry.startswith("@"))
    domain = columns[0].str.extract("@([^@]*)$").str.to_lowercase()
    found = [domain.is_in(domains)] if domains else []
    return pl.any_horizontal([*found, columns[0].str.contains(f"(?i)^(?:{mailboxes})@")] if mailboxes else found)


def _name_listed(columns: Sequence[pl.Expr], context: Context, list_name: str) -> pl.Expr:
    """The name is on the list, case, accents and signs aside; `MOT*` is the first of several words."""
    entries = context.references.lists[list_name]
    entry = pl.col("entry")
    keys = pl.DataFrame({"entry": entries}, schema={"entry": pl.String}).with_columns(starred=entry.str.ends_with("*"))
    keys = keys.with_columns(key=words(entry.str.strip_chars("*")))
    whole, first = keys["key"].implode(), keys.filter("starred")["key"].implode()

    def listed(names: pl.Series) -> pl.Series:
        # Few names are many people's: each is folded once.
        asked = names.unique().to_frame("name").with_columns(key=words(pl.col("name")))
        word = pl.col("key").str.split(" ").list.first()
        accused = asked.filter(pl.col("key").is_in(whole) | word.is_in(first))
        return names.is_in(accused["name"].implode())

    return columns[0].map_batches(listed, return_dtype=pl.Boolean)


def _phone_among(columns: Sequence[pl.Expr], context: Context, forms: Sequence[str]) -> pl.Expr:
    """The number has one of the forms, punctuation aside."""
    return columns[0].str.contains(phone_forms(forms))


def _phone_listed(columns: Sequence[pl.Expr], context: Context, list_name: str) -> pl.Expr:
    """The French number is on the list, written as a national or an international one."""
    entries = context.references.lists[list_name]
    forms = [written for entry in entries for written in (entry, "+33" + entry[1:], "0033" + entry[1:], "+33" + entry)]
    return columns[0].str.contains(phone_forms(forms))


def _mailbox(entry: str) -> str:
    return re.escape(entry[:-1]) + "(?:[._-][^@]*|[0-9]*)" if entry.endswith("*") else re.escape(entry)


def _undeliverable(addresses: pl.Series) -> pl.Series:
    plain = addresses.str.contains(_PLAIN) & (addresses.str.len_bytes() <= _SHORT)
    sure = plain & ~addresses.str.contains(_reserved())
    asked = addresses.filter(~sure).drop_nulls().unique()
    refused = asked.filter(pl.Series([not _accepted(address) for address in asked], dtype=pl.Boolean))
    return addresses.is_in(refused.implode())


def _accepted(address: str) -> bool:
    from email_validator import EmailNotValidError, validate_email

    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return True


_LISTED = (Parameter("list_name", LIST, "le fichier de `lists/` qui contient les entrées"),)

KINDS = (
    Kind("email_syntax", "aucun message ne peut arriver à cette adresse", accepts=TEXT, predicate=_email_syntax),
    Kind("email_listed", "l'adresse est dans la liste", _LISTED, TEXT, predicate=_email_listed),
    Kind("name_listed", "le nom est dans la liste", _LISTED, TEXT, predicate=_name_listed),
    Kind("phone_listed", "le numéro est dans la liste", _LISTED, TEXT, predicate=_phone_listed),
    Kind(
        "phone_among",
        "le numéro a une des formes",
        (Parameter("forms", VALUES, "les formes, comme pour `phone`"),),
        TEXT,
        predicate=_phone_among,
    ),
)
