"""What became of a file, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.changes import ALERT
from rpps_audit.ingest.reading import Reading
from rpps_audit.ingest.recognise import Recognition
from rpps_audit.ingest.sources import Source, in_future

# Kinds that no rule reads: who loads them is told.
_UNUSED = {
    "cog": "Ces communes et pays sont gardés, mais les contrôles ne s'en servent pas : ils jugent avec ceux livrés "
    "avec rpps-audit (rapport, « Références utilisées »).",
    "adeli": "Cette correspondance est gardée, mais aucun contrôle ne s'en sert encore.",
    "cat18": "Cet ancien fichier est gardé, mais aucun contrôle ne le juge : donnez l'annuaire public d'aujourd'hui.",
}


@dataclass(frozen=True)
class Loaded:
    """One file and what became of it. `rows_read` = `rows_kept` + `rows_rejected` + `rows_outside` (of
    establishments outside the workspace's perimeter: counted, never stored).

    `date_source` says where `data_date` comes from: `nom du fichier`, `demande` or `jour du chargement`.
    `changed_share` (0 to 1) is the part of the last snapshot of the series that changed or vanished; None when there
    is none to compare with. `notes` are in French. `cells` says, by column, how many cells were filled, read,
    unreadable and converted, and why (`causes`).
    """

    snapshot_id: int
    kind: str
    layout: str
    file_name: str
    data_date: date
    date_source: str
    rows_read: int
    rows_kept: int
    rows_rejected: int
    already_loaded: bool
    changed_share: float | None
    notes: list[str]
    cells: list[dict[str, Any]]
    rows_outside: int = 0

    def sentence(self) -> str:
        """One sentence for the user, with the count of every line."""
        if self.already_loaded:
            return f"{self.file_name} : déjà chargé (extraction n° {self.snapshot_id}), rien n'a été ajouté."
        return (
            f"{self.file_name} : {_number(self.rows_read)} lignes lues = {_number(self.rows_kept)} gardées "
            f"+ {_number(self.rows_rejected)} rejetées{self._outside()} ; extraction n° {self.snapshot_id}, "
            f"format {self.layout}, données du {self.data_date:%d/%m/%Y}."
        )

    def _outside(self) -> str:
        return f" + {_number(self.rows_outside)} hors périmètre, jamais gardées" if self.rows_outside else ""


def data_date_of(source: Source, asked: date | None) -> tuple[date, str]:
    """The day the data describe, and where that comes from: the name of the file, else what was asked, else today."""
    named = source.data_date()
    if asked and asked > date.today():
        raise UnreadableInputError(in_future(source.name, asked, "demandée"))
    if named:
        return named, "nom du fichier"
    return (asked, "demande") if asked else (date.today(), "jour du chargement")


def notes_on(
    recognition: Recognition, reading: Reading, origin: str, asked: date | None, share: float | None
) -> list[str]:
    """What the user should know of a file that was accepted, in French."""
    notes = [*recognition.remarks, *reading.remarks, *recognition.warnings()]
    if recognition.layout and recognition.layout.kind in _UNUSED:
        notes.append(_UNUSED[recognition.layout.kind])
    if share is not None and share > ALERT:
        notes.append(
            f"ATTENTION : {100 * share:.1f} % des lignes de l'extraction précédente ont changé ou disparu "
            f"(seuil {100 * ALERT:.0f} %). Vérifiez que l'export est complet avant de vous en servir.".replace(
                ".", ",", 1
            )
        )
    if origin == "jour du chargement":
        notes.append("Aucune date dans le nom du fichier : les données sont réputées du jour. Précisez-la au besoin.")
    if origin == "nom du fichier" and asked:
        notes.append("La date écrite dans le nom du fichier l'emporte sur la date demandée.")
    if recognition.extra:
        names = ", ".join(f"« {name[:60]} »" for name in recognition.extra[:20])
        notes.append(f"Colonnes inconnues, non chargées : {names}. N'exportez que ce qui sert (minimisation).")
    if recognition.missing:
        names = ", ".join(f"« {name} »" for name in recognition.missing)
        notes.append(f"Colonnes absentes : {names}. Les contrôles qui en ont besoin ne seront pas évaluables.")
    if reading.encoding in {"iso-8859-1", "cp1252"}:
        notes.append(f"Texte lu en {reading.encoding.upper()}.")
    if reading.damaged:
        notes.append(
            f"{_number(reading.damaged)} caractère{'s' * (reading.damaged > 1)} illisible{'s' * (reading.damaged > 1)} "
            "dans le texte, remplacés par « \ufffd »."
        )
    if reading.aside and recognition.layout:
        names = ", ".join(f"« {name} »" for name in recognition.layout.known_sections)
        notes.append(f"{_number(reading.aside)} lignes d'une autre section ({names}), laissées de côté.")
    if reading.completed:
        notes.append(
            "Lignes sans leurs derniers séparateurs (Excel les omet), complétées de cellules vides : "
            f"{_number(reading.completed)}."
        )
    if reading.blank:
        notes.append(f"{_number(reading.blank)} lignes vides ignorées.")
    if reading.rejects:
        first = reading.rejects[0]
        notes.append(
            f"Lignes rejetées : {_number(len(reading.rejects))} ; la première, ligne {first.line} : {first.reason}."
        )
    return notes


def _number(count: int) -> str:
    return f"{count:,}".replace(",", "\u202f")
