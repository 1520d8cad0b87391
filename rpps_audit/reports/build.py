"""From a store to a report: gather the facts once, let each section word its own."""

from __future__ import annotations

from datetime import date

import polars as pl

from rpps_audit import __version__
from rpps_audit.privacy import open_pseudonyms
from rpps_audit.records import state_at
from rpps_audit.reference import provenance
from rpps_audit.reports import access, quality
from rpps_audit.reports.facts import Facts
from rpps_audit.reports.french import counted, number, share
from rpps_audit.reports.keys import Keys
from rpps_audit.reports.labels import KINDS
from rpps_audit.reports.model import Column, KeyNumber, Report, Section, make_table
from rpps_audit.reports.steps import first_steps
from rpps_audit.store import Store, fetch_frame
from rpps_audit.workspace import Workspace, exposure_of


def build_report(store: Store, workspace: Workspace, *, as_of: date | None = None, pseudonymous: bool = True) -> Report:
    """The report of a state of the register; an empty store gives a report that says what to do.

    With `pseudonymous`, registry numbers are replaced by labels stable in this workspace (its key is drawn if there is
    none). Raises UsageError when that key, the rules or the access matrix cannot be read.
    """
    keys = Keys(open_pseudonyms(workspace.path), hidden=pseudonymous)
    state = state_at(store, as_of)
    facts = Facts(store, state, workspace.catalogue(), exposure_of(store, workspace, state), keys)
    return Report(
        organisation=workspace.organisation,
        state=state.name,
        as_of=facts.exposure.as_of,
        made_on=date.today(),
        pseudonymous=pseudonymous,
        verdict=_verdict(facts),
        numbers=_numbers(facts),
        sections=(
            quality.files_section(facts),
            quality.score_section(facts),
            _steps_section(facts),
            quality.findings_section(facts),
            access.exposure_section(facts),
            access.forgotten_section(facts),
            access.peers_section(facts),
            quality.not_evaluable_section(facts),
            _versions_section(facts),
        ),
        reading=_reading(pseudonymous),
        caveat=f"Droits d'accès indicatifs (tableau {facts.exposure.version}).",
    )


def _verdict(facts: Facts) -> tuple[str, ...]:
    """The whole audit in a few sentences."""
    if not facts.runs.height:
        return (quality.empty_words(),)
    totals = facts.totals
    main = facts.runs.filter("primary")
    kind = KINDS.get(main["kind"][0], main["kind"][0])
    faulty, records = _with_error(facts)
    forgotten, opened = totals["forgotten_situations"], totals["person_documents_forgotten"]
    nowhere, idle, rules = quality.missing_everywhere(facts)
    people = totals["professionals"]
    places = facts.places.filter(pl.col("finess").is_not_null()).height
    said = [
        f"{facts.state.name.capitalize()}, {kind} : {counted(people, 'professionnel')} en exercice, "
        f"{counted(totals['situations'], 'situation ouverte', 'situations ouvertes')} dans "
        f"{counted(places, 'établissement')}."
    ]
    if forgotten:
        said.append(
            f"{counted(forgotten, 'situation est oubliée', 'situations sont oubliées')} : ouvertes alors que la "
            "personne est partie, ou que plus rien ne confirme sa présence ; "
            + (
                f"elles laissent ouverts {counted(opened, 'accès', 'accès')} à des types de document que plus rien ne "
                "justifie. C'est ce qu'il faut traiter d'abord."
                if opened
                else "elles n'ouvrent rien de plus que les autres."
            )
        )
    else:
        said.append("Aucune situation oubliée n'a été trouvée.")
    said.append(
        f"{counted(faulty, 'enregistrement')} sur {number(records)} ({share(faulty / records)}) "
        f"{'porte' if faulty < 2 else 'portent'} au moins une erreur."
        if faulty
        else "Aucun enregistrement ne porte d'erreur."
    )
    if nowhere:
        said.append(
            f"{counted(nowhere, 'contrôle')} sur {number(rules)} {'n’a' if nowhere < 2 else 'n’ont'} pas pu être "
            f"{'évalué' if nowhere < 2 else 'évalués'}, faute de données : rien ne dit que ce qu'ils regardent est "
            "juste."
        )
    if idle:
        said.append(f"{counted(idle, 'contrôle est', 'contrôles sont')} sans objet : il n'y avait rien à regarder.")
    lost = facts.losses.filter(pl.col("unreadable") > 0)
    if lost.height:
        cells = counted(
            int(lost["unreadable"].sum()),
            "cellule remplie n'a pas été comprise",
            "cellules remplies n'ont pas été comprises",
        )
        said.append(f"{cells} à la lecture, dans {counted(lost.height, 'colonne')} : voyez « Ce qui a été lu ».")
    return tuple(said)


