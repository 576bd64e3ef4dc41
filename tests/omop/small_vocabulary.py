"""A small vocabulary in the layout of a download from Athena, made up for tests; ids are invented."""

from dataclasses import dataclass, field

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"
OWN = "https://aesthetics360.example/CodeSystem"
VOCABULARY_OF = {
    ICD: "ICD10CM",
    SNOMED: "SNOMED",
    LOINC: "LOINC",
    RXNORM: "RxNorm",
    CVX: "CVX",
    f"{OWN}/procedure": "A360 Procedure",
    f"{OWN}/product": "A360 Product",
    f"{OWN}/observation": "A360 Observation",
}
_FIRST = 2_000_000_001
_CONCEPT = "concept_id concept_name domain_id vocabulary_id concept_class_id standard_concept concept_code"
_DATES = "valid_start_date valid_end_date invalid_reason"


@dataclass
class SmallVocabulary:
    """Concepts by vocabulary and code, and what each maps to."""

    concepts: dict = field(default_factory=dict)
    maps: list = field(default_factory=list)

    def concept(self, vocabulary, code, domain, *, standard=False, name="made up", invalid=""):
        """Add a concept; its id."""
        number = _FIRST + len(self.concepts)
        self.concepts[vocabulary, code] = (number, name, domain, vocabulary, standard, code, invalid)
        return number

    def code(self, system, code, *targets, domain=None, value=None, invalid=""):
        """Add a code that maps to standard concepts of these domains; without any it maps to nothing."""
        first = domain or (targets[0] if targets else "Observation")
        vocabulary = VOCABULARY_OF[system]
        source = self.concept(vocabulary, code, first)
        for place, target in enumerate(targets):
            standard = self.concept("Made Up", f"{vocabulary}:{code}:{place}", target, standard=True)
            self.maps.append((source, standard, "Maps to", invalid))
        if value:
            told = self.concept("Made Up", f"{vocabulary}:{code}:value", value, standard=True)
            self.maps.append((source, told, "Maps to value", ""))
        return source

    def targets(self, system, code):
        """The standard concepts and domains of a code: what an ETL in plain Python would find."""
        vocabulary = VOCABULARY_OF.get(system)
        spelled = code if vocabulary != "ICD10CM" or code is None else code.replace(".", "")
        source = next(
            (
                each
                for (of, known), each in self.concepts.items()
                if of == vocabulary and (known if of != "ICD10CM" else known.replace(".", "")) == spelled
            ),
            None,
        )
        if source is None:
            return 0, None, []
        domains = {each[0]: each[2] for each in self.concepts.values()}
        found = [to for of, to, how, gone in self.maps if of == source[0] and how == "Maps to" and not gone]
        return source[0], source[2], sorted((to, domains[to]) for to in found)

    def write(self, folder, version="v5.0 31-AUG-26"):
        """Write the files as Athena unpacks."""
        folder.mkdir(parents=True, exist_ok=True)
        dates = ("19700101", "20991231")
        rows = [
            (number, name, domain, vocabulary, "Made Up", "S" if standard else "", code, *dates, invalid)
            for number, name, domain, vocabulary, standard, code, invalid in self.concepts.values()
        ]
        _write(folder / "CONCEPT.csv", f"{_CONCEPT} {_DATES}", rows)
        relations = [(of, to, how, *dates, gone) for of, to, how, gone in self.maps]
        # What leads nowhere near a standard concept is part of every download, and is left out.
        relations.append((_FIRST, _FIRST, "Is a", *dates, ""))
        head = f"concept_id_1 concept_id_2 relationship_id {_DATES}"
        _write(folder / "CONCEPT_RELATIONSHIP.csv", head, relations)
        names = sorted({each[3] for each in self.concepts.values()})
        vocabularies = [(name, name, "", "", 0) for name in names] + [("None", "OMOP", "", version, 0)]
        head = "vocabulary_id vocabulary_name vocabulary_reference vocabulary_version vocabulary_concept_id"
        _write(folder / "VOCABULARY.csv", head, vocabularies)
        return folder


def _write(path, head, rows):
    lines = [head.split(), *rows]
    path.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines), encoding="utf-8")


def of_the_clinics():
    """A vocabulary for generated data: every way in which a code can map, or not."""
    made = SmallVocabulary()
    made.code(ICD, "L70.0", "Condition")
    made.code(ICD, "L57.4", "Condition", "Condition")
    made.code(ICD, "L98.8", "Condition", "Observation")
    made.code(ICD, "F41.1", "Observation")
    made.code(ICD, "I10", "Condition", invalid="D")
    made.code(ICD, "L68.0", domain="Condition")
    made.code(SNOMED, "716186003", "Observation")
    made.code(SNOMED, "735029006", "Observation", value="Observation")
    made.code(RXNORM, "2670", "Drug")
    made.code(RXNORM, "73645", "Drug")
    made.code(CVX, "140", "Drug")
    for code in ("29463-7", "8302-2", "8480-6", "8462-4", "39156-5"):
        made.code(LOINC, code, "Measurement")
    made.code(LOINC, "72166-2", "Observation")
    made.code(f"{OWN}/procedure", "BTX-UPPER", "Procedure")
    made.code(f"{OWN}/product", "TOX-ONA-100", "Drug")
    made.code(f"{OWN}/product", "HAF-SOFT-1", "Device")
    made.concept("UCUM", "kg", "Unit", standard=True)
    return made
