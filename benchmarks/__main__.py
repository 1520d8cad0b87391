"""The benchmarks of docs/performance.md. Usage: python -m benchmarks [FOLDER] [--large]

Writes the national sample into FOLDER (default: a temporary one), then measures in one run: the floor (DuckDB reading
every column), our whole job, and the same row rules through other validators. `--large` adds 20 million situations.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import statistics
import sys
import tempfile
from datetime import date
from pathlib import Path

from benchmarks.measure import Measure, measure
from benchmarks.rules import export_professionals, row_rules

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
FIGURE = ROOT / "docs" / "images" / "performance.svg"
# Beyond this size a round takes many minutes: one is enough to see whether time and memory grow in proportion.
_ROUNDS_UP_TO = 4_000_000
# From here on the page is written by hand and stays.
BY_HAND = "\n## Where the time goes"
CONTENDERS = ("ours", "pandera", "dataframely", "pointblank", "great_expectations")


def main() -> None:
    """Measure everything and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[500_000, 1_000_000, 2_000_000])
    parser.add_argument("--contenders-python", default=sys.executable, help="Python that has the other validators")
    args = parser.parse_args()
    folder = args.folder or Path(tempfile.mkdtemp(prefix="rpps-audit-bench-"))
    sizes = [*args.sizes, *([16_500_000] if args.large else [])]
    jobs = {size: _job(folder, size, args.rounds) for size in sizes}
    others = _contenders(folder, max(args.sizes), args.contenders_python)
    FIGURE.parent.mkdir(exist_ok=True)
    _plot(jobs)
    _, heading, learnt = PAGE.read_text("utf-8").partition(BY_HAND)
    PAGE.write_text(_page(jobs, others, folder, args.rounds) + heading + learnt, "utf-8")
    print(PAGE.read_text("utf-8"))


def _job(folder: Path, professionals: int, rounds: int) -> tuple[Path, list[Measure], list[Measure]]:
    """The floor (twice a round) and our whole job on one size, in turn."""
    sample = folder / f"sample-{professionals}"
    if not sample.exists():
        command = ["sample", "--professionals", str(professionals), "--seed", "1", "--out", str(sample)]
        made = measure(_ours(*command, "--kinds", "annuaire-restreint"))
        assert made.exit_code == 0, made.said
    file = max(sample.glob("*.txt"), key=lambda path: path.stat().st_size)
    reading = [sys.executable, str(ROOT / "benchmarks" / "floor.py"), str(file)]
    workspace = folder / f"workspace-{professionals}"
    floors, wholes = [], []
    for _ in range(rounds if professionals <= _ROUNDS_UP_TO else 1):
        # Before and after: on a shared machine the short one varies by half from one minute to the next.
        floors.append(measure(reading))
        shutil.rmtree(workspace, ignore_errors=True)
        wholes.append(measure(_ours("--workspace", str(workspace), "audit", str(file)), limit=3600))
        floors.append(measure(reading))
        told = f"floor {floors[-2].wall:.1f} and {floors[-1].wall:.1f} s, whole job {wholes[-1].wall:.1f} s"
        print(f"{professionals:>12,}: {told}", flush=True)
    return file, floors, wholes


def _contenders(folder: Path, professionals: int, python: str) -> dict[str, Measure]:
    parquet = folder / f"professionals-{professionals}.parquet"
    if not parquet.exists():
        export_professionals(folder / f"workspace-{professionals}", parquet)
    answers = {}
    for name in CONTENDERS:
        answers[name] = measure([python, "-m", "benchmarks.contenders", name, str(parquet)], cwd=str(ROOT), limit=300)
        print(f"{name}: {answers[name].wall:.1f} s, {answers[name].said}", flush=True)
    return answers


def _ours(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "rpps_audit", *arguments]


def _median(measures: list[Measure], what: str) -> float:
    return statistics.median(getattr(one, what) for one in measures)


def _page(
    jobs: dict[int, tuple[Path, list[Measure], list[Measure]]], others: dict[str, Measure], folder: Path, rounds: int
) -> str:
    import polars as pl

    rules = len(
        row_rules(pl.scan_parquet(folder / f"professionals-{max(size for size in jobs if size <= 2_000_000)}.parquet"))
    )
    lines = [
        "# Performance",
        "",
        f"Measured on {date.today():%Y-%m-%d}, {platform.system()} {platform.machine()}, Python"
        f" {platform.python_version()}, 2 cores, by `make bench` in one run; medians of {rounds} rounds.",
        "",
        "## The whole job against the time to read the file",
        "",
        "The file is the registry's restricted extract (51 columns), synthetic, with defects at the sample's rates. The"
        " floor is DuckDB parsing every column. Our job loads, keeps the original, runs every rule the extract allows,"
        " stores the findings, computes exposure and writes the report.",
        "",
        "| professionals | file, MB | floor, s | whole job, s | times the floor | peak memory, MB |",
        "|---:|---:|---:|---:|---:|---:|",
    ]
    for size, (file, floors, wholes) in jobs.items():
        floor, whole = _median(floors, "wall"), _median(wholes, "wall")
        lines.append(
            f"| {size:,} | {file.stat().st_size / 1e6:,.0f} | {floor:.1f} | {whole:.1f} | {whole / floor:.1f} |"
            f" {max(one.peak for one in wholes):,.0f} |"
        )
    lines += [
        "",
        "![Time against size](images/performance.svg)",
        "",
        f"## The same {rules} row rules on the professionals of the largest file, through other validators",
        "",
        "Each reads the same Parquet file and must say which rows fail which rule. Great Expectations has an"
        " expectation only for presence, patterns and lists, and was given only those.",
        "",
        "| validator | wall, s | peak memory, MB | answer |",
        "|---|---:|---:|---|",
    ]
    for name, one in others.items():
        said = one.said if one.finished else f"did not finish (exit {one.exit_code}): {one.said[:80]}"
        lines.append(f"| {name.replace('_', ' ')} | {one.wall:.1f} | {one.peak:,.0f} | {said} |")
    return "\n".join(lines) + "\n"


def _plot(jobs: dict[int, tuple[Path, list[Measure], list[Measure]]]) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    mpl.rcParams["svg.hashsalt"] = "rpps-audit"
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    sizes = [size / 1e6 for size in jobs]
    axes.plot(sizes, [_median(job[2], "wall") for job in jobs.values()], "o-", label="whole job")
    axes.plot(sizes, [_median(job[1], "wall") for job in jobs.values()], "s--", label="DuckDB reads the file")
    axes.set_xlabel("professionals (millions)")
    axes.set_ylabel("seconds")
    axes.legend()
    axes.grid(visible=True, alpha=0.3)
    figure.savefig(FIGURE, metadata={"Date": None})


if __name__ == "__main__":
    main()
