"""The metadata files that commits write: when, where, how many, and in which form."""

from pathlib import Path


def test_new_files_go_to_a_new_location(table, api, error_of):
    """The location moves only inside the warehouse; metadata follows, and folders to write into are made."""
    location = f"{table.made['location']}-moved"
    table.committed({"action": "set-location", "location": f"{location}/"})
    found = api.get(table.path).json()
    assert found["metadata"]["location"] == location
    assert Path(found["metadata-location"]).parent == Path(location, "metadata")
    assert Path(location, "data").is_dir()
    answer = table.commit({"action": "set-location", "location": "/tmp/elsewhere"})
    assert error_of(answer) == (400, "BadRequestException")


def test_a_commit_that_changes_nothing_writes_nothing(table, api):
    """A commit without effect keeps the metadata file."""
    before = api.get(table.path).json()
    table.committed({"action": "set-properties", "updates": before["metadata"]["properties"]})
    table.committed()
    assert api.get(table.path).json() == before


def test_every_commit_is_in_the_metadata_log(table, api):
    """The log names the metadata files before, with the times they were current from."""
    places = []
    for number in (1, 2, 3):
        places.append(api.get(table.path).json())
        table.append(number, number - 1 or None)
    assert table.metadata["metadata-log"] == [
        {"metadata-file": each["metadata-location"], "timestamp-ms": each["metadata"]["last-updated-ms"]}
        for each in places
    ]


def test_old_metadata_files_are_deleted_by_the_tables_policy(table, api):
    """As many earlier metadata files stay as the table asks for."""
    table.committed({"action": "set-properties", "updates": {"write.metadata.previous-versions-max": "2"}})
    for number in range(1, 6):
        table.append(number, number - 1 or None)
    found = sorted(Path(table.made["location"], "metadata").glob("*.metadata.json"))
    named = [each["metadata-file"] for each in table.metadata["metadata-log"]]
    assert [str(each) for each in found] == [*named, api.get(table.path).json()["metadata-location"]]
    assert len(named) == 2


def test_old_metadata_files_stay_where_the_table_says_so(table):
    """With deletion turned off, the log is cut and the files stay."""
    table.committed(
        {
            "action": "set-properties",
            "updates": {
                "write.metadata.previous-versions-max": "1",
                "write.metadata.delete-after-commit.enabled": "false",
            },
        }
    )
    for number in (1, 2, 3):
        table.append(number, number - 1 or None)
    assert len(table.metadata["metadata-log"]) == 1
    assert len(list(Path(table.made["location"], "metadata").glob("*.metadata.json"))) == 5


def test_metadata_is_compressed_where_the_table_says_so(table, api):
    """With gzip chosen, metadata files are small, named for it, and read back."""
    table.committed({"action": "set-properties", "updates": {"write.metadata.compression-codec": "gzip"}})
    table.append(1)
    found = api.get(table.path).json()
    assert found["metadata-location"].endswith(".gz.metadata.json")
    assert found["metadata"]["current-snapshot-id"] == 1
