#!/usr/bin/env python3
"""Put an invented clinic's data into a lake on AWS, by default that of staging: `a360 sample upload`.

uv run utils/s3_sample_data_uploader.py --profile P [--env NAME] [--patients N]
"""

import os
import sys

from a360.cli import main

if __name__ == "__main__":
    os.environ.setdefault("A360_ENV", "staging")
    main(["sample", "upload", *sys.argv[1:]])
