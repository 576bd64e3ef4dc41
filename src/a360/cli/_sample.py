"""Sample data for a lake on AWS."""

import os
import tempfile
from pathlib import Path

from a360.aws import Aws, Uploaded, names_of, upload_landing
from a360.cli._face import Face
from a360.cli._text import number, size
from a360.contract import default_contracts, load_contracts
from a360.errors import OperatorError
from a360.synth import generate

_SOURCE = "sample"
# Which files of a generated clinic are of which kind; its manifest is of the folder as a whole.
_FILES = {
    "fhir": "*.ndjson",
    "csv": "extracts/*.csv",
    "parquet": "extracts/*.parquet",
    "events": "events/*.ndjson",
    "notes": "notes/*.*",
}


def upload(face: Face, *, patients: int, seed: int, bucket: str | None, profile: str | None) -> int | None:
    """Generate a clinic's files, and put them where the lake takes them in."""
    if profile is not None:
        os.environ["AWS_PROFILE"] = profile
    settings = face.settings
    contracts = load_contracts(settings.contracts or default_contracts())
    environment = contracts.environment(settings.env)
    if environment.account is None:
        raise OperatorError(
            "not-on-aws",
            "Samples are put into a lake on AWS, and this environment is none",
            where=f"environments/{environment.name}.yaml",
            next_step="name one with --env, as --env staging; `a360 demo` tries a lake on this machine",
        )
    wanted = bucket or names_of(contracts.lake.name, environment).bucket("bronze")

    def tell(done: Uploaded) -> None:
        face.note(f"{'sent' if done.sent else 'is there'}: {done.key} ({size(done.bytes)})")

    with tempfile.TemporaryDirectory(prefix="a360-sample-") as folder:
        generate(folder, patients=patients, seed=seed)
        files = [(kind, path) for kind, named in _FILES.items() for path in sorted(Path(folder).glob(named))]
        done = upload_landing(Aws(environment), wanted, _SOURCE, files, tell)
    sent = [each for each in done if each.sent]
    face.emit(
        {"bucket": wanted, "files": [{"key": e.key, "bytes": e.bytes, "sent": e.sent} for e in done]},
        f"{number(len(sent))} of {number(len(done))} files sent to {wanted}, "
        f"{size(sum(e.bytes for e in sent))}",
    )
    return None
