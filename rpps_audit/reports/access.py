"""Who can open what: by role and document type, by establishment, through forgotten situations, against colleagues."""

from __future__ import annotations

import polars as pl

from rpps_audit.reference import heading, load_nomenclature, nomenclature_label_expr
from rpps_audit.reports.facts import Facts
from rpps_audit.reports.french import counted, days, number, share
from rpps_audit.reports.keys import labelled, short_role
from rpps_audit.reports.labels import AGES, ROLES_SHORT
from rpps_audit.reports.model import SHOWN_ROWS, Bars, Column, Grid, Section, Table, make_table

_NOBODY = "Aucune situation ouverte : rien à montrer. Chargez une extraction qui porte les rôles et les dates."


def exposure_section(facts: Facts) -> Section:
    """Roles × document types, then establishments and operators."""
    people = facts.totals["professionals"]
    text: tuple[str, ...] = (
        f"Droits indicatifs, tableau {facts.exposure.version}. {facts.exposure.caveat}",
        "Une personne qui tient plusieurs rôles ouvre l'union de leurs documents. Un accès est un type de document "
        "qu'une personne peut ouvrir ; un accès-jour, cet accès pendant un jour.",
    )
    blocks = (_roles(facts), *_places(facts), _operators(facts), *_map(facts)) if people else (_roles(facts),)
    return Section("exposition", "Qui peut ouvrir quoi", "Exposition", text, blocks)


def _map(facts: Facts) -> tuple[Grid, Table]:
    """The heat map and the table behind it: document types open to most people first."""
    documents = facts.exposure.by_document().select(
        "document_type", "type_code", "professionals", "professionals_forgotten", "person_days_forgotten"
    )
    cells = facts.exposure.heatmap()
    roles = cells["role"].unique(maintain_order=True).to_list()
    names = {role: load_nomenclature("roles").label(role) or role for role in roles}
    wide = (
        cells.with_columns(shown=pl.when("granted").then("professionals"))
        .pivot("role", index=["document_type", "label"], values="shown", maintain_order=True)
        .join(documents, on="document_type", maintain_order="left")
        .sort("professionals", descending=True, maintain_order=True)
    )
    most = wide.row(0, named=True)
    held = {role: max((n for n in wide[role] if n is not None), default=0) for role in roles}
    grid = Grid(
        "figure-exposition",
        "Combien de personnes peuvent ouvrir chaque type de document, par rôle",
        f"Le type de document le plus ouvert est « {most['label']} » : {counted(most['professionals'], 'personne')}. "
        + " ; ".join(
            f"{names[role]} ouvre {counted(int(wide[role].count()), 'type')} de document à "
            f"{counted(held[role], 'personne')}"
            for role in roles
        )
        + ".",
        "personnes",
        tuple(wide["label"]),
        tuple(f"{role}\n{ROLES_SHORT.get(role, '')}" for role in roles),
        tuple(wide.select(roles).rows()),
        "Un point : le rôle n'ouvre pas ce type de document.",
    )
    table = make_table(
        "types-de-document",
        "Personnes à qui chaque type de document est ouvert, par rôle",
        wide,
        {
            "label": Column("Type de document"),
            "type_code": Column("Code XDS"),
            **{role: Column(role, "count") for role in roles},
            "professionals": Column("Personnes", "count"),
            "professionals_forgotten": Column("dont par oubli seulement", "count"),
        },
        empty=_NOBODY,
        folded=True,
        note="Une case vide : le rôle n'ouvre pas ce type de document. « Par oubli seulement » : aucune situation "
        "encore justifiée de la personne ne l'ouvre.",
    )
    return grid, table


_GROUP = {
    name: Column(heading(name), "count")
    for name in (
        "professionals",
        "situations",
        "documents",
        "person_documents",
        "forgotten_situations",
        "person_documents_forgotten",
        "person_days_forgotten",
    )
}


def _roles(facts: Facts) -> Table:
    frame = facts.exposure.by_role().with_columns(who=labelled(pl.col("role"), pl.col("label")))
    return make_table(
        "roles",
        "Exposition par rôle",
        frame,
        {"who": Column("Rôle"), **_GROUP},
        empty=_NOBODY,
        note="Types de document vide : le tableau des droits ne connaît pas ce rôle.",
    )


