"""A server on this machine that speaks as much of Lake Formation as the policy takes, a few things a page.

The emulators know no data cell filters, answer in one page, and never refuse what comes at the same time.
"""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = 20
IN_SNAKE = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass
class Formation:
    """What is there; `refusals` are put in the place of answers to changes, by their order."""

    tags: dict = field(default_factory=dict)
    tagged: dict = field(default_factory=dict)
    filters: dict = field(default_factory=dict)
    grants: dict = field(default_factory=dict)
    refusals: list = field(default_factory=list)
    changes: list = field(default_factory=list)
    absent: set = field(default_factory=set)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one piece: halves would wait for each other

    def log_message(self, *_arguments):
        """Tests read no access log."""

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        action = self.path.strip("/")
        held = self.server.formation
        reading = action.startswith(("Get", "List"))
        with self.server.lock:
            if not reading and held.refusals:
                self.answer(400, {"message": "another change goes on"}, held.refusals.pop(0))
                return
            if not reading:
                held.changes.append(action)
            found = getattr(self, f"on_{IN_SNAKE.sub('_', action).lower()}")(held, asked)
        self.answer(*found) if isinstance(found, tuple) else self.answer(200, found)

    def answer(self, status, body, code=""):
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if code:
            self.send_header("x-amzn-errortype", code)
        self.end_headers()
        self.wfile.write(content)

    def page(self, key, everything, asked):
        start = int(asked.get("NextToken") or 0)
        rest = {"NextToken": str(start + PAGE)} if start + PAGE < len(everything) else {}
        return {key: everything[start : start + PAGE], **rest}

    def on_list_lftags(self, held, asked):
        listed = [
            {"CatalogId": "1", "TagKey": key, "TagValues": [*values]} for key, values in held.tags.items()
        ]
        return self.page("LFTags", listed, asked)

    def on_create_lftag(self, held, asked):
        held.tags[asked["TagKey"]] = [*asked["TagValues"]]
        return {}

    def on_update_lftag(self, held, asked):
        if asked["TagKey"] not in held.tags:
            return 400, {"message": "no such tag"}, "EntityNotFoundException"
        values = held.tags[asked["TagKey"]]
        values += asked.get("TagValuesToAdd", [])
        held.tags[asked["TagKey"]] = [
            each for each in values if each not in asked.get("TagValuesToDelete", [])
        ]
        return {}

    def places(self, resource):
        [(kind, told)] = resource.items()
        if kind == "Database":
            return [(told["Name"], "", "")]
        return [(told["DatabaseName"], told["Name"], each) for each in told.get("ColumnNames", [""])]

    def on_add_lftags_to_resource(self, held, asked):
        for place in self.places(asked["Resource"]):
            if place[:2] in held.absent:
                failed = {"Error": {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "no such table"}}
                return {"Failures": [failed]}
            for tag in asked["LFTags"]:
                held.tagged.setdefault(place, {})[tag["TagKey"]] = tag["TagValues"][0]
        return {"Failures": []}

    def on_remove_lftags_from_resource(self, held, asked):
        for place in self.places(asked["Resource"]):
            for tag in asked["LFTags"]:
                assert held.tagged[place].pop(tag["TagKey"]) == tag["TagValues"][0]
        return {"Failures": []}

    def on_get_resource_lftags(self, held, asked):
        assert asked["ShowAssignedLFTags"]
        [(database, table, _)] = self.places(asked["Resource"])
        if (database, table) in held.absent:
            return 400, {"message": "no such table"}, "EntityNotFoundException"

        def listed(tags):
            return [{"CatalogId": "1", "TagKey": key, "TagValues": [value]} for key, value in tags.items()]

        own = listed(held.tagged.get((database, table, ""), {}))
        if not table:
            return {"LFTagOnDatabase": own}
        columns = [
            {"Name": place[2], "LFTags": listed(tags)}
            for place, tags in held.tagged.items()
            if place[:2] == (database, table) and place[2]
        ]
        return {"LFTagsOnTable": own, "LFTagsOnColumns": columns}

    def on_list_data_cells_filter(self, held, asked):
        return self.page("DataCellsFilters", [*held.filters.values()], asked)

    def on_create_data_cells_filter(self, held, asked):
        told = asked["TableData"]
        at = told["DatabaseName"], told["TableName"], told["Name"]
        if at in held.filters:
            return 400, {"message": "it is there"}, "AlreadyExistsException"
        held.filters[at] = told
        return {}

    def on_delete_data_cells_filter(self, held, asked):
        """What was granted on a filter goes with it."""
        at = asked["DatabaseName"], asked["TableName"], asked["Name"]
        del held.filters[at]
        for key, grant in [*held.grants.items()]:
            if grant["Resource"].get("DataCellsFilter", {}).get("Name") == asked["Name"]:
                del held.grants[key]
        return {}

    def key(self, asked):
        resource = {key: value for key, value in asked["Resource"].items() if value}
        return json.dumps([asked["Principal"], resource], sort_keys=True)

    def on_grant_permissions(self, held, asked):
        held.grants[self.key(asked)] = asked
        return {}

    def on_revoke_permissions(self, held, asked):
        del held.grants[self.key(asked)]
        return {}

    def on_list_permissions(self, held, asked):
        """A SELECT on a table is listed by its columns, and DESCRIBE by itself."""
        listed = []
        for grant in held.grants.values():
            table = grant["Resource"].get("Table")
            if table and "SELECT" in grant["Permissions"]:
                columns = {key: table[key] for key in ("CatalogId", "DatabaseName", "Name") if key in table}
                every = {"TableWithColumns": columns | {"ColumnWildcard": {}}}
                listed.append(grant | {"Resource": every, "Permissions": ["SELECT"]})
                others = [each for each in grant["Permissions"] if each != "SELECT"]
                listed += [grant | {"Permissions": others}] if others else []
            else:
                listed.append(grant)
        return self.page("PrincipalResourcePermissions", listed, asked)


class FormationServer(ThreadingHTTPServer):
    """The server with what it holds."""

    daemon_threads = True

    def __init__(self):
        self.formation = Formation()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"
