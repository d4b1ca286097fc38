"""An experiment as one HTML file to keep or to send: what was asked, figure, table, and how to do it again."""

from __future__ import annotations

from dashboard import report_page
from dashboard.charts_sweep import sweep_figure
from dashboard.sweep_resources import Results
from safemil_core.clock import duration
from safemil_core.running.sweeps.summary import readable
from safemil_core.running.sweeps.sweep_folder import Sweep


def sweep_report(sweep: Sweep, found: Results) -> str:
    """The whole document, of what is done so far; at least one trial."""
    spec, done = sweep.spec, [row for row in found.rows if not row.failure]
    seconds = sum(row.seconds for row in done)
    values = [
        ("trials", f"{len(done)} of {found.n_trials}"),
        ("seeds", f"{len(spec.seeds)}"),
        ("datasets", f"{len(spec.datasets)}"),
        ("computed in", duration(seconds)),
    ]
    codes = sorted({row.code for row in done})
    failures = sorted({row.failure for row in found.rows if row.failure})
    again = f"safemil sweep {spec.name}.toml, the file being what stands below"
    parts = [
        report_page.heading(spec.question or spec.name, f"experiment {spec.name}"),
        report_page.section("What was done", report_page.tiles(values), *map(report_page.sentence, failures)),
        report_page.section(
            "Figure", report_page.charts([(sweep_figure(found.table, spec), f"{spec.name} over {spec.axis}")])
        ),
        report_page.section(
            "Table",
            report_page.table(readable(found.table, spec)),
            about="Medians over the seeds with 95 % bootstrap intervals.",
        ),
        report_page.section(
            "Again", report_page.sentence(again), report_page.verbatim(sweep.spec_file.read_text()),
            report_page.sentence(f"Digest of the code: {', '.join(codes)}"),
        ),
    ]  # fmt: skip
    return report_page.page(f"SafeMIL: {spec.name}", parts)
