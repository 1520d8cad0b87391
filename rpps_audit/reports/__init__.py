"""What an audit says to people: one report model, several renderings."""

from rpps_audit.reports.build import build_report
from rpps_audit.reports.figures import prepare_figures
from rpps_audit.reports.html import render_html, write_html
from rpps_audit.reports.model import Report
from rpps_audit.reports.xlsx import write_xlsx

__all__ = ["Report", "build_report", "prepare_figures", "render_html", "write_html", "write_xlsx"]
