"""What was read, the score of each family, findings by rule and establishment, what could not be evaluated."""

from __future__ import annotations

import polars as pl

from rpps_audit.checks import CATEGORIES as FAMILIES
from rpps_audit.checks import OPEN_STATES, STATES
from rpps_audit.reports.facts import Facts
from rpps_audit.reports.french import counted, number, share
from rpps_audit.reports.keys import labelled
from rpps_audit.reports.labels import CATEGORIES, CATEGORY_MEANINGS, KINDS, KINDS_SHORT, SEVERITIES
from rpps_audit.reports.losses import losses_table
from rpps_audit.reports.model import SHOWN_ROWS, Bars, Column, Grid, Section, Table, make_table

_NOTHING = "Aucune extraction contrôlée. Commencez par : rpps-audit audit FICHIER."
_ALL_FINDINGS = "rpps-audit findings --format csv --out constats.csv"
_SEVERITY_ORDER = list(SEVERITIES)
_GRID_RULES, _GRID_PLACES = 15, 12


def files_section(facts: Facts) -> Section:
    """What was read and rejected, file by file."""
    snapshots = facts.snapshots.with_columns(
        kind=pl.col("kind").replace(KINDS), current=pl.when("current").then(pl.lit("oui")).otherwise(pl.lit("non"))
    )
    outside = int(snapshots["rows_outside"].sum())
    table = make_table(
        "fichiers",
        "Fichiers chargés : lignes lues = lignes retenues + lignes rejetées"
        + (" + lignes hors périmètre" if outside else ""),
        snapshots,
        {
            "file_name": Column("Fichier", "name"),
            "kind": Column("Nature"),
            "layout": Column("Format reconnu"),
            "encoding": Column("Encodage"),
            "data_date": Column("Date des données", "day"),
            "current": Column("Dans l'état jugé"),
            "rows_read": Column("Lues", "count"),
            "rows_kept": Column("Retenues", "count"),
            "rows_rejected": Column("Rejetées", "count"),
            **({"rows_outside": Column("Hors périmètre", "count")} if outside else {}),
        },
        empty="Aucun fichier chargé. Commencez par : rpps-audit audit FICHIER.",
        note="L'état jugé réunit le dernier fichier de chaque série à sa date ; les autres servent à comparer."
        + (" Les lignes d'établissements hors du périmètre sont comptées, jamais gardées." if outside else ""),
    )
    rejects = make_table(
        "rejets",
        "Lignes rejetées, par motif",
        facts.rejects,
        {
            "file_name": Column("Fichier", "name"),
            "reason": Column("Motif"),
            "rejects": Column("Lignes", "count"),
            "first_line": Column("Première ligne", "count"),
        },
        empty="Aucune ligne rejetée.",
        complete="le texte des lignes rejetées reste dans le magasin, jamais dans un rapport",
    )
    read, kept, rejected = (int(snapshots[name].sum()) for name in ("rows_read", "rows_kept", "rows_rejected"))
    text = (
        f"{counted(snapshots.height, 'fichier lu', 'fichiers lus')} : {counted(read, 'ligne')}, dont {number(kept)} "
        f"retenues et {number(rejected)} rejetées{f', {number(outside)} hors périmètre' if outside else ''}.",
        f"Ce rapport juge l'{facts.state.name} : {', '.join(facts.state.snapshots['file_name'])}.",
    )
    return Section(
        "lecture", "Ce qui a été lu", "Fichiers lus", text if read else (), (table, rejects, losses_table(facts))
    )


