"""The establishments a workspace answers for: an operator, a list of establishments, or everybody (a reviewer's)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rpps_audit.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

SETTING = "perimetre"
_FINESS = re.compile(r"\d[\dAB]\d{7}")


@dataclass(frozen=True)
class Perimeter:
    """`operator`: a FINESS juridique and all its establishments; `establishments`: these FINESS géographiques only.

    With neither, everybody.
    """

    operator: str = ""
    establishments: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return bool(self.operator or self.establishments)

    @classmethod
    def read(cls, value: Any, where: str) -> Perimeter:
        """`perimetre` of the settings: the FINESS of an operator, or a list of those of establishments.

        Raises UsageError for anything that is not 9 characters.
        """
        if value in (None, "", []):
            return cls()
        numbers = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) and _FINESS.fullmatch(one) for one in numbers):
            raise UsageError(
                f"{where} : attendu un FINESS juridique « 690000000 » ou une liste de FINESS "
                "géographiques [« 690000001 », …], 9 caractères chacun."
            )
        return cls(operator=value) if isinstance(value, str) else cls(establishments=tuple(numbers))

    def expression(self, finess: str = "finess", finess_legal: str = "finess_legal") -> pl.Expr:
        """Whether a row is inside."""
        import polars as pl

        if not self:
            return pl.lit(value=True)
        inside = pl.col(finess).is_in(list(self.establishments)) | (pl.col(finess_legal) == self.operator)
        return inside.fill_null(value=False)

    def text(self) -> str:
        """As written in the settings."""
        if self.establishments:
            return "[" + ", ".join(f'"{one}"' for one in self.establishments) + "]"
        return f'"{self.operator}"'


def find(establishments: pl.DataFrame, words: str) -> pl.DataFrame:
    """The establishments whose FINESS, name, operator or town holds all the words, in the order they stand.

    `establishments`: finess, finess_legal, name, commune_label, and what else there is.
    """
    import polars as pl

    from rpps_audit.reference import normalise

    where = pl.concat_str(
        pl.col("finess"), "finess_legal", "name", "commune_label", separator=" ", ignore_nulls=True
    ).pipe(normalise)
    wanted = pl.DataFrame({"word": [words]}).select(normalise(pl.col("word")))["word"][0].split()
    return establishments.filter(
        pl.all_horizontal(pl.lit(value=True), *(where.str.contains(one, literal=True) for one in wanted))
    )


def store_perimeter(workspace: Path, perimeter: Perimeter) -> Path:
    """Write `perimetre` into `[espace]` of the workspace's settings; the other lines stay as they are."""
    from rpps_audit.outputs import write_private
    from rpps_audit.settings import SETTINGS_FILE

    file = workspace / SETTINGS_FILE
    lines = file.read_text("utf-8").splitlines() if file.exists() else []
    # The setting may stand on several lines: an array is written on one.
    text = re.sub(rf"(?ms)^{SETTING}\s*=\s*(?:\[.*?\]|[^\n]*)\n?", "", "\n".join([*lines, ""]))
    line = f"{SETTING} = {perimeter.text()}\n"
    table = re.search(r"(?m)^\[espace\]\s*$\n?", text)
    text = text[: table.end()] + line + text[table.end() :] if table else f"[espace]\n{line}\n{text}"
    write_private(file, text.encode())
    return file
