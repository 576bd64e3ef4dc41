"""`python -m a360.spark`."""

import sys

from a360.spark import main

sys.exit(main())
