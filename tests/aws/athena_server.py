"""A server on this machine that speaks as much of Athena, S3 and STS as queries take, and runs their SQL.

No emulator reads Iceberg tables for Athena. This one hands the SQL, translated from Trino's, to whoever has
the tables; states, refusals and broken connections come as a test has put them into its script.
"""

import csv
import io
import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import sqlglot
from aws_server import ACCOUNT

UNLOAD = re.compile(
    r"UNLOAD \((?P<sql>.*)\) TO '(?P<place>s3://[^']+)/' WITH \((?P<options>[^)]*)\)", re.DOTALL
)


def to_duckdb(sql):
    """Athena's SQL as DuckDB has it."""
    return sqlglot.transpile(sql, read="trino", write="duckdb")[0]


@dataclass
class AthenaScript:
    """What the server knows and does; `states` precede the end of each query, `end` is put in its place."""

    role: str = ""
    output: str = "s3://answers/engineer/"
    enforced: bool = True
    states: list = field(default_factory=lambda: ["QUEUED", "RUNNING"])
    end: dict | None = None
    refusals: list = field(default_factory=list)
    statements: list = field(default_factory=list)
    workgroups: list = field(default_factory=list)
    stopped: list = field(default_factory=list)
    queries: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    objects: dict = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # an answer in one piece: halves would wait for each other

    def log_message(self, *_arguments):
        """Tests read no access log."""

    @property
    def script(self):
        return self.server.script

    def answer(self, status, body=b"", kind="application/x-amz-json-1.1"):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        target = self.headers.get("X-Amz-Target", "")
        if not target:
            self.post_elsewhere(body)
            return
        action = target.partition(".")[2]
        if self.script.refusals and self.script.refusals[0][0] == action:
            _, code = self.script.refusals.pop(0)
            if code is None:
                if action == "StartQueryExecution":
                    self.start_query_execution(json.loads(body))
                self.close_connection = True
                self.connection.close()
                return
            self.answer(400, {"__type": code, "message": "because the test says so"})
            return
        self.answer(200, getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", action).lower())(json.loads(body)))

    def post_elsewhere(self, body):
        if urlsplit(self.path).path == "/":
            arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{self.script.role}/session"
            arn = arn if self.script.role else f"arn:aws:iam::{ACCOUNT}:user/somebody"
            told = (
                f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{ACCOUNT}</Account>"
                f"<Arn>{arn}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
            )
            self.answer(200, told.encode(), "text/xml")
            return
        bucket = urlsplit(self.path).path.strip("/")
        for key in re.findall(r"<Key>([^<]+)</Key>", body.decode()):
            self.script.objects.pop(f"s3://{bucket}/{key}", None)
        self.answer(200, b"<DeleteResult/>", "application/xml")

    def do_GET(self):
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        assert self.headers["x-amz-expected-bucket-owner"] == ACCOUNT
        if "list-type" in query:
            start = f"s3:/{url.path.rstrip('/')}/"
            keys = [each.removeprefix(start) for each in self.script.objects if each.startswith(start)]
            held = "".join(
                f"<Contents><Key>{key}</Key></Contents>" for key in keys if key.startswith(query["prefix"][0])
            )
            told = f"<ListBucketResult><IsTruncated>false</IsTruncated>{held}</ListBucketResult>"
            self.answer(200, told.encode(), "application/xml")
            return
        found = self.script.objects.get(f"s3:/{unquote(url.path)}")
        if found is None:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")
        else:
            self.answer(200, found, "application/octet-stream")

    def get_work_group(self, asked):
        configuration = {
            "EnforceWorkGroupConfiguration": self.script.enforced,
            "ResultConfiguration": {"OutputLocation": self.script.output},
        }
        return {"WorkGroup": {"Name": asked["WorkGroup"], "Configuration": configuration}}

    def start_query_execution(self, asked):
        script, token = self.script, asked["ClientRequestToken"]
        if token not in script.tokens:
            query = script.tokens[token] = str(uuid.uuid4())
            script.statements.append(asked["QueryString"])
            script.workgroups.append(asked["WorkGroup"])
            script.queries[query] = {"left": list(script.states), "columns": [], "manifest": ""}
            if script.end is None:
                self.server.run_query(query, asked["QueryString"])
        return {"QueryExecutionId": script.tokens[token]}

    def stop_query_execution(self, asked):
        self.script.stopped.append(asked["QueryExecutionId"])
        return {}

    def get_query_execution(self, asked):
        query = self.script.queries[asked["QueryExecutionId"]]
        if query["left"]:
            status = {"State": query["left"][0]}
            query["left"] = query["left"][1:] or (query["left"] if self.script.end == "never" else [])
        else:
            status = self.script.end or {"State": "SUCCEEDED"}
        return {
            "QueryExecution": {
                "QueryExecutionId": asked["QueryExecutionId"],
                "Status": status,
                "ResultConfiguration": {"OutputLocation": self.place(asked["QueryExecutionId"])},
                "Statistics": {
                    "DataScannedInBytes": 1234,
                    "TotalExecutionTimeInMillis": 1500,
                    "DataManifestLocation": query["manifest"],
                },
            }
        }

    def place(self, query):
        return f"{self.script.output}{query}.csv"

    def get_query_results(self, asked):
        columns = self.script.queries[asked["QueryExecutionId"]]["columns"]
        return {"ResultSet": {"Rows": [], "ResultSetMetadata": {"ColumnInfo": columns}}}


class AthenaServer(ThreadingHTTPServer):
    """The server with a script of its own.

    Args:
        run: Runs a query in DuckDB's SQL into Arrow.
        put: Keeps an object, by its place in S3; by default this server does.
    """

    daemon_threads = True

    def __init__(self, run, put=None):
        self.script = AthenaScript()
        self.run, self.put = run, put or self.script.objects.__setitem__
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def run_query(self, query, sql):
        told = self.script.queries[query]
        output = f"{self.script.output}{query}"
        with self.lock:
            unload = UNLOAD.fullmatch(sql)
            rows = self.run(to_duckdb(unload["sql"] if unload else sql))
        if unload:
            place = f"{unload['place']}/{uuid.uuid4().hex}"
            files = [place] if rows.num_rows else []
            for each in files:
                stream = io.BytesIO()
                pq.write_table(rows, stream)
                self.put(each, stream.getvalue())
            told["manifest"] = f"{output}-manifest.csv"
            self.put(told["manifest"], "\n".join(files).encode())
            return
        told["columns"] = [column_of(each) for each in rows.schema]
        self.put(f"{output}.csv", as_csv(rows))


def column_of(field_):
    """A column as Athena describes it."""
    kind = field_.type
    told = {"Name": field_.name, "Type": str(kind), "Precision": 0, "Scale": 0}
    if pa.types.is_decimal(kind):
        return told | {"Type": "decimal", "Precision": kind.precision, "Scale": kind.scale}
    if pa.types.is_timestamp(kind):
        return told | {"Type": "timestamp with time zone" if kind.tz else "timestamp"}
    named = {
        "bool": "boolean",
        "int32": "integer",
        "int64": "bigint",
        "string": "varchar",
        "date32[day]": "date",
        "binary": "varbinary",
        "null": "unknown",
    }
    return told | {"Type": named.get(str(kind), str(kind))}


def as_csv(rows):
    """Rows as Athena writes them: every value in quotes, and nothing for NULL."""

    def text(value):
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, bytes):
            return value.hex(" ")
        if hasattr(value, "astimezone") and value.tzinfo is not None:
            return f"{value.astimezone(UTC).replace(tzinfo=None)} UTC"
        return str(value)

    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_NOTNULL, lineterminator="\n")
    writer.writerow(rows.column_names)
    columns = [each.to_pylist() for each in rows.columns]
    for row in zip(*columns, strict=True):
        writer.writerow([None if each is None else text(each) for each in row])
    return stream.getvalue().encode()