def _places(facts: Facts) -> tuple[Table, Table]:
    """The establishments with forgotten situations, then all of them."""
    careless = facts.places.filter(pl.col("forgotten_situations") > 0)

    def table(name: str, caption: str, frame: pl.DataFrame, empty: str, *, folded: bool) -> Table:
        shown = frame.head(SHOWN_ROWS)
        return make_table(
            name,
            caption,
            shown.with_columns(place=facts.keys.places(shown["finess"], shown["name"])),
            {"place": Column("Établissement"), **_GROUP},
            total=frame.height,
            empty=empty,
            complete="rpps-audit exposure --by establishment --format csv",
            folded=folded,
        )

    return (
        table(
            "etablissements-oublis",
            "Exposition par établissement : ceux où des situations sont oubliées",
            careless,
            "Aucun établissement n'a de situation oubliée.",
            folded=False,
        ),
        table("etablissements", "Exposition par établissement : tous", facts.places, _NOBODY, folded=True),
    )


def _operators(facts: Facts) -> Table:
    frame = facts.exposure.by_operator()
    shown = frame.head(SHOWN_ROWS)
    labels = facts.keys.places(shown["operator"]).str.replace("établissement non renseigné", "organisme non renseigné")
    return make_table(
        "organismes",
        "Exposition par organisme gestionnaire",
        shown.with_columns(who=labels),
        {"who": Column("Organisme gestionnaire"), "establishments": Column("Établissements", "count"), **_GROUP},
        total=frame.height,
        empty=_NOBODY,
        complete="rpps-audit exposure --by operator --format csv",
    )


def forgotten_section(facts: Facts) -> Section:
    """Forgotten situations by age, and each of them with what it keeps open."""
    frame = facts.forgotten
    text: tuple[str, ...] = (
        "Une situation est oubliée quand elle reste ouverte alors qu'un contrôle dit qu'elle aurait dû être close : "
        "date de fin passée, départ connu des ressources humaines, établissement fermé, ou aucun signe de vie depuis "
        "trop longtemps.",
    )
    if not frame.height:
        done = facts.rules.filter(pl.col("rule_id").is_in(forgetting_rules(facts)) & (pl.col("status") == "evaluated"))
        empty = (
            "Aucune situation oubliée n'a été trouvée."
            if done.height
            else "Non évaluable : aucun contrôle qui reconnaît les oublis n'a eu ses données. Chargez un fichier "
            "de suivi avec les dates de fin, ou la liste des ressources humaines."
        )
        return Section("oublis", "Les situations oubliées", "Oublis", text, (_forgotten_table(facts, frame, empty),))
    ages = _ages(frame)
    text = (_forgotten_said(frame), *text)
    table = make_table(
        "oublis-par-age",
        "Situations oubliées, par ancienneté",
        ages,
        {
            "age": Column("Oubliées depuis"),
            "situations": Column("Situations", "count"),
            "professionals": Column("Personnes", "count"),
            "added": Column(heading("person_documents_forgotten"), "count"),
            "exposed": Column(heading("exposed"), "count"),
        },
        empty="Aucune situation oubliée.",
    )
    said = tuple(
        f"{counted(n, 'situation')}, {counted(added, 'accès', 'accès')}" if n else "aucune"
        for n, added in ages.select("situations", "added").rows()
    )
    figure = Bars(
        "figure-oublis",
        "Situations oubliées, par ancienneté",
        " ; ".join(
            f"{age} : {counted(n, 'situation')}, {counted(added, 'accès ouvert', 'accès ouverts')} par l'oubli"
            for age, n, added in ages.select("age", "situations", "added").rows()
        )
        + ".",
        "situations oubliées",
        tuple(ages["age"]),
        (("situations oubliées", tuple(float(n) for n in ages["situations"])),),
        said,
    )
    return Section(
        "oublis",
        "Les situations oubliées",
        "Oublis",
        text,
        (figure, table, _forgotten_table(facts, frame, "Aucune situation oubliée.")),
    )


def forgetting_rules(facts: Facts) -> list[str]:
    """The ids of the rules that say since when a situation is forgotten."""
    return [rule.id for rule in facts.catalogue if rule.forgotten]


def _forgotten_said(frame: pl.DataFrame) -> str:
    added = int((frame["documents_added"].fill_null(0) > 0).sum())
    oldest = frame["days"].max()
    assert isinstance(oldest, int)
    return (
        f"{counted(frame.height, 'situation oubliée', 'situations oubliées')}. {number(added)} "
        f"{'ouvre' if added < 2 else 'ouvrent'} des documents qu'aucune situation encore justifiée de la personne "
        f"n'ouvre. La plus ancienne date de {days(oldest)}."
    )


