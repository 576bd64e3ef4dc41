"""Observation: vital signs, skin type, scales and sensor readings."""

from a360.synth._chart import Chart
from a360.synth._clock import Moment
from a360.synth._dice import Dice
from a360.synth._fhir import CODES, LOINC, SNOMED, TERMS, Resource, clinic_concept, coding, concept, quantity
from a360.synth._people import Person
from a360.synth._plan import Given, Visit
from a360.synth._sending import Target

_GAIS = {1: "Very much improved", 2: "Much improved", 3: "Improved", 4: "No change", 5: "Worse"}
_GRADES = {0: "None", 1: "Mild", 2: "Moderate", 3: "Severe", 4: "Extreme"}
_ROMAN = ("I", "II", "III", "IV", "V", "VI")
_SMOKING = (("266919005", "Never smoked tobacco"), ("8517006", "Ex-smoker"), ("77176002", "Smoker"))
_DRY_FAMILIES = frozenset({"peel", "laser"})
_BOOSTER = "SKB-HA"


def gais_text(given: Given) -> str:
    """The words of the grade a treatment got."""
    return _GAIS[given.gais]


class Observer:
    """Writes the observations of one patient."""

    def __init__(self, chart: Chart, person: Person) -> None:
        dice = chart.dice("body")
        self._chart = chart
        self._person = person
        self._height = dice.bell(163.0 if person.female else 177.0, 7.0)
        self._weight_index = max(17.5, dice.bell(25.0, 3.6))
        self._systolic = dice.bell(112.0 + 0.3 * person.age(person.first_day), 9.0)
        self._smoking = _SMOKING[0 if dice.chance(0.72) else dice.between(1, 2)]

    def write(self, visit: Visit) -> None:
        """Write what is measured at a visit."""
        dice = self._chart.dice(f"observations {visit.number}")
        when = visit.arrived.later(5)
        if visit.kind == "consultation":
            self._first_measures(visit, when, dice)
        if visit.kind == "consultation" or (visit.given and dice.chance(0.55)):
            self._blood_pressure(visit, when, dice)
        if visit.kind == "consultation" or dice.chance(0.2):
            self._heart_rate(visit, when, dice)
        if dice.chance(0.001):
            # Measured on the wrong patient and deleted before any export could hold it.
            self._chart.delete(Target("Observation", dice.uuid()))
        for given in visit.given:
            self._before(visit, given, dice)
        for given in visit.reviewed:
            self._after(visit, given, dice)

    def _first_measures(self, visit: Visit, when: Moment, dice: Dice) -> None:
        height = round(self._height, 1)
        weight = round(self._weight_index * height * height / 10_000 + dice.bell(0, 1.0), 1)
        grade = self._person.fitzpatrick
        skin = clinic_concept("fitzpatrick", str(grade), f"Fitzpatrick skin type {_ROMAN[grade - 1]}")
        self._add(
            dice, visit, when, "exam", _scale("fitzpatrick-type", "Fitzpatrick skin type"), _coded(skin)
        )
        self._vital(dice, visit, when, ("8302-2", "Body height"), quantity(height, "cm"))
        self._vital(dice, visit, when, ("29463-7", "Body weight"), quantity(weight, "kg"))
        index = quantity(round(weight * 10_000 / (height * height), 1), "kg/m2")
        self._vital(dice, visit, when, ("39156-5", "Body mass index (BMI) [Ratio]"), index)
        if dice.chance(0.6):
            code = concept(LOINC, "72166-2", "Tobacco smoking status")
            self._add(dice, visit, when, "social-history", code, _coded(concept(SNOMED, *self._smoking)))

    def _blood_pressure(self, visit: Visit, when: Moment, dice: Dice) -> None:
        systolic = max(86, round(dice.bell(self._systolic, 7.0)))
        diastolic = max(50, min(systolic - 18, round(dice.bell(systolic * 0.62, 5.0))))
        parts = (
            ("8480-6", "Systolic blood pressure", systolic),
            ("8462-4", "Diastolic blood pressure", diastolic),
        )
        components = [
            {"code": concept(LOINC, code, display), "valueQuantity": quantity(value, "mmHg")}
            for code, display, value in parts
        ]
        code = concept(LOINC, "85354-9", "Blood pressure panel with all children optional", "Blood pressure")
        self._add(dice, visit, when, "vital-signs", code, {"component": components})

    def _heart_rate(self, visit: Visit, when: Moment, dice: Dice) -> None:
        rate = quantity(max(48, round(dice.bell(72, 9))), "beats/minute")
        target = self._vital(dice, visit, when, ("8867-4", "Heart rate"), rate)
        if dice.chance(0.01):
            self._chart.delete(target)

    def _before(self, visit: Visit, given: Given, dice: Dice) -> None:
        """The grade before the treatment, skin hydration where the sensor is used, and the pain during it."""
        self._severity(visit, given, given.severity, given.when, dice)
        if given.treatment.family in _DRY_FAMILIES or given.treatment.code == _BOOSTER:
            self._hydration(visit, given.when, 42.0, dice)
        if dice.chance(0.45):
            usual = 4.5 if given.treatment.family in {"laser", "lift"} else 2.8
            pain = quantity(min(10, max(0, round(dice.bell(usual, 1.6)))), "score")
            code = concept(LOINC, "72514-3", "Pain severity - 0-10 verbal numeric rating [Score] - Reported")
            values = {"valueQuantity": pain, "partOf": [self._chart.ref(given.target)]}
            self._add(dice, visit, given.when.later(given.minutes), "survey", code, values)

    def _after(self, visit: Visit, given: Given, dice: Dice) -> None:
        """How it turned out: the improvement, the grade, and the sensor's reading."""
        when = visit.arrived.later(8)
        values = {
            "valueQuantity": quantity(given.gais, "score"),
            "partOf": [self._chart.ref(given.target)],
            "interpretation": [clinic_concept("gais", str(given.gais), _GAIS[given.gais])],
        }
        code = _scale("gais-score", "Global Aesthetic Improvement Scale")
        self._add(dice, visit, when, "survey", code, values)
        self._severity(visit, given, given.improved, when, dice)
        if given.treatment.code == _BOOSTER:
            self._hydration(visit, when, 42.0 + 16.0 * given.response, dice)

    def _severity(self, visit: Visit, given: Given, grade: int, when: Moment, dice: Dice) -> None:
        if given.treatment.family in {"laser", "peel"}:
            return
        values = {
            "valueQuantity": quantity(grade, "score"),
            "partOf": [self._chart.ref(given.target)],
            "interpretation": [clinic_concept("severity-grade", str(grade), _GRADES[grade])],
        }
        code = _scale("wrinkle-severity", "Wrinkle severity rating scale")
        self._add(dice, visit, when, "exam", code, values)

    def _hydration(self, visit: Visit, when: Moment, mean: float, dice: Dice) -> None:
        value = quantity(round(max(8.0, dice.bell(mean, 6.0)), 1), "a.u.")
        sensor = self._chart.clinic.devices["skin-sensor"].target
        values = {"valueQuantity": value, "device": self._chart.ref(sensor)}
        code = _scale("skin-hydration", "Skin hydration by capacitance")
        self._add(dice, visit, when, "exam", code, values)

    def _vital(
        self, dice: Dice, visit: Visit, when: Moment, code: tuple[str, str], value: Resource
    ) -> Target:
        return self._add(dice, visit, when, "vital-signs", concept(LOINC, *code), {"valueQuantity": value})

    def _add(
        self, dice: Dice, visit: Visit, when: Moment, category: str, code: Resource, values: Resource
    ) -> Target:
        chart = self._chart
        target = Target("Observation", dice.uuid())
        fields: Resource = {
            "status": "final",
            "category": [concept(f"{TERMS}/observation-category", category, category)],
            "code": code,
            "subject": chart.patient(),
            "encounter": chart.ref(visit.encounter),
            "effectiveDateTime": chart.at(when),
            "performer": [chart.ref(visit.practitioner.target)],
        }
        fields |= values
        entered = visit.ended.later(dice.between(0, 20))
        if dice.chance(0.012):
            first = {**fields, "status": "preliminary"}
            chart.revise(target, (entered, first), (entered.later(dice.between(20, 600)), fields))
        else:
            chart.write(target, entered, fields)
        return target


def _scale(code: str, display: str) -> Resource:
    return {"coding": [coding(f"{CODES}/observation", code, display)], "text": display}


def _coded(value: Resource) -> Resource:
    return {"valueCodeableConcept": value}