def families(facts: Facts) -> pl.DataFrame:
    """The score of each family of rules in each extract.

    Columns: run_id, kind, file_name, primary, category, records (those of the tables the evaluated rules are about),
    faulty (distinct, with an error or a warning), sound (share, null when nothing was looked at), error, warning,
    information (findings), done, missing, idle (rules evaluated, not evaluable, *sans objet*).
    """
    rules = facts.rules
    done = pl.col("status") == "evaluated"
    keys = ["run_id", "kind", "primary", "category"]
    looked = (
        rules.filter(done)
        .select(*keys, "table")
        .unique()
        .join(
            facts.records.unpivot(index="run_id", variable_name="table", value_name="records"), on=["run_id", "table"]
        )
        .group_by(keys)
        .agg(pl.col("records").sum())
    )
    faulty = (
        facts.faulty.filter((pl.col("severity") == "any") & pl.col("category").is_not_null())
        .group_by("run_id", "category")
        .agg(faulty=pl.col("records").sum())
    )
    counts = rules.group_by(keys).agg(
        *(pl.col("failed").filter(severity=name).sum().alias(name) for name in SEVERITIES),
        done=done.sum().cast(pl.Int64),
        missing=(pl.col("status") == "not_evaluable").sum().cast(pl.Int64),
        idle=(pl.col("status") == "no_object").sum().cast(pl.Int64),
    )
    order = pl.col("category").replace_strict(FAMILIES, range(len(FAMILIES)), return_dtype=pl.Int64)
    return (
        counts.join(looked, on=keys, how="left")
        .join(faulty, on=["run_id", "category"], how="left")
        .with_columns(pl.col("records", "faulty").fill_null(0))
        .with_columns(sound=pl.when(pl.col("records") > 0).then(1 - pl.col("faulty") / pl.col("records")))
        .join(facts.runs.select("run_id", "file_name"), on="run_id")
        .sort(pl.col("primary"), "kind", "run_id", order, descending=[True, True, False, False])
    )


def score_section(facts: Facts) -> Section:
    """The score of each family, with its denominator: the extract that tells most, then the others."""
    scores = families(facts)
    main, others = scores.filter("primary"), scores.filter(~pl.col("primary"))
    kind = KINDS.get(main["kind"][0], "") if main.height else ""
    blocks: tuple[Bars | Table, ...] = (
        _score_table("familles", f"Score de chaque famille : {kind}".removesuffix(" : "), main),
    )
    if main.height:
        blocks = (_score_figure(facts, main), *blocks)
    if others.height:
        blocks = (*blocks, _score_table("familles-autres", "Les autres extractions", others, folded=True))
    text = " ; ".join(f"{CATEGORIES[name].lower()} : {meaning}" for name, meaning in CATEGORY_MEANINGS.items())
    return Section(
        "scores", "Le score de chaque famille de contrôles", "Scores", (f"{text[0].upper()}{text[1:]}.",), blocks
    )


def _score_table(name: str, caption: str, scores: pl.DataFrame, *, folded: bool = False) -> Table:
    ready = scores.with_columns(
        pl.col("kind").replace(KINDS_SHORT),
        pl.col("category").replace(CATEGORIES),
        rules=pl.concat_str(
            _many("done", "évalué", "évalués"),
            _many("missing", "non évaluable", "non évaluables"),
            _many("idle", "sans objet", "sans objet"),
            separator=", ",
        ),
    )
    return make_table(
        name,
        caption,
        ready,
        {
            "category": Column("Famille"),
            **({"kind": Column("Extraction")} if folded else {}),
            "records": Column("Enregistrements regardés", "count"),
            "faulty": Column("Avec un défaut", "count"),
            "sound": Column("Part sans défaut", "share"),
            "error": Column("Erreurs", "count"),
            "warning": Column("Avertisse\u00adments", "count"),
            "information": Column("Informa\u00adtions", "count"),
            "rules": Column("Contrôles"),
        },
        empty=_NOTHING,
        note="Un enregistrement est un professionnel ou une situation d'exercice. Il a un défaut s'il porte au moins "
        "une erreur ou un avertissement de la famille ; les informations sont comptées à part. Une famille sans "
        "contrôle évalué n'a pas de score."
        if not folded
        else "",
        folded=folded,
    )


def _many(column: str, one: str, many: str) -> pl.Expr:
    word = pl.when(pl.col(column) < 2).then(pl.lit(one)).otherwise(pl.lit(many))
    return pl.concat_str(column, word, separator=" ")