def _ages(frame: pl.DataFrame) -> pl.DataFrame:
    """age, situations, professionals, added (documents summed), exposed (documents × days), the youngest first."""
    limits = [limit for limit, _ in AGES if limit is not None]
    labels = [label for _, label in AGES]
    order = pl.DataFrame({"age": labels})
    rank = pl.Series(limits).search_sorted(frame["days"], side="right")
    aged = frame.with_columns(age=pl.Series(labels).gather(rank))
    counts = aged.group_by("age").agg(
        situations=pl.len(),
        professionals=pl.col("professional_id").n_unique(),
        added=pl.col("documents_added").sum(),
        exposed=(pl.col("documents_added") * pl.col("days")).sum(),
    )
    return order.join(counts, on="age", how="left", maintain_order="left").with_columns(pl.exclude("age").fill_null(0))


def _forgotten_table(facts: Facts, frame: pl.DataFrame, empty: str) -> Table:
    shown = frame.head(SHOWN_ROWS)
    titles = {rule.id: rule.title for rule in facts.catalogue}
    located = shown.join(facts.lines(shown["record_key"]), on="record_key", how="left", maintain_order="left")
    ready = located.with_columns(
        who=facts.keys.people(shown["professional_id"]),
        place=facts.place_labels(shown["finess"]),
        role=short_role(pl.col("role")),
        why=pl.col("rule_ids").str.split("+").list.eval(pl.element().replace(titles)).list.join(" ; "),
    )
    return make_table(
        "situations-oubliees",
        "Situations oubliées, celles qui exposent le plus d'abord",
        ready,
        {
            "who": Column("Professionnel", "key"),
            "place": Column("Établissement"),
            "role": Column("Rôle"),
            "line": Column("Ligne", "count"),
            "since": Column("Oubliée depuis le", "day"),
            "days": Column("Durée", "days"),
            "documents": Column("Types ouverts", "count"),
            "documents_added": Column("dont par oubli seulement", "count"),
            "why": Column("Contrôle"),
        },
        total=frame.height,
        empty=empty,
        complete="rpps-audit findings --format csv --out constats.csv",
    )


def peers_section(facts: Facts) -> Section:
    """People whose role opens more than that of their colleagues: by profession and role, then one by one."""
    grouped = facts.exposure.wider_roles()
    wider = int(grouped["situations"].sum())
    text: tuple[str, ...] = (
        "Un écart n'est pas une faute : il se vérifie. Les collègues sont les situations de même profession du même "
        "organisme gestionnaire quand elles sont au moins 5, sinon toutes celles de la profession.",
    )
    if wider:
        active = facts.totals["situations"]
        text = (
            f"{counted(wider, 'situation')} sur {number(active)} ({share(wider / max(active, 1))}) "
            "à vérifier : la profession est indicative, c'est le rôle qui ouvre les documents.",
            *text,
        )
    groups = make_table(
        "acces-plus-larges",
        "Rôles qui ouvrent plus que celui de la plupart des collègues, par profession",
        _worded(grouped),
        {
            "profession": Column("Profession"),
            "role": Column("Rôle tenu"),
            "usual_role": Column("Rôle habituel"),
            "extra_documents": Column("Types de document en plus", "count"),
            "situations": Column("Situations", "count"),
            "places": Column("Établissements", "count"),
        },
        empty="Personne n'a d'accès plus large que la plupart de ses collègues de même profession, ou il y a trop peu "
        "de collègues (moins de 5 situations) pour comparer.",
    )
    return Section(
        "collegues",
        "Les accès plus larges que ceux des collègues",
        "Accès plus larges",
        text,
        (groups, _people(facts, wider)) if wider else (groups,),
    )


def _people(facts: Facts, total: int) -> Table:
    shown = _worded(facts.exposure.wider_than_peers(SHOWN_ROWS))
    return make_table(
        "personnes-acces-plus-larges",
        "Les mêmes, personne par personne",
        shown.with_columns(who=facts.keys.people(shown["professional_id"]), place=facts.place_labels(shown["finess"])),
        {
            "who": Column("Professionnel", "key"),
            "place": Column("Établissement"),
            "profession": Column("Profession"),
            "role": Column("Rôle tenu"),
            "usual_role": Column("Rôle habituel"),
            "extra_documents": Column("Types en plus", "count"),
        },
        total=total,
        empty="Personne.",
        complete="rpps-audit exposure --by professional --format csv",
        folded=True,
    )


def _worded(frame: pl.DataFrame) -> pl.DataFrame:
    """Codes of professions and roles as the reader knows them."""
    profession = pl.col("profession")
    return frame.with_columns(
        profession=labelled(profession, nomenclature_label_expr("professions", profession)),
        role=short_role(pl.col("role")),
        usual_role=short_role(pl.col("usual_role")),
    )
