"""The list of what is to be done: one row per finding, closings first; what was handled leaves it, and is counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import polars as pl
from ipywidgets import HBox, VBox, Widget  # type: ignore[import-untyped]

from rpps_audit.card import Perimeter
from rpps_audit.reports.french import counted
from rpps_audit.reports.labels import SEVERITIES, STATES
from rpps_audit.workbench.due import Due
from rpps_audit.workbench.facets import Facet, Facets
from rpps_audit.workbench.grid import Act, Grid
from rpps_audit.workbench.table import Column, Table

ACTS = {
    "close": Act("Fermer", "f"),
    "stay": Act("Toujours là", "t"),
    "accept": Act("Accepter", "a"),
    "skip": Act("Passer", "p", quiet=True),
}
_COLUMNS = [
    Column("who", "Personne", missing="masqué", second="structure_name"),
    Column("rule", "Constat", second="about"),
]
_SEVERITY_ORDER = {"error": 0, "warning": 1, "information": 2}
_ALL = ""
_MOST = 12


class Todo:
    """`due()` is what is due, `perimeter()` what the reader may see, `sure()` the findings [rule_id, record_key] with
    one sure proposal. `on_follow(finding)` hears the row looked at, `on_act(name, finding)` what is asked of it,
    `on_scope()` that other rows are kept.

    A finding is named by rule, record key, line and snapshot, one per line of text.
    """

    def __init__(
        self,
        due: Callable[[], Due],
        perimeter: Callable[[], Perimeter],
        sure: Callable[[], pl.DataFrame],
        *,
        on_follow: Callable[[str], None],
        on_act: Callable[[str, str], None],
        on_scope: Callable[[], object] = lambda: None,
    ) -> None:
        self._due, self._perimeter, self._sure = due, perimeter, sure
        self.rule = self.finess = self.severity = _ALL
        self.mine = True
        self.handled: dict[str, str] = {}
        self.skipped: set[str] = set()
        self._on_act, self._on_scope = on_act, on_scope
        self.facets = Facets(self._offered, self.choose)
        self.grid = Grid(
            Table(self.frame(), _COLUMNS, key="finding"),
            caption="À traiter",
            empty="Rien à traiter ici.",
            row=("constat", "constats"),
            acts=ACTS,
            on_act=self._act,
            on_open=on_follow,
            on_follow=on_follow,
            search=True,
        )

    def beside(self, sheet: Sequence[Widget]) -> Widget:
        """The facets, the list, and the sheet of the row looked at."""
        return HBox([self.facets, self.grid, VBox(list(sheet)).add_class("rpps-stack")]).add_class("rpps-beside")

    def choose(self, facet: str, value: str) -> None:
        """Keep the rows of one rule, establishment or severity ("" = all), or my establishments only."""
        if facet == "mine":
            self.mine = value == "mine"
        else:
            setattr(self, facet, value)
        self.redraw()
        self._on_scope()

    def handle(self, record_keys: Sequence[str], rules: Sequence[str] | None = None) -> None:
        """What concerns these records (by these rules only, when they are said) was decided: it leaves the list."""
        frame = self._due().findings.filter(pl.col("record_key").is_in(list(record_keys)))
        if rules is not None:
            frame = frame.filter(pl.col("rule_id").is_in(list(rules)))
        self.handled |= dict.fromkeys(frame.select(_finding())["finding"], "")
        self.redraw()

    def redraw(self) -> None:
        """Draw the list and the facets again."""
        done, skipped = len(self.handled), len(self.skipped - self.handled.keys())
        said = [counted(done, "traité", "traités")] if done else []
        self.grid.aside = " ; ".join([*said, *([counted(skipped, "passé", "passés")] if skipped else [])])
        self.grid.replace(self.frame())
        self.facets.refresh()

    def frame(self) -> pl.DataFrame:
        """The rows kept: finding, record_key, finess, who, structure_name, rule, about, since, acts."""
        chosen = {"rule_id": self.rule, "finess": self.finess, "severity": self.severity}
        return self._every().filter(*[pl.col(name) == value for name, value in chosen.items() if value])

    def row(self, finding: str) -> dict[str, object] | None:
        """One row of the list, handled or not."""
        return next(iter(self._rows().filter(pl.col("finding") == finding).to_dicts()), None)

    def _act(self, name: str, finding: str) -> None:
        if name == "skip":
            self.skipped.add(finding)
            self.redraw()
        else:
            self._on_act(name, finding)

    def scope(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows [finess, finess_legal] of my establishments, of all of them without a session or when asked."""
        perimeter = self._perimeter()
        if not self.mine or perimeter == Perimeter():
            return frame
        return frame.filter(perimeter.expression("finess", "finess_legal"))

    def _left(self) -> pl.DataFrame:
        gone = pl.Series("finding", [*self.handled, *self.skipped], pl.String).to_frame()
        return self._rows().join(gone, "finding", "anti", maintain_order="left")

    def _every(self) -> pl.DataFrame:
        return self.scope(self._left())

    def _rows(self) -> pl.DataFrame:
        due = self._due()
        leaving = due.forgotten.select("record_key", "since", "days", "documents_added", told="rule_ids").unique(
            "record_key", keep="first", maintain_order=True
        )
        name = pl.concat_str("birth_name", pl.lit(" "), "first_names", ignore_nulls=True)
        # A departure is a finding of a rule that says so, on a situation that is still open.
        departs = pl.col("told").str.split("+").list.contains(pl.col("rule_id")).fill_null(value=False)
        frame = due.findings.join(leaving, "record_key", "left", maintain_order="left").join(
            self._sure().select("rule_id", "record_key", sure=pl.lit(value=True)).unique(),
            ["rule_id", "record_key"], "left", maintain_order="left",
        )  # fmt: skip
        since = pl.when(departs).then(pl.format("depuis le {}", pl.col("since").dt.strftime("%d/%m/%Y")))
        detail = pl.concat_str(
            pl.coalesce(since, "field"), pl.col("severity").replace_strict(SEVERITIES, default=None),
            pl.col("state").replace_strict(STATES, default=None), separator=", ", ignore_nulls=True,
        )  # fmt: skip
        return (
            frame.with_columns(
                _finding(),
                departs.alias("departs"),
                who=pl.when(self._perimeter().expression("finess", "finess_legal")).then(name),
                about=detail,
                weight=pl.when(departs).then(pl.col("documents_added").fill_null(0) * pl.col("days").fill_null(0)),
                order=pl.col("severity").replace_strict(_SEVERITY_ORDER, default=3),
            )
            .with_columns(
                since=pl.when("departs").then("since"),
                acts=pl.when("departs").then(pl.lit(["close", "stay", "skip"]))
                .when(pl.col("sure").fill_null(value=False)).then(pl.lit(["accept", "skip"]))
                .otherwise(pl.lit(["skip"])),
            )
            .sort("departs", "weight", "order", descending=[True, True, False], nulls_last=True, maintain_order=True)
            .rename({"title": "rule"})
        )  # fmt: skip

    def _offered(self) -> list[Facet]:
        rows = self._every()
        perimeter = self._perimeter()
        facets = []
        if perimeter != Perimeter():
            both = self._left()
            own = both.filter(perimeter.expression("finess", "finess_legal")).height
            values = [("mine", "Mes établissements", own), ("all", "Tous", both.height)]
            facets.append(Facet("mine", "Où", "mine" if self.mine else "all", values))
        return [
            *facets,
            self._facet(rows, "severity", "Gravité", "severity", SEVERITIES),
            self._facet(rows, "rule", "Contrôle", "rule_id"),
            self._facet(rows, "finess", "Établissement", "finess"),
        ]

    def _facet(
        self, rows: pl.DataFrame, name: str, label: str, column: str, words: Mapping[str, str] | None = None
    ) -> Facet:
        """Counted among the rows that the other facets keep."""
        chosen = {"rule_id": self.rule, "finess": self.finess, "severity": self.severity}
        kept = rows.filter(*[pl.col(other) == value for other, value in chosen.items() if value and other != column])
        shown = {"rule_id": "rule", "finess": "structure_name"}.get(column, column)
        counts = (
            kept.filter(pl.col(column).is_not_null())
            .group_by(column).agg(pl.col(shown).first().alias("label"), pl.len().alias("count"))
            .sort(_rank(column), "count", column, descending=[False, True, False])
        )  # fmt: skip
        now = chosen[column]
        few = counts.filter((pl.int_range(pl.len()) < _MOST) | (pl.col(column) == now)).rows()
        values = [
            (_ALL, "tous", kept.height),
            *((code, (words or {}).get(text, text or code), count) for code, text, count in few),
        ]
        if now and now not in [value for value, _, _ in values]:
            values.append((now, now, 0))
        return Facet(name, label, now, values)


def _rank(column: str) -> pl.Expr:
    """Severities go from the gravest; what else there is, by count alone."""
    return pl.col(column).replace_strict(_SEVERITY_ORDER, default=0) if column == "severity" else pl.col("count") * 0


def _finding() -> pl.Expr:
    return pl.concat_str("rule_id", "record_key", "line", "snapshot_id", separator="\n", ignore_nulls=True).alias(
        "finding"
    )
