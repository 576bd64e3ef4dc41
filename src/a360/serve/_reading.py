"""How programs read the lake where it is served: a text for each, with places for the URL and the token."""

READERS = ("curl", "pandas", "polars", "duckdb", "excel", "powerbi", "tableau")
"""What `how_to_read` knows."""

URL_VARIABLE = "A360_URL"
TOKEN_VARIABLE = "A360_TOKEN"  # noqa: S105 -- the name of a variable

_CURL = """\
# The token stands in the variable A360_TOKEN; this way it is on no command line.
printf 'Authorization: Bearer %s' "$A360_TOKEN" |
  curl --fail --silent --show-error --header @- --header 'Accept: text/csv' \\
    --json '{"sql": "@SQL@"@JSON_PURPOSE@}' @URL@/v1/query
"""
_PANDAS = """\
import io
import os

import httpx
import pyarrow as pa

answer = httpx.post(
    "@URL@/v1/query",
    json={"sql": "@SQL@"@JSON_PURPOSE@},
    headers={
        "Authorization": f"Bearer {os.environ['A360_TOKEN']}",
        "Accept": "application/vnd.apache.arrow.stream",
    },
    timeout=300,
)
answer.raise_for_status()
frame = pa.ipc.open_stream(io.BytesIO(answer.content)).read_pandas()
print(frame)
"""
_POLARS = """\
import os

import httpx
import polars as pl

answer = httpx.post(
    "@URL@/v1/query",
    json={"sql": "@SQL@"@JSON_PURPOSE@},
    headers={
        "Authorization": f"Bearer {os.environ['A360_TOKEN']}",
        "Accept": "application/vnd.apache.arrow.stream",
    },
    timeout=300,
)
answer.raise_for_status()
frame = pl.read_ipc_stream(answer.content)
print(frame)
"""
_DUCKDB = """\
-- In DuckDB's command line, 1.5 or later, which alone has getenv(); the token stands in A360_TOKEN.
INSTALL httpfs;
LOAD httpfs;
SET force_download = true;
CREATE SECRET a360 (TYPE http, SCOPE '@URL@', BEARER_TOKEN getenv('A360_TOKEN'));
FROM read_csv('@URL@/v1/query?sql=@SQL_IN_URL@@URL_PURPOSE@');
"""
_POWER_QUERY = """\
@WHERE@, Advanced Editor:

let
    Source = Csv.Document(
        Web.Contents("@URL@", [
            RelativePath = "v1/query",
            Query = [sql = "@SQL@"@M_PURPOSE@],
            Headers = [Accept = "text/csv"]
        ]),
        [Encoding = 65001, QuoteStyle = QuoteStyle.Csv]
    ),
    Rows = Table.PromoteHeaders(Source, [PromoteAllScalars = true])
in
    Rows

When it asks how to access the web content, choose Basic: the user's name, and the API token as the password,
at the level of @URL@. They are kept with the data source's credentials, outside the file.
"""
_EXCEL = _POWER_QUERY.replace(
    "@WHERE@", "Excel for Windows, Data > Get Data > From Other Sources > Blank Query"
)
_POWERBI = _POWER_QUERY.replace("@WHERE@", "Power BI Desktop, Get data > Blank query")
_TABLEAU = """\
Tableau reads no CSV from a URL that asks for credentials. Have a file written, at the times at which it is to
be new, and connect Tableau to it (Connect > To a File > Text file):

printf 'Authorization: Bearer %s' "$A360_TOKEN" |
  curl --fail --silent --show-error --header @- --header 'Accept: text/csv' \\
    --json '{"sql": "@SQL@"@JSON_PURPOSE@}' --output a360.csv @URL@/v1/query

The file holds what the token's user may see: keep it where only who may see that can read it.
"""
_TEXTS = {
    "curl": _CURL,
    "pandas": _PANDAS,
    "polars": _POLARS,
    "duckdb": _DUCKDB,
    "excel": _EXCEL,
    "powerbi": _POWERBI,
    "tableau": _TABLEAU,
}


def how_to_read(reader: str, url: str, table: str, purpose: str | None = None) -> str:
    """What to write into a program so that it reads a table; of the token only the variable's name.

    Args:
        reader: One of `READERS`.
        url: Where the lake is served.
        table: The table, as `gold.patient_360`.
        purpose: The purpose of use; None where the user or the token has one.
    """
    sql = f"SELECT * FROM {table} LIMIT 100"
    parts = {
        "@URL@": url.rstrip("/"),
        "@SQL@": sql,
        "@SQL_IN_URL@": sql.replace(" ", "%20").replace("*", "%2A"),
        "@JSON_PURPOSE@": f', "purpose": "{purpose}"' if purpose else "",
        "@URL_PURPOSE@": f"&purpose={purpose}" if purpose else "",
        "@M_PURPOSE@": f', purpose = "{purpose}"' if purpose else "",
    }
    text = _TEXTS[reader]
    for place, value in parts.items():
        text = text.replace(place, value)
    return text
