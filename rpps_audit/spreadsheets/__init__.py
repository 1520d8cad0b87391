"""Workbooks that came from anywhere, read by a child process with bounded memory: a hostile or odd one ends the child.

xlsx, xlsm, xls and ods by calamine (fastexcel), HTML and XML 2003 under the name of xls by the standard library.
"""

from rpps_audit.spreadsheets.parent import RefusedError, read_workbook

__all__ = ["RefusedError", "read_workbook"]
