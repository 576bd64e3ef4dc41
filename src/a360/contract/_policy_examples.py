"""Examples beside a policy: who asks for what, and what they are to see."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from a360.contract._base import Dataset, Many, Model, Name
from a360.contract._faults import FaultyContractsError
from a360.contract._load import EXAMPLES_FILE
from a360.contract._policy import Action, MaskMethod
from a360.contract._policy_file import Doc, User
from a360.contract._validate import validate
from a360.contract._yaml import read_yaml
from a360.errors import OperatorError

type Shown = MaskMethod | Literal["clear"]


class Example(Model):
    """One question and its answer. What is not said of the answer is not looked at."""

    name: Doc
    user: User | None = None
    roles: Many[Name] = ()
    groups: Many[Name] = ()
    attributes: dict[Name, str] = Field(default_factory=dict)
    purpose: Name | None = None
    action: Action = "select"
    emergency: Name | None = None
    dataset: Dataset
    allowed: bool | None = None
    columns: Many[Name] | None = None
    shown: Many[Name] = ()
    hidden: Many[Name] = ()
    masks: dict[Name, Shown] = Field(default_factory=dict)
    rows: Many[Doc] | None = None

    @model_validator(mode="after")
    def _asks_and_expects(self) -> "Example":
        if bool(self.user) == bool(self.roles or self.groups):
            raise ValueError("an example names a user, or roles and groups")
        expected = (self.allowed, self.columns, self.rows)
        if all(each is None for each in expected) and not (self.shown or self.hidden or self.masks):
            raise ValueError("an example expects something: allowed, columns, shown, hidden, masks or rows")
        return self


class Examples(Model):
    """The file."""

    examples: Annotated[Many[Example], Field(min_length=1)]


def read_examples(path: Path) -> Mapping[int, Example]:
    """The examples of a file, each with the line it stands on.

    Raises:
        OperatorError: `input-missing`.
        FaultyContractsError: the file has faults.
    """
    if not path.is_file():
        raise OperatorError(
            "input-missing",
            "There are no examples of the policy",
            where=str(path),
            next_step=f"write some to contracts/{EXAMPLES_FILE}, or name another file",
        )
    source, faults = read_yaml(path, str(path))
    checked = validate(Examples, source) if source.data is not None or not faults else None
    found = [*faults, *(checked.faults if checked else ())]
    if found or checked is None or checked.model is None:
        raise FaultyContractsError(found, str(path))
    return {source.line("examples", i): each for i, each in enumerate(checked.model.examples)}
