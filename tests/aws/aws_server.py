"""A server on this machine that speaks as much of EMR Serverless, S3 and STS as submitting a job takes.

States, refusals and broken connections come as a test has put them into its script, which no emulator offers.
"""

import gzip
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

ACCOUNT = "111111111111"
APPLICATION = "00f1application"
SECRET = "kept-to-itself-secret-key"


@dataclass
class Refusal:
    """What AWS answers instead."""

    status: int
    code: str
    message: str = "because the test says so"


@dataclass
class Script:
    """What the server knows and does. A run goes through `states`, one an answer; the last one stays."""

    states: list = field(default_factory=lambda: ["SUBMITTED", "RUNNING", "SUCCESS"])
    attempts: list = field(default_factory=list)
    start: list = field(default_factory=list)
    get: list = field(default_factory=list)
    account: str = ACCOUNT
    application: dict = field(
        default_factory=lambda: {
            "releaseLabel": "emr-spark-8.2.0",
            "architecture": "X86_64",
            "state": "STARTED",
        }
    )
    objects: dict = field(default_factory=dict)
    refused_buckets: dict = field(default_factory=dict)
    stdout: str = ""
    stderr: str = ""
    started: list = field(default_factory=list)
    runs: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    puts: list = field(default_factory=list)
    cancelled: list = field(default_factory=list)
    seen: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        """Tests read no access log."""

    @property
    def script(self):
        return self.server.script

    def answer(self, status, body=b"", kind="application/json", **headers):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", headers.pop("length", len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, refusal):
        if refusal is None:
            self.close_connection = True
            self.connection.close()
            return
        self.answer(refusal.status, {"message": refusal.message}, **{"x-amzn-errortype": refusal.code})

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            raw = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                raw += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if "aws-chunked" not in self.headers.get("Content-Encoding", ""):
            return raw
        content, rest = b"", raw
        while rest:
            head, _, rest = rest.partition(b"\r\n")
            size = int(head.split(b";")[0], 16)
            if not size:
                break
            content, rest = content + rest[:size], rest[size + 2 :]
        return content

    def do_POST(self):
        body = self.body()
        if self.path == "/":
            self.answer(
                200,
                f"<GetCallerIdentityResponse><GetCallerIdentityResult><Account>{self.script.account}</Account>"
                "</GetCallerIdentityResult></GetCallerIdentityResponse>".encode(),
                "text/xml",
            )
            return
        asked = json.loads(body)
        self.script.started.append(asked)
        if self.script.start and (refusal := self.script.start.pop(0)) != "go":
            if refusal is None:
                self.begin(asked)
            self.refuse(refusal)
            return
        self.answer(200, {"applicationId": APPLICATION, "jobRunId": self.begin(asked), "arn": "arn:aws:x"})

    def begin(self, asked):
        """A run for a token, the same for the same one."""
        script, token = self.script, asked["clientToken"]
        if token not in script.tokens:
            run = script.tokens[token] = f"00r{len(script.tokens) + 1}"
            states = script.attempts.pop(0) if script.attempts else script.states
            script.runs[run] = {"left": list(states), "asked": asked}
        return script.tokens[token]

    def do_DELETE(self):
        run = self.path.rsplit("/", 1)[-1].split("?")[0]
        self.script.cancelled.append(run)
        self.script.runs[run]["left"] = ["CANCELLING", "CANCELLED"]
        self.answer(200, {"applicationId": APPLICATION, "jobRunId": run})

    def do_GET(self):
        url = urlsplit(self.path)
        if found := re.fullmatch(r"/applications/(\w+)(/jobruns/(\w+))?", url.path):
            self.tell(found[1], found[3])
        else:
            self.hand_out(unquote(url.path), parse_qs(url.query))

    do_HEAD = do_GET  # noqa: N815 - as the server calls it

    def tell(self, application, run):
        script = self.script
        if script.get and (refusal := script.get.pop(0)) != "go":
            self.refuse(refusal)
        elif application != APPLICATION or (run and run not in script.runs):
            self.refuse(Refusal(404, "ResourceNotFoundException", f"{run or application} does not exist"))
        elif run is None:
            told = {
                "applicationId": application,
                "type": "SPARK",
                "arn": "arn:aws:x",
                "createdAt": 0,
                "updatedAt": 0,
            }
            self.answer(200, {"application": told | script.application})
        else:
            left = script.runs[run]["left"]
            state = left.pop(0) if len(left) > 1 else left[0]
            state, _, details = state.partition(": ")
            asked = script.runs[run]["asked"]
            if state in {"SUCCESS", "FAILED"}:
                self.write_logs(run, asked)
            told = {
                "applicationId": application, "jobRunId": run, "arn": "arn:aws:x", "createdBy": "arn:aws:x",
                "createdAt": 0, "updatedAt": 0, "executionRole": asked["executionRoleArn"], "state": state,
                "stateDetails": details, "releaseLabel": "emr-spark-8.2.0", "jobDriver": asked["jobDriver"],
                "configurationOverrides": asked["configurationOverrides"], "name": asked["name"],
                "totalExecutionDurationSeconds": 61, "billedResourceUtilization": {"vCPUHour": 0.25},
            }  # fmt: skip
            self.answer(200, {"jobRun": told})
            if state == "RUNNING":
                script.seen.set()

    def write_logs(self, run, asked):
        where = asked["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"][
            "logUri"
        ]
        place = f"/{where.removeprefix('s3://')}applications/{APPLICATION}/jobs/{run}"
        for stream in ("stdout", "stderr"):
            key = f"{place}/SPARK_DRIVER/{stream}.gz"
            self.script.objects[key] = (gzip.compress(getattr(self.script, stream).encode()), {})
        self.script.objects[f"{place}/SPARK_EXECUTOR/1/stdout.gz"] = (gzip.compress(b"not the driver's"), {})

    def hand_out(self, path, query):
        bucket = path.split("/")[1]
        if bucket in self.script.refused_buckets:
            refusal = self.script.refused_buckets[bucket]
            body = f"<Error><Code>{refusal.code}</Code><Message>{refusal.message}</Message></Error>"
            self.answer(refusal.status, body.encode(), "application/xml")
        elif "list-type" in query:
            prefix = query["prefix"][0]
            keys = [
                key.removeprefix(f"/{bucket}/")
                for key in self.script.objects
                if key.startswith(f"/{bucket}/")
            ]
            held = "".join(f"<Contents><Key>{key}</Key></Contents>" for key in keys if key.startswith(prefix))
            body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{held}</ListBucketResult>"
            self.answer(200, body.encode(), "application/xml")
        elif path in self.script.objects:
            content, metadata = self.script.objects[path]
            told = {f"x-amz-meta-{name}": value for name, value in metadata.items()}
            self.answer(200, content, "application/octet-stream", **told)
        else:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>", "application/xml")

    def do_PUT(self):
        bucket = self.path.split("/")[1]
        content = self.body()
        if bucket in self.script.refused_buckets:
            self.hand_out(self.path, {})
            return
        assert self.headers["x-amz-expected-bucket-owner"] == ACCOUNT
        metadata = {
            name[11:]: value for name, value in self.headers.items() if name.startswith("x-amz-meta-")
        }
        self.script.objects[unquote(urlsplit(self.path).path)] = (content, metadata)
        self.script.puts.append(self.path)
        self.answer(200, b"", "application/xml", ETag='"0"')


class AwsServer(ThreadingHTTPServer):
    """The server with a script of its own."""

    daemon_threads = True

    def __init__(self):
        self.script = Script()
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"
