"""The jars that Spark gets besides its own: had once from a Maven repository, pinned by hash, then kept."""

import hashlib
import importlib.util
import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies
from xml.sax.saxutils import quoteattr

from a360.errors import OperatorError
from a360.jvm._java import Java

_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Jar:
    """A jar by its coordinates in Maven repositories, and the only content that is taken for it.

    `has` is one of its classes, `extension` the one by which it extends Spark's SQL, if it does.
    """

    group: str
    name: str
    version: str
    sha256: str
    has: str = ""
    extension: str = ""

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.name}-{self.version}.jar"

    @property
    def coordinates(self) -> str:
        """What Maven calls it."""
        return f"{self.group}:{self.name}:{self.version}"


ICEBERG = Jar(
    "org.apache.iceberg",
    "iceberg-spark-runtime-4.1_2.13",
    "1.11.0",
    "d6ea6c5d099288daeb7d5a92061bd3d7d8f296492632b42378e5f2f0e3066242",
    "org/apache/iceberg/spark/SparkCatalog.class",
    "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
)
# What Iceberg needs to reach S3 and Glue; fetched only for a lake whose files are there.
AWS = Jar(
    "org.apache.iceberg",
    "iceberg-aws-bundle",
    "1.11.0",
    "38f01da7e96850cdd05e6616d758b77b43314b712a8808e3f9a824d56976162f",
    "software/amazon/awssdk/services/s3/S3Client.class",
)


def cached(jar: Jar, cache: Path) -> Path | None:
    """The jar where it is kept already, its content checked; None where it is not.

    Raises:
        OperatorError: `jar-untrusted` for a file of that name with another content.
    """
    for folder in (_folder(cache), _maven_folder(jar)):
        path = folder / jar.file
        if path.is_file():
            return _checked(jar, path)
    return None


def resolve(jar: Jar, cache: Path, java: Java, repository: str | None = None) -> Path:
    """The jar as a file whose content is the pinned one: from the cache, or else from a Maven repository.

    Its content is checked each time; of what comes over the network nothing is kept that fails the check.

    Args:
        jar: The jar.
        cache: The folder to keep it in.
        java: Runs the resolver that Spark brings along.
        repository: The URL of the Maven repository to ask; None for the one that the resolver knows.

    Raises:
        OperatorError: `jar-missing` where it cannot be had, `jar-untrusted` where it is not the pinned one.
    """
    found = cached(jar, cache)
    if found is not None:
        return found
    folder = _folder(cache)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".part-") as part:
        fetched = _fetched(jar, Path(part), java, repository)
        if fetched is None:
            raise _missing(jar, folder, "the resolver ended without it")
        with _checked(jar, fetched, repository or "the repository").open("rb") as file:
            os.fsync(file.fileno())
        # Whole or absent: two processes that fetch at once each put the same content there.
        fetched.replace(folder / jar.file)
    return folder / jar.file


def _folder(cache: Path) -> Path:
    return cache / "jars"


def _maven_folder(jar: Jar) -> Path:
    """Where Maven itself keeps it, on machines that have it."""
    return Path.home().joinpath(".m2", "repository", *jar.group.split("."), jar.name, jar.version)


def _checked(jar: Jar, path: Path, origin: str = "") -> Path:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest == jar.sha256:
        return path
    raise OperatorError(
        "jar-untrusted",
        "A jar is not the one that this version was made with, and is not used",
        where=origin or str(path),
        found=f"{jar.file} with SHA-256 {digest}, not {jar.sha256}",
        next_step="ask who runs that repository why it serves another file"
        if origin
        else f"find out who changed it; to have it fetched anew: rm {path}",
    )


def _fetched(jar: Jar, part: Path, java: Java, repository: str | None) -> Path | None:
    """Has Ivy, which Spark's `--packages` uses too, put the jar alone into a folder."""
    command = [
        str(java.program),
        *_proxies(),
        f"-Divy.default.ivy.user.dir={part / 'ivy'}",
        *("-cp", str(_ivy(jar, part)), "org.apache.ivy.Main"),
        *("-cache", str(part / "cache")),
        *("-dependency", jar.group, jar.name, jar.version),
        *("-confs", "master"),
        *("-notransitive", "-types", "jar", "-warn"),
        *("-retrieve", str(part / "[artifact]-[revision].[ext]")),
    ]
    if repository:
        command += ["-settings", str(_ivy_settings(part, repository))]
    try:
        ran = subprocess.run(  # noqa: S603 - the Java that was found and checked
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise _missing(jar, part.parent, type(error).__name__) from None
    if ran.returncode:
        raise _missing(jar, part.parent, _reason(ran.stdout + ran.stderr))
    path = part / jar.file
    return path if path.is_file() else None


def _ivy(jar: Jar, part: Path) -> Path:
    spec = importlib.util.find_spec("pyspark")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for path in Path(place, "jars").glob("ivy-*.jar"):
            return path
    raise _missing(jar, part.parent, "no resolver: Spark is not installed")


def _ivy_settings(part: Path, repository: str) -> Path:
    path = part / "ivysettings.xml"
    path.write_text(
        '<ivysettings><settings defaultResolver="named"/><resolvers>'
        f'<ibiblio name="named" m2compatible="true" root={quoteattr(repository)}/>'
        "</resolvers></ivysettings>",
        "utf-8",
    )
    return path


def _proxies() -> Iterator[str]:
    """The proxies of the environment in Java's words, which knows no variables."""
    found = getproxies()
    for scheme in ("http", "https"):
        proxy = urlsplit(found.get(scheme, ""))
        if proxy.hostname:
            yield f"-D{scheme}.proxyHost={proxy.hostname}"
            yield f"-D{scheme}.proxyPort={proxy.port or 80}"
    if found.get("no"):
        yield f"-Dhttp.nonProxyHosts={'|'.join(host.strip() for host in found['no'].split(','))}"


def _reason(output: str) -> str:
    """The line of the resolver that says why, of the many that say that."""
    lines = [line.strip(" \t:") for line in output.splitlines()]
    telling = [line for line in lines if "access error" in line or "Exception" in line]
    return next(iter(telling or [line for line in lines if "not found" in line]), "no reason was given")[:200]


def _missing(jar: Jar, folder: Path, reason: str) -> OperatorError:
    return OperatorError(
        "jar-missing",
        "A jar that Spark needs is not here and could not be fetched",
        where=jar.coordinates,
        found=reason,
        next_step="let this machine reach Maven (the setting maven_url names a mirror), "
        f"or put {jar.file} into {folder}",
    )
