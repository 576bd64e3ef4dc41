"""Vocabularies as pure data: code systems, value sets and concept maps, read from what each comes as.

A reader gives `Vocabulary` values, whose rows are Arrow tables; who holds a lake writes them into the
governed tables. Nothing that needs a licence is part of this package: a user points a reader at the files
that the licence gave.
"""

from a360.terminology._athena import AthenaDownload, read_athena
from a360.terminology._declared import Declared, declared_faults, read_declared
from a360.terminology._expand import expanded
from a360.terminology._fhir import read_fhir
from a360.terminology._icd10cm import read_icd10cm
from a360.terminology._licensed import read_cpt, read_loinc, read_rxnorm
from a360.terminology._snomed import read_snomed
from a360.terminology._vocabulary import (
    CONCEPTS,
    MAPPINGS,
    MEMBERS,
    TABLES,
    Kind,
    Vocabulary,
    concept_table,
)

__all__ = [
    "CONCEPTS",
    "MAPPINGS",
    "MEMBERS",
    "TABLES",
    "AthenaDownload",
    "Declared",
    "Kind",
    "Vocabulary",
    "concept_table",
    "declared_faults",
    "expanded",
    "read_athena",
    "read_cpt",
    "read_declared",
    "read_fhir",
    "read_icd10cm",
    "read_loinc",
    "read_rxnorm",
    "read_snomed",
]
