"""Faults of contracts: what is wrong, where, and what to do; one stable code a kind of fault."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

from a360.errors import ContractError

SHOWN = 10

# A code never changes its meaning. docs/contracts.md has one line for each.
FAULTS = MappingProxyType(
    {
        # the file as text
        "C101": "The file cannot be read: it is missing, not UTF-8, or not YAML.",
        "C102": "A key stands twice in one mapping.",
        "C103": "The file uses an anchor, an alias, a tag, a merge key or a second document.",
        "C104": "The file is too large or too deeply nested.",
        "C105": "A plain value that YAML readers disagree on.",
        "C106": "A file that no part of the lake reads.",
        # the file as a model
        "C111": "An unknown key.",
        "C112": "A key is missing.",
        "C113": "A value has the wrong type, or is not one of those allowed.",
        "C114": "An unknown `a360.` property, or one in the wrong place.",
        "C115": "A custom property stands twice.",
        "C116": "A pack that does not exist.",
        # the dataset
        "C201": "The names in the file and the file's own name do not agree.",
        "C202": "Two files declare the same dataset.",
        "C203": "The dataset has no primary key.",
        "C204": "The primary key is not well declared: its positions, or a column that may be null.",
        "C205": "A housekeeping column is missing or differs from what refine writes.",
        "C206": "A column's name is not allowed, or stands twice.",
        "C207": "An unknown physical type.",
        "C208": "The logical type does not fit the physical type.",
        "C209": "Partitioning or sort order names an unknown column or transform.",
        "C210": "A property that belongs to another zone.",
        # sensitivities, tags, policy
        "C217": "A sealed column, or what is told of one, is not well declared.",
        "C301": "A column has no sensitivity.",
        "C302": "An unknown sensitivity.",
        "C303": "An unknown tag.",
        "C304": "An identifier column that is a key or a reference has no token domain.",
        "C305": "A token domain on a column that is not an identifier.",
        "C306": "The policy names a role, group, user, purpose, dataset or column that does not exist.",
        "C307": "A row filter or condition on consents is no boolean expression over the dataset's columns.",
        "C308": "Rules of the policy that contradict each other.",
        "C309": "A mask that does not fit the type of a column that it names.",
        "C310": "Two values of one tag on the same thing.",
        "C321": "A release is declared where none can be, or names columns that do not leave with it.",
        "C322": "A column of a release does not say what its values are, or whose a row is.",
        "C323": "A column that the method of its release cannot let pass.",
        "C324": "A release without the agreement or the determination that its method needs.",
        "C325": "An expert's determination does not measure over what others may know.",
        "C331": "A feature table that a feature store cannot hold: its key, or one of its columns.",
        # field ids
        "C401": "A column has no field id.",
        "C402": "Two columns have the same field id.",
        "C403": "A field id is used again that belonged to another column.",
        "C404": "A column's field id is not the one the ledger has for it.",
        "C405": "A field id is not in the ledger.",
        "C406": "A change breaks readers, and the contract has no new major version.",
        "C407": "A change that no version makes possible: type, key, or how values are tokenised.",
        "C408": "The version is lower than the one the ledger has.",
        "C409": "The ledger does not have the contract as it is.",
        # references, views, models
        "C501": "A relationship leads to an unknown dataset.",
        "C502": "A relationship leads to an unknown column.",
        "C503": "A relationship leads to a column that is no key, or of another type or token domain.",
        "C511": "The view's file is missing.",
        "C512": "The view is not a ViewDefinition in JSON.",
        "C513": "The columns of view and contract differ.",
        "C514": "A view or model that no contract uses.",
        "C515": "The view does not compile.",
        "C516": "A view's column can have several values for one row.",
        "C521": "The model's file is missing.",
        "C522": "The model is not a single SELECT.",
        "C523": "A model or rule reads an unknown dataset.",
        "C524": "Gold models depend on each other in a circle.",
        "C525": "The columns of model and contract differ.",
        "C531": "A model looks at an unknown column.",
        "C532": "A model looks at a column that several of its sources have.",
        "C533": "A model gives a column another type than its contract has.",
        "C534": "A model gives a column twice.",
        "C541": "A gold column is less sensitive than what it is made from, and does not say why it may be.",
        "C542": "A gold column says it is de-identified and is no less sensitive than what it is made from.",
        "C543": "A de-identification that does not name a known method and a reason.",
        "C544": "All columns are less sensitive than what chooses a gold dataset's rows.",
        # rules
        "C601": "A rule that is not supported.",
        "C602": "A rule's SQL cannot be read, or names an unknown column.",
        "C603": "A gold dataset has no reconciliation rule.",
        "C604": "The refresh is not well declared.",
        "C605": "Two rules of a dataset have the same name.",
        "C606": "A rule judges the form of a tokenised value.",
        # records: extracts, events, attachments
        "C611": "A silver dataset that is made of views and of records.",
        "C612": "A record type that no contract declares in full, or several do.",
        "C613": "Files that could be of two record types.",
        "C614": "A source of records says what cannot be carried out.",
        "C615": "A format of dates or times that is none, or stands where none can be.",
        "C616": "The key of records, and the column that holds it, do not agree.",
        "C617": "A column names a field or a reference that it cannot have.",
        # SQL that engines read differently
        "C701": "A number with a fraction is cast to a whole number.",
        "C702": "A function counts the time between two dates.",
        "C703": "The length of a list.",
        "C704": "An item of a list by its place.",
        "C705": "QUALIFY.",
        "C706": "SELECT *.",
        "C707": "A division of whole numbers.",
        "C708": "An order that does not say where NULLs go.",
        "C709": "CONCAT.",
        "C710": "A regular expression.",
        "C711": "Values of several types meet without a cast.",
        "C712": "GROUP BY or ORDER BY a place number, or ALL.",
        "C713": "A value that depends on the time zone of the session.",
        "C714": "A value that depends on chance, on the clock, or on the order in which rows come.",
        "C715": "A function that is not known to mean the same in all engines.",
        "C716": "A date that engines give different types.",
        "C717": "Text or JSON read as a time.",
        "C718": "A division or average of decimals.",
        "C719": "GREATEST or LEAST.",
        "C720": "COUNT(DISTINCT …) of several columns.",
        "C721": "An engine cannot be given the model.",
        "C722": "A text function that treats some letters, spaces or places otherwise in another engine.",
        "C723": "A double as text, rounded, or in sums.",
        "C724": "A division by what may be 0.",
    }
)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault: in `file` at `line`, of the kind `code`, with what to do about it."""

    file: str
    line: int
    code: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.file}:{self.line}: {self.code} {self.message}{fix}"

    def to_json(self) -> dict[str, str | int]:
        """The fault as a flat JSON object."""
        return {
            "code": self.code,
            "file": self.file,
            "line": self.line,
            "message": self.message,
            "fix": self.fix,
        }


class FaultyContractsError(ContractError):
    """Contracts were to be used that have faults; `faults` holds every one."""

    def __init__(self, faults: Sequence[Fault], where: str) -> None:
        self.faults = tuple(sorted(faults))
        shown = [str(fault) for fault in self.faults[:SHOWN]]
        if len(self.faults) > SHOWN:
            shown.append(f"and {len(self.faults) - SHOWN} more")
        count = f"{len(self.faults)} fault" + ("s" if len(self.faults) > 1 else "")
        super().__init__(
            "contract-invalid",
            f"The contracts have {count}",
            where=where,
            found="\n    ".join(shown),
            next_step="mend them; `a360 lint` lists all of them",
        )
