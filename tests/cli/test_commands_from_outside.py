import json
import signal
import subprocess
import sys
import urllib.request

import pytest

pytestmark = pytest.mark.e2e


def test_json_is_all_that_stands_on_standard_output(demo_lake):
    """With --json standard output is one JSON document, and standard error is empty."""
    result = demo_lake.a360("tables", "--json")
    assert result.returncode == 0
    assert json.loads(result.stdout)
    assert result.stderr == ""


def test_reader_that_leaves_ends_a_query(demo_lake):
    """`a360 query … | head` ends without a word when the reader has gone."""
    script = f'"{sys.executable}" -m a360 query "SELECT * FROM silver.observation" --json | head -c 10'
    result = subprocess.run(
        ["bash", "-c", script], cwd=demo_lake.folder, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.stderr == ""


def test_catalog_serves_until_it_is_told_to_stop(demo_lake):
    """`catalog serve` says in one line of JSON where it is, wants the token, and ends on SIGTERM with 0."""
    command = [sys.executable, "-m", "a360", "catalog", "serve", "--token", "open-sesame"]
    with subprocess.Popen(command, cwd=demo_lake.folder, stdout=subprocess.PIPE, text=True) as server:
        try:
            ready = json.loads(server.stdout.readline())
            assert set(ready) == {"uri", "token", "warehouse"}
            assert ready["token"] == "open-sesame"
            request = urllib.request.Request(f"{ready['uri'].rstrip('/')}/v1/config")
            request.add_header("Authorization", "Bearer open-sesame")
            with urllib.request.urlopen(request, timeout=10) as response:
                assert response.status == 200
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.wait(timeout=20) == 0
