"""Consent and AdverseEvent."""

from a360.synth._chart import Chart
from a360.synth._clock import Moment, iso
from a360.synth._dice import Dice
from a360.synth._fhir import CODES, LOINC, SNOMED, TERMS, Resource, clinic_concept, coding, concept
from a360.synth._people import Person
from a360.synth._plan import Given, Visit
from a360.synth._sending import Target

# Kind, scope, share of patients asked, share of those who agree, share who withdraw it later.
_CONSENTS = (
    ("treatment", "treatment", 1.0, 0.995, 0.0),
    ("photography", "treatment", 0.94, 0.86, 0.03),
    ("marketing", "patient-privacy", 0.9, 0.56, 0.14),
    ("research", "research", 0.45, 0.48, 0.05),
)
_SCOPES = {"treatment": "Treatment", "patient-privacy": "Privacy Consent", "research": "Research"}
_YEARS = 3


def write_consents(chart: Chart, person: Person, first: Visit) -> None:
    """Write what the patient agreed to at the first visit, and what was withdrawn since."""
    dice = chart.dice("consents")
    for kind, scope, asked, agrees, withdraws in _CONSENTS:
        if not dice.chance(asked):
            continue
        target = Target("Consent", dice.uuid())
        granted = dice.chance(agrees)
        fields = _consent(chart, person, first, (kind, scope), granted=granted)
        end = Moment(first.start.day + dice.between(30, 700), dice.between(8 * 60, 20 * 60))
        if granted and dice.chance(withdraws) and end.day < chart.world.until:
            chart.revise(target, (first.ended, fields), (end, {**fields, "status": "inactive"}))
        else:
            chart.write(target, first.ended, fields)


def _consent(chart: Chart, person: Person, first: Visit, kind: tuple[str, str], *, granted: bool) -> Resource:
    name, scope = kind
    day = first.start.day
    return {
        "status": "active" if granted else "rejected",
        "scope": concept(f"{TERMS}/consentscope", scope, _SCOPES[scope]),
        "category": [
            {
                "coding": [
                    coding(LOINC, "59284-0", "Consent Document"),
                    coding(f"{CODES}/consent-kind", name, f"{name.capitalize()} consent"),
                ],
                "text": f"{name.capitalize()} consent",
            }
        ],
        "patient": chart.patient(person.name),
        "dateTime": chart.at(first.arrived),
        "performer": [chart.patient()],
        "organization": [chart.ref(chart.clinic.target)],
        "policyRule": concept(f"{TERMS}/v3-ActCode", "OPTIN", "opt-in"),
        "provision": {
            "type": "permit" if granted else "deny",
            "period": {"start": iso(day), "end": iso(day + _YEARS * 365)},
        },
    }


def write_adverse_event(
    chart: Chart, person: Person, visit: Visit, given: Given, administered: Target | None
) -> None:
    """Write the harm a treatment did, and what is suspected of it."""
    harm = given.harm
    if harm is None:
        return
    dice = chart.dice(f"adverse {given.target.id}")
    same_day = given.harm_noticed == 0
    minute = given.when.minute + 90 if same_day else dice.between(8 * 60, 20 * 60)
    noticed = Moment(given.when.day + given.harm_noticed, minute)
    code = clinic_concept("adverse-event", harm.code, harm.text)
    if harm.snomed is not None:
        code["coding"].append(coding(SNOMED, *harm.snomed))
    serious = ("serious", "Serious") if harm.serious else ("non-serious", "Non-serious")
    fields: Resource = {
        "actuality": "actual",
        "category": [concept(f"{TERMS}/adverse-event-category", "product-use-error", "Product Use Error")]
        if dice.chance(0.06)
        else [concept(f"{TERMS}/adverse-event-category", "product-problem", "Product Problem")],
        "event": code,
        "subject": chart.patient(person.name),
        "encounter": chart.ref(visit.encounter),
        "date": chart.at(noticed),
        "detected": chart.at(noticed),
        "recordedDate": chart.at(noticed.later(dice.between(30, 150))),
        "location": chart.ref(visit.room),
        "seriousness": concept(f"{TERMS}/adverse-event-seriousness", *serious),
        "severity": concept(f"{TERMS}/adverse-event-severity", harm.severity, harm.severity.capitalize()),
        "outcome": _outcome(dice, given, chart.world.until),
        "recorder": chart.ref(given.practitioner.target),
        "suspectEntity": _suspects(chart, given, administered, dice),
    }
    chart.write(Target("AdverseEvent", dice.uuid()), noticed.later(150), fields)


def _outcome(dice: Dice, given: Given, until: int) -> Resource:
    system = f"{TERMS}/adverse-event-outcome"
    if given.when.day + given.harm_noticed > until - 21:
        return concept(system, "recovering", "Recovering")
    if dice.chance(0.04):
        return concept(system, "resolvedWithSequelae", "Resolved with Sequelae")
    return concept(system, "resolved", "Resolved")


def _suspects(chart: Chart, given: Given, administered: Target | None, dice: Dice) -> list[Resource]:
    """The procedure, and the toxin or device used in it."""
    targets = [given.target]
    if administered is not None:
        targets.append(administered)
    if given.device is not None:
        targets.append(given.device.target)
    system = f"{TERMS}/adverse-event-causality-assess"
    assessment = dice.pick(
        (("Certain", "Certain"), ("Probably-Likely", "Probably/Likely"), ("Possible", "Possible"))
    )
    causality = [{"assessment": concept(system, *assessment)}]
    return [{"instance": chart.ref(target), "causality": causality} for target in targets]
