"""What one reading counted: rows read, rejects, blank lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from rpps_audit.errors import UnreadableInputError
from rpps_audit.ingest.blocks import Reject
from rpps_audit.ingest.limits import beyond
from rpps_audit.ingest.losses import Losses
from rpps_audit.ingest.recognise import Recognition

# Above this share of rejected lines the layout does not fit, whatever its header says.
MOST_REJECTED = 0.10
_FEW = 10
_EARLY = 20_000


@dataclass
class Reading:
    """Counts of a reading under way. `rows_read` counts lines that hold something, header excluded.

    `losses` counts cells by column; `damaged` counts the bytes that are no letter of a single-byte encoding;
    `aside` the lines of known sections that are of no use; `completed` those that lacked empty cells at their end.
    """

    rows_read: int = 0
    blank: int = 0
    rejects: list[Reject] = field(default_factory=list)
    encoding: str = ""
    losses: Losses = field(default_factory=Losses)
    damaged: int = 0
    aside: int = 0
    completed: int = 0
    remarks: list[str] = field(default_factory=list)

    def add(self, rows: int, rejects: list[Reject], blank: int = 0) -> None:
        """One more block."""
        self.rows_read += rows
        self.rejects += rejects
        self.blank += blank

    def check(self, recognition: Recognition, *, finished: bool = False) -> None:
        """Raise UnreadableInputError when nothing was read or too much was rejected."""
        name, rejected, limits = recognition.source.name, len(self.rejects), recognition.source.limits
        if self.blank > limits.lignes_vides:
            found = f"plus de {limits.lignes_vides} lignes vides"
            todo = "Exportez de nouveau le fichier, ou supprimez les lignes vides."
            raise UnreadableInputError(beyond(name, found, str(limits.lignes_vides), "lignes_vides", todo))
        if finished and not self.rows_read:
            raise UnreadableInputError(
                f"{name} : le fichier n'a que ses intitulés, aucune ligne. Exportez-le de nouveau."
            )
        if not finished and rejected < _EARLY:
            return
        if rejected == self.rows_read or (rejected > _FEW and rejected > MOST_REJECTED * self.rows_read):
            first = self.rejects[0]
            title = recognition.layout.title if recognition.layout else ""
            raise UnreadableInputError(
                f"{name} : {rejected} lignes rejetées sur {self.rows_read} lues, le format ne convient pas ({title}). "
                f"Première : ligne {first.line}, {first.reason}. Exportez de nouveau le fichier sans le modifier."
            )
