"""Small worlds of resources that change over time, and the orders in which their news may arrive.

Worlds share nothing but the lake: ids and identifiers of each begin with its name; one lake holds many.
"""

import random
from dataclasses import dataclass, field

from fhir_samples import bundle, deletion, encounter, entry, observation, patient, practitioner

DAYS = [f"2026-01-{day:02}T00:00:00Z" for day in range(1, 10)]
GENDERS = ["male", "female", "other", "unknown", "none of these"]


@dataclass
class World:
    """What happens in a world: news by resource, in the order of the resource's own history."""

    name: str
    dice: random.Random
    histories: list = field(default_factory=list)

    @classmethod
    def of(cls, name, seed):
        """A world by its seed."""
        world = cls(name, random.Random(f"{seed}/{name}"))
        for kind in ("Patient", "Practitioner", "Encounter", "Observation"):
            for number in range(world.dice.randint(1, 3)):
                world.histories.append(world.history(kind, f"{name}-{kind[:2].lower()}{number}"))
        return world

    def history(self, kind, key):
        """The versions of one resource: told apart by their metadata, or by the order of arrival alone."""
        if self.dice.random() < 0.25:
            return self.dice, [self.resource(kind, key) for _ in range(self.dice.randint(1, 3))], True
        ages = self.dice.sample([(day, version) for day in [None, *DAYS] for version in [None, "2", "10"]], 4)
        news = []
        for day, version in ages[: self.dice.randint(1, 4)]:
            if day is not None and self.dice.random() < 0.2:
                news.append(bundle(*deletion(f"{kind}/{key}"), timestamp=day.replace("T00", "T12")))
            else:
                news.append(self.wrapped(self.resource(kind, key, version=version, updated=day)))
        return self.dice, news, False

    def wrapped(self, resource):
        """The resource, or a Bundle that gives it another name besides."""
        if self.dice.random() < 0.8:
            return resource
        return bundle(entry(resource, f"urn:uuid:{self.name}-{self.dice.choice('xyz')}"), kind="collection")

    def resource(self, kind, key, **when):
        """A version of a resource, with values drawn anew."""
        dice = self.dice
        ids = [f"{self.name}-{value}" for value in dice.sample(["a", "b", "c"], dice.randint(0, 2))]
        if kind == "Patient":
            return patient(key, ids=ids, gender=dice.choice(GENDERS), **when)
        if kind == "Practitioner":
            return practitioner(key, ids=ids, gender=dice.choice(GENDERS[:4]), **when)
        subject = self.reference("Patient")
        if kind == "Encounter":
            by, inside = self.reference("Practitioner"), self.inside()
            return encounter(
                key, subject, by="#d" if inside and dice.random() < 0.7 else by, **inside, **when
            )
        return observation(key, subject, components=dice.choice([0, 0, 1, 3]), **when)

    def inside(self):
        """What an encounter contains: mostly nothing, else a practitioner or a patient or both."""
        parts = [practitioner("d", gender=self.dice.choice(GENDERS[:4])), patient("p", ids=["inner"])]
        chosen = [part for part in parts if self.dice.random() < 0.3]
        return {"contained": chosen} if chosen else {}

    def reference(self, kind):
        """A reference to something that may be there, by id or by identifier."""
        dice, start = self.dice, f"{self.name}-{kind[:2].lower()}"
        by_id = f"{start}{dice.randint(0, 2)}"
        by_identifier = f"{kind}?identifier=urn:s|{self.name}-{dice.choice('abc')}"
        by_alias = f"urn:uuid:{self.name}-{dice.choice('xyz')}"
        return dice.choice([f"{kind}/{by_id}", f"urn:uuid:{by_id}", by_alias, by_identifier, by_identifier])

    def arrivals(self, rounds):
        """The news as it arrives: one list a round; only what has no metadata keeps its order."""
        arriving = [[] for _ in range(rounds)]
        for dice, news, in_order in self.histories:
            places = [dice.randrange(rounds) for _ in news]
            if in_order:
                places.sort()
            for place, each in zip(places, news, strict=True):
                arriving[place].append(each)
        return arriving