def _numbers(facts: Facts) -> tuple[KeyNumber, ...]:
    """The numbers that matter; none when nothing was checked."""
    if not facts.runs.height:
        return ()
    totals = facts.totals
    faulty, records = _with_error(facts)
    nowhere, idle, rules = quality.missing_everywhere(facts)
    forgotten, opened = totals["forgotten_situations"], totals["person_documents_forgotten"]
    return (
        KeyNumber(
            number(forgotten), "situations oubliées", f"sur {number(totals['situations'])} ouvertes", forgotten > 0
        ),
        KeyNumber("?", "accès ouverts par oubli", "aucun rôle connu", alarming=True)
        if opened is None
        else KeyNumber(
            number(opened), "accès ouverts par oubli", f"sur {number(totals['person_documents'])} accès", opened > 0
        ),
        KeyNumber(number(faulty), "enregistrements avec une erreur", f"sur {number(records)} regardés", faulty > 0),
        KeyNumber(
            number(nowhere),
            "contrôles non évaluables",
            f"sur {number(rules)}" + (f" ; {number(idle)} sans objet" if idle else ""),
            nowhere > 0,
        ),
    )


def _with_error(facts: Facts) -> tuple[int, int]:
    """Distinct records with an error in the extract exposure is computed from, and all its records."""
    main = facts.runs.filter("primary").select("run_id")
    faulty = facts.faulty.join(main, on="run_id").filter(pl.col("category").is_null() & (pl.col("severity") == "error"))
    records = facts.records.join(main, on="run_id").select(pl.col("professional", "situation").sum()).sum_horizontal()
    return int(faulty["records"].sum()), int(records.sum()) or 1


def _steps_section(facts: Facts) -> Section:
    text = (
        "D'abord les situations oubliées : celles qui sont sûres, puis celles à vérifier, selon ce qu'elles laissent "
        "ouvert. Ensuite les autres erreurs, puis les avertissements, des plus nombreux aux plus rares.",
        "Un accès-jour est un type de document resté ouvert à une personne pendant un jour.",
    )
    return Section("premiers-gestes", "Les dix choses à faire d'abord", "À faire d'abord", text, (first_steps(facts),))


def _versions_section(facts: Facts) -> Section:
    """Everything the report rests on, with its version."""
    references = make_table(
        "references",
        "Références utilisées",
        provenance(),
        {
            "reference": Column("Référence"),
            "version": Column("Version", "name"),
            "data_date": Column("Date", "day"),
            "source": Column("Source"),
            "rows": Column("Lignes", "count"),
            "licence": Column("Licence"),
            "age_note": Column("Ancienneté"),
        },
        empty="Aucune référence.",
    )
    runs = fetch_frame(
        facts.store.sql(
            """SELECT run_id, s.kind, file_name, data_date, r.as_of, rule_set_fingerprint, content_hash
           FROM runs r JOIN snapshots s ON list_contains(r.snapshots, s.snapshot_id)
           WHERE list_contains(?, run_id) ORDER BY run_id, snapshot_id""",
            [facts.runs["run_id"].to_list()],
        )
    ).with_columns(pl.col("kind").replace(KINDS), pl.col("content_hash").str.head(16))
    evaluations = make_table(
        "evaluations",
        "Évaluations dont ce rapport rend compte",
        runs,
        {
            "file_name": Column("Fichier", "name"),
            "kind": Column("Nature"),
            "data_date": Column("Date des données", "day"),
            "as_of": Column("Jugé au", "day"),
            "rule_set_fingerprint": Column("Empreinte des contrôles", "name"),
            "content_hash": Column("Empreinte du fichier (SHA-256, début)", "name"),
        },
        empty=quality.empty_words(),
    )
    access_matrix = facts.exposure.access
    text = (
        f"rpps-audit {__version__} ; {counted(len(facts.catalogue), 'contrôle')}, empreinte "
        f"{facts.catalogue.fingerprint}.",
        f"Droits d'accès : {access_matrix.title}. Version {access_matrix.version}, statut : {access_matrix.status}. "
        f"Source : {access_matrix.source}.",
        access_matrix.caveat,
    )
    return Section("versions", "Versions de tout ce qui a servi", "Versions", text, (evaluations, references))


def _reading(pseudonymous: bool) -> tuple[str, ...]:
    """How to read the names of records, for whoever receives the page."""
    if not pseudonymous:
        return (
            "Ce rapport contient des numéros RPPS : il permet de retrouver les personnes. Réservez-le au gestionnaire "
            "habilité et détruisez-le après usage.",
        )
    return (
        "Les professionnels sont désignés par un pseudonyme (P-…), toujours le même dans cet espace de travail. Aucun "
        "nom, aucune coordonnée, aucun numéro RPPS n'y figure. Un pseudonyme reste une donnée personnelle : ne "
        "publiez pas ce rapport. Le gestionnaire retrouve l'enregistrement par le fichier et la ligne, ou avec "
        "« rpps-audit report --nominatif-cles ».",
    )
