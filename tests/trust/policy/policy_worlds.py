"""Random policies as they stand in a file, requests, rows; and an oracle that reads the file cell by cell.

A world is what one row holds (`f1`, `f2`, `f3`) and what consents say of its patient. The oracle knows
nothing of plans: it takes a rule of the document after the other and asks whether it speaks of this cell.
"""

from dataclasses import dataclass

from a360.contract import ColumnPlan, LakePlan, TablePlan, ZonePlan
from a360.contract._lakefile import LakeFile
from a360.contract._plan_policy import plan_policy

ZONES = ("bronze", "silver", "gold", "quarantine", "ops")
PURPOSES = ("treatment", "operations", "research")
ROLES = ("nurse", "analyst", "auditor")
GROUPS = ("north", "south")
USERS = ("ada", "bo")
METHODS = ("null", "redact", "hash", "last4", "year", "age_band", "zip3", "date_shift")
ACTIONS = ("select", "describe", "write", "release", "export", "amend")
WHOLE = ("release", "export", "amend")
SENSITIVITIES = ("public", "phi", "identifier")
TAGS = ("domain:clinical", "domain:money", "part2:yes", "part2:no")
# Columns with type, sensitivity and tags; only one table has patients.
TABLES = {
    "silver.seen": {
        "patient_key": ("string", "identifier"),
        "f1": ("long", "public"),
        "f3": ("string", "phi"),
        "born": ("date", "phi"),
        "f2": ("long", "public"),
    },
    "gold.sums": {
        "f1": ("long", "public"),
        "f2": ("long", "phi"),
        "f3": ("string", "phi"),
        "day": ("date", "phi"),
    },
}
CONDITIONS = {
    "f1 = 1": lambda row, _: row["f1"] == 1,
    "f2 <> 1": lambda row, _: row["f2"] != 1,
    "f1 = 1 AND f3 IN ('a', 'c')": lambda row, _: row["f1"] == 1 and row["f3"] == "a",
    "f3 = :site": lambda row, own: row["f3"] == own["site"],
    "length(f3) > f2": lambda row, _: row["f2"] < 1,
    "f1 = :missing": lambda _, own: own["missing"],
}
PERMITS, REFUSES = "status = 'active' AND until > :now", "status = 'stopped'"
TEXTS, DAYS = {"string"}, {"date", "timestamptz"}
FITS = {"redact": TEXTS, "hash": TEXTS, "last4": TEXTS, "zip3": TEXTS, "year": DAYS, "date_shift": DAYS}
FITS |= {"age_band": {"int", "long", "date"}}
ORDER = ("null", "redact", "hash", "age_band", "year", "zip3", "last4", "date_shift")


@dataclass(frozen=True)
class Request:
    """Who asks (a user, or a role by itself), what for, whether in an emergency."""

    user: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    attributes: dict
    purpose: str
    emergency: str | None = None


def some(random, choices, least=0, most=2):
    """A few of the choices, in their order."""
    wanted = set(random.sample(choices, random.randint(least, min(most, len(choices)))))
    return [each for each in choices if each in wanted]


def selector(random):
    """A selector that reaches something more often than not."""
    names = [f"{dataset}.{column}" for dataset, columns in TABLES.items() for column in columns]
    chosen = {
        "zones": some(random, ["silver", "gold"]) if random.random() < 0.4 else [],
        "datasets": some(random, [*TABLES], most=1) if random.random() < 0.4 else [],
        "tags": some(random, TAGS) if random.random() < 0.4 else [],
        "columns": some(random, names) if random.random() < 0.4 else [],
    }
    if not any(chosen.values()):
        chosen["zones"] = ["silver", "gold"]
    if any(chosen[name] for name in ("zones", "datasets", "tags")):
        every = random.random() < 0.6
        chosen["sensitivities"] = list(SENSITIVITIES) if every else some(random, SENSITIVITIES, 1, 3)
    return chosen


def whom(random, *, nobody=False):
    """Those a rule speaks of."""
    named = {
        "roles": some(random, ROLES),
        "groups": some(random, GROUPS, most=1) if random.random() < 0.3 else [],
        "users": some(random, USERS, most=1) if random.random() < 0.3 else [],
    }
    if not nobody and not any(named.values()):
        named["roles"] = [random.choice(ROLES)]
    return named


