"""sample: synthetic exports of every kind, with the truth of every planted defect."""

from __future__ import annotations

import argparse
from pathlib import Path

from rpps_audit.cli.output import number, progress_bar, say, say_json
from rpps_audit.cli.parser import add_json


def add_sample(sample: argparse.ArgumentParser) -> None:
    """What `sample` can be asked."""
    sample.add_argument(
        "--professionals", type=int, default=800, metavar="N", help="nombre de personnes (défaut : 800)"
    )
    sample.add_argument("--seed", type=int, default=2026, metavar="S", help="graine du hasard (défaut : 2026)")
    sample.add_argument("--out", type=Path, required=True, metavar="DOSSIER", help="dossier où écrire")
    sample.add_argument(
        "--establishments", type=int, metavar="N", help="nombre d'établissements (défaut : un pour 18 personnes)"
    )
    sample.add_argument("--kinds", metavar="GENRE,...", help="genres de fichier à écrire (défaut : tous)")
    add_json(sample)
    sample.set_defaults(run=_sample)


def _sample(args: argparse.Namespace) -> int:
    from rpps_audit.sample import write_sample

    kinds = args.kinds.split(",") if args.kinds else None
    with progress_bar("Exemple") as tell:
        sample = write_sample(
            args.out, args.professionals, args.seed, establishments=args.establishments, kinds=kinds, progress=tell
        )
    if args.json:
        say_json({"folder": str(sample.folder), "rows": sample.rows, "findings": sample.findings})
        return 0
    for name, rows in sample.rows.items():
        say(f"{name} : {number(rows)} lignes")
    say(f"Vérité : {number(sample.findings)} constats attendus, dans verite.csv.")
    say(f"Écrit dans {sample.folder}. Toutes les données sont inventées.")
    return 0
