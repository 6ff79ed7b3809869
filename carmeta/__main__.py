"""`python -m carmeta`."""

from __future__ import annotations

import sys

from carmeta.cli import main

if __name__ == "__main__":
    sys.exit(main())