def document(random):
    """A policy as its file says it."""
    return {
        "name": "worlds",
        "description": "A policy.",
        "zones": {
            zone: {"description": zone, "tags": some(random, TAGS[::2], most=random.choice((0, 0, 1)))}
            for zone in ZONES
        },
        "tags": {
            "sensitivity": {"description": "How much.", "values": dict.fromkeys(SENSITIVITIES, "x")},
            "domain": {"description": "What.", "values": {"clinical": "x", "money": "x"}},
            "part2": {"description": "Which.", "values": {"yes": "x", "no": "x"}},
        },
        "purposes": dict.fromkeys(PURPOSES, "x"),
        "roles": {role: {"description": "x", "purposes": some(random, PURPOSES, 2, 3)} for role in ROLES},
        "groups": {group: {"description": "x", "roles": some(random, ROLES, most=1)} for group in GROUPS},
        "users": {
            user: {
                "roles": some(random, ROLES, 1, 3),
                "groups": some(random, GROUPS, most=1),
                "attributes": {"site": random.choice("ab")} if random.random() < 0.7 else {},
            }
            for user in USERS
        },
        "grants": [grant(random) for _ in range(random.randint(2, 7))],
        "denies": [
            {
                "name": f"deny{i}",
                **whom(random, nobody=True),
                **selector(random),
                "actions": some(random, ACTIONS, most=1),
                "purposes": some(random, PURPOSES, most=2),
            }
            for i in range(random.choice((0, 0, 0, 1, 2)))
        ],
        "filters": [
            {
                "name": f"filter{i}",
                **whom(random),
                "datasets": some(random, [*TABLES], 1, 2),
                "where": random.choice([*CONDITIONS]),
            }
            for i in range(random.choice((0, 1, 2, 3)))
        ],
        "masks": [
            {"name": f"mask{i}", **whom(random), **selector(random), "method": random.choice(METHODS)}
            for i in range(random.choice((0, 1, 2, 3)))
        ],
        "consents": [
            {
                "name": "part2",
                "tags": ["part2:yes"],
                "dataset": "silver.consent",
                "key": "patient_key",
                "permits": PERMITS,
                "refuses": random.choice(("", REFUSES)),
                "purposes": {purpose: f"code = '{purpose}'" for purpose in some(random, PURPOSES, 1, 2)},
                "exempt": some(random, PURPOSES, most=1),
            }
            for _ in range(random.choice((0, 1)))
        ],
        "breakGlass": [
            {
                "name": "crash",
                **whom(random),
                **selector(random),
                "purposes": some(random, PURPOSES, 1, 2),
                "withoutConsent": random.random() < 0.5,
            }
            for _ in range(random.choice((0, 1)))
        ],
    }  # fmt: skip


def grant(random):
    """A grant to one role, group or user."""
    kind, names = random.choice((("role", ROLES), ("role", ROLES), ("group", GROUPS), ("user", USERS)))
    return {
        kind: random.choice(names),
        "actions": ["select", *some(random, ACTIONS[1:], most=3)] if random.random() < 0.9 else ["describe"],
        "purposes": some(random, PURPOSES, 1, 2) if kind != "role" or random.random() < 0.2 else [],
        **selector(random),
    }


def plan_of(random, file):
    """The plan of the tables, with random tags, under the policy of a document."""
    tables = tuple(
        TablePlan(
            dataset.partition(".")[0],
            dataset.partition(".")[2],
            tuple(
                ColumnPlan(
                    name,
                    type_,
                    required=False,
                    field_id=number,
                    sensitivity=sensitivity,
                    token="patient" if name == "patient_key" else None,
                    tags=tuple(some(random, TAGS[2:], most=1)) if random.random() < 0.3 else (),
                )
                for number, (name, (type_, sensitivity)) in enumerate(columns.items(), start=1)
            ),
            tags=tuple(some(random, TAGS[:2], 1, 1) + some(random, TAGS[2:], most=1)),
        )
        for dataset, columns in TABLES.items()
    )
    lake = LakeFile.model_validate(file)
    zones = tuple(ZonePlan(zone, "", tuple(file["zones"][zone]["tags"])) for zone in ZONES)
    return LakePlan("worlds", "local", zones, tables, (), plan_policy(lake, tables))


def request_of(random, file):
    """Somebody asks: a user, or who has assumed a role by itself."""
    purpose = random.choice(PURPOSES)
    emergency = "crash" if file["breakGlass"] and random.random() < 0.5 else None
    if random.random() < 0.25:
        return Request("", (random.choice(ROLES),), (), {}, purpose, emergency)
    name = random.choice(USERS)
    user = file["users"][name]
    roles = [*user["roles"]]
    for group in user["groups"]:
        roles += file["groups"][group]["roles"]
    own = user["attributes"]
    return Request(name, tuple(dict.fromkeys(roles)), tuple(user["groups"]), own, purpose, emergency)


def world_of(random):
    """A row, and what consents say of its patient."""
    row = {"f1": random.randint(0, 1), "f2": random.randint(0, 1), "f3": random.choice("ab")}
    return {**row, "given": random.random() < 0.5, "taken": random.random() < 0.5}


def cell_of(file, table, column):
    """A cell as rules speak of it."""
    tags = {}
    for level in (file["zones"][table.namespace]["tags"], table.tags, column.tags):
        tags.update(tag.split(":") for tag in level)
    return (table.dataset, table.namespace, column.name, column.sensitivity, tags)