def _score_figure(facts: Facts, main: pl.DataFrame) -> Bars:
    grave = (
        facts.faulty.filter(pl.col("severity") == "error")
        .join(facts.runs.filter("primary").select("run_id"), on="run_id")
        .group_by("category")
        .agg(grave=pl.col("records").sum())
    )
    rows = (
        main.group_by("category", maintain_order=True)
        .agg(pl.col("records", "faulty").sum())
        .join(grave, on="category", how="left", maintain_order="left")
        .with_columns(pl.col("grave").fill_null(0), pl.col("category").replace(CATEGORIES))
        .select("category", "records", "faulty", "grave")
        .rows()
    )
    said = [
        f"{number(faulty)} sur {number(records)} : {share(1 - faulty / records)} sans défaut"
        if records
        else "non évaluable"
        for _, records, faulty, _ in rows
    ]
    return Bars(
        "figure-familles",
        "Enregistrements qui ont un défaut, par famille",
        f"{' ; '.join(f'{name} : {text}' for (name, *_), text in zip(rows, said, strict=True))}.",
        "enregistrements",
        tuple(name for name, *_ in rows),
        (
            ("au moins une erreur", tuple(float(grave) for *_, grave in rows)),
            ("des avertissements seulement", tuple(float(faulty - grave) for _, _, faulty, grave in rows)),
        ),
        tuple(said),
    )


def findings_section(facts: Facts) -> Section:
    """Findings by rule, then by rule and establishment, with what became of them."""
    by_state = _by_state(facts)
    home = by_state.join(facts.homes, on=["rule_id", "kind"], how="semi", maintain_order="left")
    others = by_state.join(facts.homes, on=["rule_id", "kind"], how="anti", maintain_order="left")
    errors = home.filter(pl.col("severity") == SEVERITIES["error"])
    lesser = home.filter(pl.col("severity") != SEVERITIES["error"])
    figure, places = _rules_by_place(facts)
    lists = [
        _states_table("erreurs-par-controle", "Erreurs, par contrôle", errors, folded=False),
        _states_table("avertissements-par-controle", "Avertissements et informations, par contrôle", lesser),
        _states_table("constats-autres-extractions", "Les mêmes contrôles dans les autres extractions", others),
        places,
    ]
    shown = [table for table in lists[1:] if table.rows]
    return Section(
        "constats",
        "Les constats, par contrôle et par établissement",
        "Constats",
        _states_text(home),
        (*figure, lists[0], *shown),
    )


def _states_text(home: pl.DataFrame) -> tuple[str, ...]:
    meaning = (
        "Un constat désigne un enregistrement et une colonne, jamais une valeur. Corrigé : une extraction plus "
        "récente le prouve. Disparu : l'enregistrement n'est plus là, ce qui ne prouve rien. Toléré : accepté par "
        "quelqu'un, avec un motif, jusqu'à une date. Chaque contrôle est compté une fois, dans l'extraction qui en "
        "dit le plus.",
    )
    if not home.height:
        return meaning
    totals = {state: int(home[state].sum()) for state in STATES}
    return (
        f"{counted(int(home['open'].sum()), 'constat ouvert', 'constats ouverts')}, dont "
        f"{counted(totals['new'], 'nouveau', 'nouveaux')}, {counted(totals['persisting'], 'persistant')} et "
        f"{counted(totals['reopened'], 'rouvert')}. Depuis l'extraction précédente : "
        f"{counted(totals['resolved'], 'corrigé')} et {counted(totals['vanished'], 'disparu')}. "
        f"{counted(totals['tolerated'], 'toléré')}.",
        *meaning,
    )


def _states_table(name: str, caption: str, frame: pl.DataFrame, *, folded: bool = True) -> Table:
    return make_table(
        name,
        caption,
        frame.with_columns(pl.col("kind").replace(KINDS_SHORT)),
        {
            "title": Column("Contrôle"),
            "severity": Column("Gravité"),
            "kind": Column("Extraction"),
            "evaluated": Column("Regardés", "count"),
            "new": Column("Nouveaux", "count"),
            "persisting": Column("Persistants", "count"),
            "reopened": Column("Rouverts", "count"),
            "tolerated": Column("Tolérés", "count"),
            "resolved": Column("Corrigés", "count"),
            "vanished": Column("Disparus", "count"),
        },
        empty="Aucune erreur.",
        complete=_ALL_FINDINGS,
        folded=folded,
    )


