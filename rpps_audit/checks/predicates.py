"""The row kinds: each answers, for every row of a batch, "does this record break the rule?".

A predicate receives the rule's columns as expressions and returns a Boolean polars expression, true = broken. Null
means "nothing to say" and never breaks a rule, except for `required`: absence is that rule's business alone.
Patterns stay in the regular-expression subset common to Rust, RE2 and Java.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from inspect import Parameter, signature
from typing import Any

import polars as pl

from rpps_audit import reference
from rpps_audit.checks.rule import Rule
from rpps_audit.errors import UsageError

Predicate = Callable[..., pl.Expr]
ROW_KINDS: dict[str, Predicate] = {}
_DAYS_PER_YEAR = 365.25
# Twelve months of 31 days: days of the calendar keep their order, and birthdays fall a whole number of years apart.
_CALENDAR_YEAR = 12 * 31
# Whatever stands between the digits of a phone number: blanks of every kind, stops, hyphens, strokes, brackets.
_PUNCTUATION = "[^0-9A-Za-z+]*"
# What makes an ASCII capital a small letter, and the last of these: beyond are the bytes of accented letters.
_SMALL, _LAST_LETTER = 0x20, ord("z")
# Where and when somebody was born is judged on that day; a situation, on the day of the data where it has no other.
_PLACES = {"communes": reference.commune_intervals, "countries": reference.country_intervals}


@dataclass(frozen=True)
class Context:
    """What a rule is judged against besides its own record: the day of the data."""

    as_of: date


def row_kind(function: Predicate) -> Predicate:
    """Register a predicate under its own name, which is the `kind` rule files use."""
    ROW_KINDS[function.__name__] = function
    return function


def violation(rule: Rule, context: Context) -> pl.Expr:
    """The rule as one Boolean expression, never null. Raises UsageError for a bad parameter."""
    broken = ROW_KINDS[rule.kind]([pl.col(name) for name in rule.columns], context, **bound_parameters(rule))
    if rule.when:
        broken = broken & guard(rule.when)
    return broken.fill_null(False)


def bound_parameters(rule: Rule) -> dict[str, Any]:
    """The rule's parameters, refused with a French sentence when one is missing or unknown to its kind."""
    declared = list(signature(ROW_KINDS[rule.kind]).parameters.values())[2:]
    unknown = set(rule.parameters) - {parameter.name for parameter in declared}
    missing = {p.name for p in declared if p.default is Parameter.empty} - set(rule.parameters)
    if unknown or missing:
        fault = f"seuil inconnu « {min(unknown)} »" if unknown else f"il manque le seuil « {min(missing)} »"
        raise UsageError(
            f"Contrôle {rule.id} ({rule.kind}) : {fault}. Attendu : {', '.join(p.name for p in declared) or 'aucun'}."
        )
    return dict(rule.parameters)


def needed_columns(rule: Rule) -> frozenset[str]:
    """Every typed column the rule reads: its own, those named by `*_column` parameters, and its guard's."""
    named = {value for key, value in rule.parameters.items() if key.endswith("_column")}
    named |= {name for key, value in rule.parameters.items() if key.endswith("_columns") for name in value}
    guard = {rule.when["column"]} if rule.when and not rule.when.get("or_absent") else set()
    return frozenset(rule.columns) | named | guard


def read_columns(rule: Rule) -> frozenset[str]:
    """What is read for the rule: the columns it needs, and those it takes into account where a file has them."""
    known = {name for key, name in rule.parameters.items() if key.endswith("_if_known")}
    guard = {rule.when["column"]} if rule.when else set()
    return needed_columns(rule) | known | guard


def guard(when: Mapping[str, Any]) -> pl.Expr:
    """`when = {column = ..., values = [...]}` | `{column, except = [...]}` | `{column, present = true|false}`.

    `or_absent = true` beside `values`: an empty cell, or a file without the column, is looked at too.
    """
    column = pl.col(when["column"])
    if "values" in when:
        among = column.is_in(when["values"])
        return among.fill_null(value=True) if when.get("or_absent") else among
    if "except" in when:
        return column.is_in(when["except"]).not_()
    if "present" in when:
        return column.is_not_null() if when["present"] else column.is_null()
    raise UsageError("Une condition « when » porte « values », « except » ou « present ».")