def denied(file, cell, request, action):
    """Whether a rule takes a cell away."""
    for rule in file["denies"]:
        everybody = not (rule["roles"] or rule["groups"] or rule["users"])
        meant = action in (rule["actions"] or [action])
        meant = meant and request.purpose in (rule["purposes"] or [request.purpose])
        if meant and (everybody or speaks_of(rule, request)) and reaches(rule, cell):
            return True
    return False


def done_to_all(file, table, column, request, action):
    """Whether an action may be done to a whole column: by a grant that no filter binds to some rows."""
    cell = cell_of(file, table, column)
    if denied(file, cell, request, action):
        return False
    return any(
        not [
            each
            for each in file["filters"]
            if table.dataset in each["datasets"] and binds(each, role, request)
        ]
        for role in granting(file, cell, request, action)
    )


def shown(file, table, column, request, world):
    """How one cell shows: `hidden`, `clear`, or under a mask."""
    cell = cell_of(file, table, column)
    if denied(file, cell, request, "select"):
        return "hidden"
    ways = [*granted(file, cell, column, request, world), *emergency(file, cell, request, world)]
    if "date_shift" in ways and not any(each.token == "patient" for each in table.columns):
        ways = ["null" if way == "date_shift" else way for way in ways]
    if "clear" in ways:
        return "clear"
    return min(ways, key=ORDER.index) if ways else "hidden"


def granting(file, cell, request, action):
    """The roles by which an action on a cell is granted, one after the other; None for grants to others."""
    for rule in file["grants"]:
        if action not in rule["actions"] or not reaches(rule, cell):
            continue
        role = rule.get("role")
        if role:
            mine = role in request.roles and request.purpose in file["roles"][role]["purposes"]
        else:
            mine = rule.get("group") in request.groups or (request.user and rule.get("user") == request.user)
        if mine and request.purpose in (rule["purposes"] or [request.purpose]):
            yield role


def binds(rule, role, request):
    """Whether a filter or mask binds what a role shows."""
    named = request.user in rule["users"] or set(request.groups) & set(rule["groups"])
    return bool(named or (role and role in rule["roles"]))


def granted(file, cell, column, request, world):
    """How grants show a cell, one after the other."""
    dataset = cell[0]
    for role in granting(file, cell, request, "select"):
        binding = [each for each in (*file["filters"], *file["masks"]) if binds(each, role, request)]
        rows = [each["where"] for each in binding if "where" in each and dataset in each["datasets"]]
        if not all(holds(where, world, request.attributes) for where in rows):
            continue
        if not consented(file, cell, request, world):
            continue
        masks = [each["method"] for each in binding if "method" in each and reaches(each, cell)]
        masks = [mask if mask == "null" or column.type in FITS[mask] else "null" for mask in masks]
        yield min(masks, key=ORDER.index) if masks else "clear"


def emergency(file, cell, request, world):
    """How a broken glass shows a cell; filters and masks on a person still bind."""
    for rule in file["breakGlass"]:
        if rule["name"] != request.emergency or not speaks_of(rule, request) or not reaches(rule, cell):
            continue
        if request.purpose not in rule["purposes"]:
            continue
        if not rule["withoutConsent"] and not consented(file, cell, request, world):
            continue
        own = [
            each["where"]
            for each in file["filters"]
            if cell[0] in each["datasets"]
            and (request.user in each["users"] or set(request.groups) & set(each["groups"]))
        ]
        if all(holds(where, world, request.attributes) for where in own):
            yield "clear"


def holds(where, world, attributes):
    """Whether a filter's condition holds for a row; not where an attribute is missing."""
    try:
        return CONDITIONS[where](world, attributes)
    except KeyError:
        return False


def consented(file, cell, request, world):
    """Whether consents let a cell be seen."""
    dataset, _, _, _, tags = cell
    for rule in file["consents"]:
        if not any(tags.get(tag.split(":")[0]) == tag.split(":")[1] for tag in rule["tags"]):
            continue
        if request.purpose in rule["exempt"]:
            continue
        if request.purpose not in rule["purposes"] or "patient_key" not in TABLES[dataset]:
            return False
        if not world["given"] or (rule["refuses"] and world["taken"]):
            return False
    return True


def speaks_of(rule, request):
    """Whether a rule names who asks."""
    named = request.user in rule["users"] or set(request.roles) & set(rule["roles"])
    return bool(named or set(request.groups) & set(rule["groups"]))


def reaches(rule, cell):
    """Whether a selector reaches a cell."""
    dataset, zone, column, sensitivity, tags = cell
    if f"{dataset}.{column}" in rule["columns"]:
        return True
    if not any(rule.get(each) for each in ("zones", "datasets", "tags", "sensitivities")):
        return False
    if (rule["zones"] or rule["datasets"]) and zone not in rule["zones"] and dataset not in rule["datasets"]:
        return False
    if rule.get("sensitivities") and sensitivity not in rule["sensitivities"]:
        return False
    keys = {tag.split(":")[0] for tag in rule["tags"]}
    return all(f"{key}:{tags.get(key)}" in rule["tags"] for key in keys)