def _by_state(facts: Facts) -> pl.DataFrame:
    """One row per rule and kind of extract with findings, gravest and most numerous first."""
    looked = facts.rules.group_by("rule_id", "kind").agg(pl.col("evaluated").sum())
    counts = facts.findings.by_rule
    return (
        counts.group_by("rule_id", "severity", "category", "kind")
        .agg(pl.col("findings").filter(state=state).sum().alias(state) for state in STATES)
        .join(looked, on=["rule_id", "kind"], how="left")
        .with_columns(
            title=facts.title_expr(),
            rank=pl.col("severity").replace_strict(_SEVERITY_ORDER, range(3), return_dtype=pl.Int64),
            open=pl.sum_horizontal(OPEN_STATES),
        )
        .sort("rank", "open", "rule_id", "kind", descending=[False, True, False, False])
        .with_columns(
            pl.col("severity").replace(SEVERITIES),
        )
    )


def _rules_by_place(facts: Facts) -> tuple[tuple[Grid, ...], Table]:
    wide = facts.findings.by_place.filter(pl.col("severity") != "information")
    order = ["open", "rule_id", "finess"]
    top = wide.top_k(SHOWN_ROWS, by=order, reverse=[False, True, True]).sort(order, descending=[True, False, False])
    table = make_table(
        "constats-par-etablissement",
        "Erreurs et avertissements par contrôle et par établissement",
        top.with_columns(
            title=facts.title_expr(),
            place=facts.place_labels(top["finess"]),
            severity=pl.col("severity").replace(SEVERITIES),
        ),
        {
            "place": Column("Établissement"),
            "title": Column("Contrôle"),
            "severity": Column("Gravité"),
            "new": Column("Nouveaux", "count"),
            "persisting": Column("Persistants", "count"),
            "reopened": Column("Rouverts", "count"),
            "tolerated": Column("Tolérés", "count"),
            "open": Column("Ouverts", "count"),
        },
        total=wide.height,
        empty="Aucune erreur ni avertissement." if facts.runs.height else _NOTHING,
        complete=_ALL_FINDINGS,
        folded=True,
    )
    open_ = wide.filter(pl.col("open") > 0)
    return ((_rules_grid(facts, open_),) if open_.height else ()), table


def _rules_grid(facts: Facts, wide: pl.DataFrame) -> Grid:
    """The rules and the establishments with most open findings; the other establishments are summed."""

    def most(column: str, many: int) -> list[str]:
        ranked = wide.group_by(column).agg(pl.col("open").sum())
        return ranked.sort(["open", column], descending=[True, False])[column].head(many).to_list()

    rules, places = most("rule_id", _GRID_RULES), most("finess", _GRID_PLACES)
    shown = wide.filter(pl.col("rule_id").is_in(rules) & pl.col("finess").is_in(places))
    counts = {(rule, place): n for rule, place, n in shown.select("rule_id", "finess", "open").rows()}
    sums = dict(wide.group_by("rule_id").agg(pl.col("open").sum()).rows())
    values = [[counts.get((rule, place), 0) for place in places] for rule in rules]
    rest = [sums[rule] - sum(row) for rule, row in zip(rules, values, strict=True)]
    names = facts.place_labels(pl.Series(places, dtype=pl.String)).to_list()
    others = wide["finess"].n_unique() - len(places)
    title = facts.rule_title(rules[0])
    return Grid(
        "figure-constats",
        "Constats ouverts : les contrôles et les établissements qui en ont le plus",
        f"Le contrôle qui relève le plus de constats est « {title} » : {number(sums[rules[0]])}. "
        f"L'établissement qui en a le plus est {names[0]}. La figure montre les {len(rules)} premiers contrôles et les "
        f"{len(places)} premiers établissements ; le tableau replié donne le détail.",
        "constats ouverts",
        tuple(facts.rule_title(rule) for rule in rules),
        # The FINESS number is in the table: names alone fit over the columns.
        (*(name.split(" (")[0] for name in names), *([f"les {number(others)} autres"] if others else [])),
        tuple((*row, *([left] if others else [])) for row, left in zip(values, rest, strict=True)),
    )


