"""What spark-submit is given: `spark-submit spark/src/job.py run DATASET… --lake DIR`."""

import sys

from a360.spark import main

if __name__ == "__main__":
    sys.exit(main())
