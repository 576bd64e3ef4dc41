"""ICD-10-CM from the package `simple-icd-10-cm`, which carries the CDC's release in the public domain."""

import re
import warnings
from importlib import resources
from typing import Any

from a360.terminology._vocabulary import Vocabulary, concept_table

SYSTEM = "http://hl7.org/fhir/sid/icd-10-cm"
_RELEASE = re.compile(r"tabular-([A-Za-z]+)-(\d{1,2})-(\d{4})\.xml")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def read_icd10cm(version: str | None = None) -> Vocabulary:
    """The release that is installed; codes have their dot, and their spelling without it beside.

    Chapters and blocks are there as parents, and are no codes that a record may use.
    """
    package = _package()
    codes, parents, levels, chapters = [], [], [], []
    chapter = None
    # The list is in order: a chapter comes before all that is in it. A block of one category has its code,
    # and is left out: what bears the code is the category.
    for code in dict.fromkeys(package.get_all_codes(with_dots=True)):
        level = _level(package, code)
        if level == "chapter":
            chapter = code
        above = package.get_parent(code) or None
        codes.append(code)
        parents.append(chapter if above == code else above)
        levels.append(level)
        chapters.append(chapter)
    has_parts = {parent for parent in parents if parent is not None}
    version = version or _release(package)
    used = [level not in {"chapter", "block"} for level in levels]
    rows = concept_table(
        SYSTEM,
        version,
        {
            "code": codes,
            "display": [package.get_description(code) for code in codes],
            "level": levels,
            "parent_code": parents,
            "chapter_code": chapters,
            "is_selectable": used,
            "is_billable": [code not in has_parts for code in codes],
            "alternate_code": [
                code.replace(".", "") if "." in code and use else None
                for code, use in zip(codes, used, strict=True)
            ],
        },
    )
    return Vocabulary(
        "code-system",
        SYSTEM,
        version,
        "icd10cm",
        rows,
        title="International Classification of Diseases, Tenth Revision, Clinical Modification",
        publisher="Centers for Disease Control and Prevention",
        licence="public domain",
        origin="simple-icd-10-cm",
    )


def _package() -> Any:  # noqa: ANN401 -- a module without types
    with warnings.catch_warnings():
        # It reads its files in a way that Python warns of.
        warnings.simplefilter("ignore")
        import simple_icd_10_cm  # type: ignore[import-untyped] # noqa: PLC0415 -- it reads 10 MB of XML
    return simple_icd_10_cm


def _level(package: Any, code: str) -> str:  # noqa: ANN401 -- as above
    if package.is_chapter(code):
        return "chapter"
    if package.is_category(code):
        return "category"
    return "block" if package.is_block(code) else "subcategory"


def _release(package: Any) -> str:  # noqa: ANN401 -- as above
    """The day from which the release holds, as the name of its file says."""
    names = [each.name for each in resources.files(package).joinpath("data").iterdir()]
    for name in names:
        if found := _RELEASE.search(name):
            month, day, year = found.groups()
            return f"{year}-{_MONTHS.index(month) + 1:02d}-{int(day):02d}"
    return "unknown"