def not_evaluable_section(facts: Facts) -> Section:
    """The rules that lacked data: nowhere evaluated first; then what exposure could not judge."""
    missing = facts.rules.filter(pl.col("status") == "not_evaluable")
    evaluated = (
        facts.rules.filter(pl.col("status") == "evaluated")
        .group_by("rule_id")
        .agg(elsewhere=pl.col("kind").unique().sort().replace(KINDS).str.join(", "))
    )
    rules = (
        missing.group_by("rule_id", "category", "reason")
        .agg(kinds=pl.col("kind").unique().sort().replace(KINDS).str.join(", "))
        .join(evaluated, on="rule_id", how="left")
        .sort(pl.col("elsewhere").is_not_null(), "reason", "rule_id")
        .with_columns(
            title=facts.title_expr(),
            category=pl.col("category").replace(CATEGORIES),
            elsewhere=pl.col("elsewhere").fill_null("nulle part"),
        )
    )
    table = make_table(
        "controles-non-evaluables",
        "Contrôles qui n'ont pas pu être évalués, et ce qui leur manque",
        rules,
        {
            "title": Column("Contrôle"),
            "category": Column("Famille"),
            "kinds": Column("Non évaluable dans"),
            "reason": Column("Ce qui manque"),
            "elsewhere": Column("Évalué dans"),
        },
        empty="Tous les contrôles ont été évalués." if facts.runs.height else _NOTHING,
        folded=True,
    )
    unknown = facts.exposure.not_evaluable().with_columns(who=labelled(pl.col("role"), pl.col("label")))
    exposure = make_table(
        "exposition-non-evaluable",
        "Situations dont l'exposition n'a pas pu être jugée",
        unknown,
        {
            "reason": Column("Motif"),
            "who": Column("Rôle"),
            "situations": Column("Situations", "count"),
            "professionals": Column("Professionnels", "count"),
        },
        empty="L'exposition de toutes les situations ouvertes a pu être jugée.",
        note="Ces situations n'ajoutent rien aux chiffres de l'exposition. Cela ne veut pas dire qu'elles n'ouvrent "
        "rien.",
    )
    nowhere, idle, total = missing_everywhere(facts)
    text: tuple[str, ...] = (
        "Un contrôle à qui il manque une colonne ou un fichier n'est jamais compté comme réussi ; un contrôle qui n'a "
        "rien trouvé à regarder est sans objet, et ne l'est pas davantage.",
    )
    if total:
        text = (
            f"{counted(nowhere, 'contrôle')} sur {number(total)} "
            f"{'n’a' if nowhere < 2 else 'n’ont'} pu être {'évalué' if nowhere < 2 else 'évalués'} dans aucune "
            f"extraction ; {counted(idle, 'contrôle est', 'contrôles sont')} sans objet.",
            *text,
        )
    return Section(
        "non-evaluable",
        "Ce qui n'a pas pu être évalué",
        "Non évaluable",
        text,
        (table, _partial_table(facts), exposure),
    )


def _partial_table(facts: Facts) -> Table:
    """The rules evaluated on some files only, and on which they could not be."""
    partial = (
        facts.rules.filter((pl.col("status") == "evaluated") & pl.col("reason").is_not_null())
        .join(facts.gaps, on=["run_id", "rule_no"], how="left")
        .sort("reason", "rule_id")
        .with_columns(
            title=facts.title_expr(),
            kind=pl.col("kind").replace(KINDS),
            files=pl.col("files").fill_null("fichiers auxquels il se compare"),
        )
    )
    return make_table(
        "controles-evaluables-en-partie",
        "Contrôles évalués sur une partie des fichiers seulement",
        partial,
        {
            "title": Column("Contrôle"),
            "kind": Column("Extraction"),
            "evaluated": Column("Enregistrements regardés", "count"),
            "files": Column("Non évaluable sur", "name"),
            "reason": Column("Ce qui manque"),
        },
        empty="Aucun contrôle n'a été évalué à moitié." if facts.runs.height else _NOTHING,
        note="Sur ces fichiers, rien ne dit que ce que ces contrôles regardent est juste.",
        folded=True,
    )


def missing_everywhere(facts: Facts) -> tuple[int, int, int]:
    """How many rules lacked data and were evaluated nowhere, how many had nothing to look at, and how many are."""
    said = facts.rules.group_by("rule_id").agg(
        *((pl.col("status") == status).any().alias(status) for status in ("evaluated", "not_evaluable"))
    )
    nowhere = said.filter(~pl.col("evaluated") & pl.col("not_evaluable")).height
    return nowhere, said.filter(~pl.col("evaluated") & ~pl.col("not_evaluable")).height, said.height


def empty_words() -> str:
    """What to do when nothing was checked."""
    return _NOTHING