# --- presence ---------------------------------------------------------------------------------------------------------


@row_kind
def required(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    """None of the columns holds a value (a date whose text could not be read is given: another rule says so)."""
    return pl.all_horizontal([column.is_null() for column in columns])


@row_kind
def forbidden(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    """A value stands where none may (with `when`)."""
    return columns[0].is_not_null()


@row_kind
def is_true(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    """A flag computed at loading is raised."""
    return columns[0]


# --- form -------------------------------------------------------------------------------------------------------------


@row_kind
def matches(columns: Sequence[pl.Expr], context: Context, pattern: str) -> pl.Expr:
    """The text does not have the form `pattern`."""
    return columns[0].str.contains(pattern).not_()


@row_kind
def not_matching(columns: Sequence[pl.Expr], context: Context, pattern: str) -> pl.Expr:
    """The text has the forbidden form `pattern`."""
    return columns[0].str.contains(pattern)


@row_kind
def one_of(columns: Sequence[pl.Expr], context: Context, values: list[str]) -> pl.Expr:
    """The value is not in the list."""
    return columns[0].is_in(values).not_()


@row_kind
def phone(columns: Sequence[pl.Expr], context: Context, forms: list[str]) -> pl.Expr:
    """The number has none of the forms, punctuation aside.

    In a form, `x` is a digit, `z` a digit from 1 to 9, `…` six to thirteen further digits; spaces are for the reader.
    """
    return columns[0].str.contains(phone_forms(forms)).not_()


@row_kind
def check_digit(columns: Sequence[pl.Expr], context: Context, length: int) -> pl.Expr:
    """`length` digits whose Luhn key is wrong (MOS: RPPS, FINESS, SIREN, SIRET). Other forms: another rule."""
    # A sign would pass for a number: "+" and "-" sort before the digits.
    form = (columns[0].str.len_bytes() == length) & (columns[0] >= "0")
    return form & (_luhn(columns[0], length) != 0)


@row_kind
def concatenation(columns: Sequence[pl.Expr], context: Context, parts_columns: list[str]) -> pl.Expr:
    """The identifier is not its parts put end to end."""
    return columns[0] != pl.concat_str([pl.col(name) for name in parts_columns])


# --- nomenclatures and references -------------------------------------------------------------------------------------


@row_kind
def in_nomenclature(columns: Sequence[pl.Expr], context: Context, nomenclature: str) -> pl.Expr:
    """The code was never in the nomenclature."""
    return reference.nomenclature_known_expr(nomenclature, columns[0]).not_()


@row_kind
def not_in_nomenclature(columns: Sequence[pl.Expr], context: Context, nomenclature: str) -> pl.Expr:
    """The code belongs to a list it must not come from."""
    return reference.nomenclature_known_expr(nomenclature, columns[0])


@row_kind
def offered(columns: Sequence[pl.Expr], context: Context, nomenclature: str) -> pl.Expr:
    """The code is known and valid, but the portal does not offer it."""
    in_force = reference.load_nomenclature(nomenclature).valid_at(context.as_of)
    return columns[0].is_in(in_force.filter(~pl.col("in_portal"))["code"].to_list())


@row_kind
def granted(columns: Sequence[pl.Expr], context: Context, access: str | None = None) -> pl.Expr:
    """The role stands in the nomenclature but the access matrix says nothing of it: its exposure is not known."""
    judged = list(reference.load_access(access).roles)
    return reference.nomenclature_known_expr("roles", columns[0]) & columns[0].is_in(judged).not_()


@row_kind
def valid_at_date(
    columns: Sequence[pl.Expr], context: Context, reference_name: str, date_column: str | None = None
) -> pl.Expr:
    """A known code that was not valid on the day (`date_column`, else the day of the data)."""
    day = pl.lit(context.as_of)
    if reference_name in _PLACES:
        intervals, at = _PLACES[reference_name](), pl.col(date_column) if date_column else day
    else:
        intervals = reference.load_nomenclature(reference_name).frame
        at = pl.coalesce(pl.col(date_column), day) if date_column else day
    return reference.outdated_expr(intervals, columns[0], at)


@row_kind
def known_place(columns: Sequence[pl.Expr], context: Context, reference_name: str) -> pl.Expr:
    """The code is no commune (or country) of any time since 1943."""
    if reference_name == "communes":
        return reference.commune_known_expr(columns[0]).not_()
    return reference.country_known_expr(columns[0]).not_()


@row_kind
def split_city(columns: Sequence[pl.Expr], context: Context) -> pl.Expr:
    """Paris, Lyon or Marseille as a whole: births there are coded by arrondissement (INSEE COG)."""
    return reference.commune_is_split_city_expr(columns[0])


# --- dates ------------------------------------------------------------------------------------------------------------


@row_kind
def date_order(columns: Sequence[pl.Expr], context: Context, before_column: str) -> pl.Expr:
    """The date comes before the one that must precede it."""
    return columns[0] < pl.col(before_column)


@row_kind
def not_in_future(columns: Sequence[pl.Expr], context: Context, days: int = 0) -> pl.Expr:
    """The date is more than `days` after the day of the data."""
    return columns[0] > pl.lit(context.as_of).dt.offset_by(f"{days}d")


@row_kind
def older_than(columns: Sequence[pl.Expr], context: Context, days: int) -> pl.Expr:
    """The date is more than `days` before the day of the data."""
    return columns[0] < pl.lit(context.as_of).dt.offset_by(f"-{days}d")


@row_kind
def age_between(
    columns: Sequence[pl.Expr], context: Context, birth_column: str, min_years: float, max_years: float
) -> pl.Expr:
    """The age on the date is outside the bounds, in years."""
    # By the calendar: on a birthday, the age is that number of years exactly.
    lived = _calendar_days(columns[0]) - _calendar_days(pl.col(birth_column))
    return (lived < round(min_years * _CALENDAR_YEAR)) | (lived > round(max_years * _CALENDAR_YEAR))


@row_kind
def past_end_still_open(columns: Sequence[pl.Expr], context: Context, open_column: str) -> pl.Expr:
    """The end date is past and the portal still shows the situation open."""
    return pl.col(open_column) & (columns[0] < pl.lit(context.as_of))


@row_kind
def open_too_long(
    columns: Sequence[pl.Expr],
    context: Context,
    years: float,
    end_column: str,
    open_column: str,
    sign_column: str,
) -> pl.Expr:
    """Open, without an end, and neither begun nor confirmed for `years`."""
    long = f"{round(years * _DAYS_PER_YEAR)}d"
    today = pl.lit(context.as_of)
    # A confirmation in the future confirms nothing, and an end as far away as 2099 is none.
    sign = pl.when(pl.col(sign_column) <= today).then(pl.col(sign_column))
    endless = pl.col(end_column).is_null() | (pl.col(end_column) > today.dt.offset_by(long))
    still_open = pl.col(open_column).fill_null(True) & endless
    return still_open & (pl.max_horizontal(columns[0], sign) < today.dt.offset_by(f"-{long}"))


# --- inside a record --------------------------------------------------------------------------------------------------


@row_kind
def differs_from(columns: Sequence[pl.Expr], context: Context, other_column: str) -> pl.Expr:
    """The name equals the first of the names in the other column, case and accents aside, where they should differ."""
    pairs = pl.struct(columns[0].alias("name"), pl.col(other_column).alias("names"))
    return pairs.map_batches(_same_name, return_dtype=pl.Boolean)


@row_kind
def agrees_with(
    columns: Sequence[pl.Expr], context: Context, other_column: str, pairs: dict[str, list[str]]
) -> pl.Expr:
    """The other column's value is not among those that go with this one."""
    broken = [(columns[0] == value) & pl.col(other_column).is_in(accepted).not_() for value, accepted in pairs.items()]
    return pl.any_horizontal(broken)


def since(rule: Rule, context: Context) -> pl.Expr | None:
    """For a rule on forgotten situations: the day from which the situation should have been closed."""
    if rule.kind == "past_end_still_open":
        return pl.col(rule.column)
    if rule.kind == "open_too_long":
        sign = pl.col(rule.parameters["sign_column"])
        last_sign = pl.max_horizontal(pl.col(rule.column), pl.when(sign <= pl.lit(context.as_of)).then(sign))
        return last_sign.dt.offset_by(f"{round(rule.parameters['years'] * _DAYS_PER_YEAR)}d")
    return None


def phone_forms(forms: Sequence[str]) -> str:
    """A pattern for the numbers that have one of the forms (see `phone`)."""
    known = "|".join(_phone_pattern(form) for form in forms)
    return f"^{_PUNCTUATION}(?:{known}){_PUNCTUATION}$"


def _calendar_days(day: pl.Expr) -> pl.Expr:
    return (day.dt.year() * 12 + day.dt.month().cast(pl.Int32)) * 31 + day.dt.day()


def _phone_pattern(form: str) -> str:
    """Punctuation is allowed for between digits rather than removed first: a third of the time."""
    signs = {"x": "[0-9]", "z": "[1-9]", "+": r"\+", "…": f"(?:{_PUNCTUATION}[0-9]){{6,13}}"}
    return _PUNCTUATION.join(signs.get(sign, sign) for sign in form if sign != " ")


def _same_name(pairs: pl.Series) -> pl.Series:
    """Normalising is dear: only pairs with the same initial and about the same length are looked at."""
    frame = pairs.struct.unnest()
    name, names = pl.col("name"), pl.col("names")
    initial, other = (_initial(frame[column]) for column in ("name", "names"))
    # An accented initial may be written without its accent.
    near = frame.with_row_index("row").filter((initial == other) | (initial > _LAST_LETTER) | (other > _LAST_LETTER))
    length = pl.coalesce(names.str.find(",", literal=True), names.str.len_bytes()).cast(pl.Int64)
    # Accents and ligatures change the length by a byte or two each.
    near = near.filter((length - name.str.len_bytes()).abs() <= 4)
    # In two steps: in one, polars would normalise again at each mention.
    written = near.select("row", left=reference.normalise(name), right=reference.normalise(names))
    left, right = pl.col("left"), pl.col("right")
    same = written.select((right == left) | right.str.starts_with(left + ",")).to_series()
    return pl.repeat(False, frame.height, eager=True).scatter(near["row"], same.fill_null(False))


def _initial(names: pl.Series) -> pl.Series:
    """The first byte of each name as a number, letters as small ones; null for an empty name."""
    return names.cast(pl.Binary).bin.head(1).bin.reinterpret(dtype=pl.UInt8, endianness="little") | _SMALL


def _luhn(text: pl.Expr, length: int) -> pl.Expr:
    """The Luhn sum modulo 10 of a text of `length` digits; null for another text.

    Four digits at a time from a table of their 10 000 sums: an even number of digits keeps the doubling in step.
    """
    chunks = [pl.col("number") // 10_000**rank % 10_000 for rank in range((length + 3) // 4)]
    total = pl.sum_horizontal([pl.lit(_luhn_table()).gather(chunk) for chunk in chunks]) % 10

    def add_up(digits: pl.Series) -> pl.Series:
        # Done here, reading the number is done once: polars would read it again for each chunk.
        return digits.cast(pl.Int64, strict=False).alias("number").to_frame().select(total).to_series()

    return text.map_batches(add_up, return_dtype=pl.Int8)


@cache
def _luhn_table() -> pl.Series:
    number = pl.int_range(10_000, eager=True)
    digits = [number // 10**rank % 10 for rank in range(4)]
    doubled = [digit * 2 - (digit > 4).cast(pl.Int64) * 9 for digit in digits[1::2]]
    sums: pl.Series = digits[0] + digits[2] + doubled[0] + doubled[1]
    return sums.cast(pl.Int8).alias("luhn")
