"""`python -m rpps_audit` is `rpps-audit`."""

import sys

from rpps_audit.cli import main

if __name__ == "__main__":
    sys.exit(main())
