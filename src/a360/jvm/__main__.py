"""Fetches what Spark needs besides its package, and says what is there: `python -m a360.jvm`."""

import sys

from a360.errors import A360Error
from a360.jvm._jars import ICEBERG, resolve
from a360.jvm._java import find_java
from a360.jvm._session import require_extra
from a360.settings import load_settings


def main() -> int:
    """Find Java, and fetch the jars that are not in the cache."""
    try:
        settings = load_settings()
        require_extra()
        java = find_java(settings.java_home)
        path = resolve(ICEBERG, settings.cache, java, settings.maven_url)
    except A360Error as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"Java {java.version} in {java.home} ({java.origin})\n{ICEBERG.coordinates} in {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
