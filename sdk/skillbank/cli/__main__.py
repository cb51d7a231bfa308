"""`python -m skillbank.cli` does what `skillbank` does."""

import sys

from skillbank.cli.app import main

sys.exit(main())
