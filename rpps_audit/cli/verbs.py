"""The verbs of the command line, in the order of the help; each room under cli/ is read only when its verb is used."""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import NamedTuple


class Verb(NamedTuple):
    """A verb, the module of cli/ that answers it by `add_<name>(parser)`, and what it does in a line (French)."""

    name: str
    room: str
    text: str

    def fill(self, parser: argparse.ArgumentParser) -> None:
        """Give `parser` what this verb can be asked."""
        getattr(import_module(f"rpps_audit.cli.{self.room}"), f"add_{self.name}")(parser)


VERBS = (
    Verb("start", "matching", "premier jour : périmètre, correspondance, chargement, rapprochement"),
    Verb("mapping", "matching", "ce que veulent dire les colonnes d'un fichier du personnel"),
    Verb("reconcile", "matching", "qui des nôtres est enregistré, parti, à enregistrer, ambigu"),
    Verb("suivi", "followup", "le suivi vivant : l'écrire, reprendre celui que vous avez complété"),
    Verb("collect", "followup", "fiches de face à face et classeurs à compléter, par établissement"),
    Verb("operator", "followup", "la page de l'organisme : les établissements côte à côte"),
    Verb("audit", "audit", "charge, contrôle, calcule l'exposition et écrit le rapport"),
    Verb("load", "audit", "charge des fichiers, sans les contrôler"),
    Verb("forget", "audit", "retire une extraction chargée, avec ce qui repose sur elle"),
    Verb("rejects", "audit", "liste les lignes rejetées : fichier, ligne, motif"),
    Verb("check", "audit", "contrôle les extractions chargées"),
    Verb("template", "audit", "écrit le modèle de fichier à remplir"),
    Verb("findings", "findings", "liste les constats, par clé, sans valeur"),
    Verb("diff", "findings", "ce qui a changé depuis l'extraction précédente"),
    Verb("tolerate", "findings", "tolère un constat jusqu'à une date, avec un motif"),
    Verb("exposure", "exposure", "qui peut ouvrir quels documents, et depuis quand"),
    Verb("access", "exposure", "le tableau des droits : rôle, type de document, code"),
    Verb("report", "report", "écrit le rapport des dernières extractions contrôlées"),
    Verb("rules", "rules", "le catalogue des contrôles, ou la page de l'un d'eux"),
    Verb("sample", "sample", "écrit des extractions inventées, avec la vérité de chaque anomalie"),
    Verb("card", "card", "carte CPx : état, porteur, essai de connexion"),
    Verb("journal", "journal", "journal de ce qui a été fait"),
    Verb("corrections", "corrections", "corriger : propositions, décisions, annulations, approbations"),
    Verb("batch", "batch", "lots de corrections : préparer, signer, vérifier, envoyer, suivre"),
    Verb("lab", "lab", "ouvre l'atelier (JupyterLab)"),
    Verb("doctor", "doctor", "ce qui est installé, ce qui manque, et d'où viennent les références"),
)
