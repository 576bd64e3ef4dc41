"""The page of what touches data of patients is made from the templates, and leaves nothing out."""

import re
from pathlib import Path

import pytest

from infra.estate import Address, Estate
from infra.inventory import keys, main, page
from infra.network_map import draw, groups, ways, ways_out
from infra.policy.custody import Custody

PAGE = Path(__file__).parents[2] / "docs/aws-inventory.md"
# Of these no customer key is named: keys themselves, and names in Glue.
WITHOUT_KEY = {"AWS::KMS::Key", "AWS::Glue::Database", "AWS::Glue::Table"}


@pytest.fixture(scope="module")
def estate(stage):
    return Estate.read(Path(stage.node.root.synth().directory))


def test_the_page_is_what_the_templates_say(estate):
    """Whoever changes the deployment makes the page anew: `python -P -m infra.inventory cdk.out`."""
    assert PAGE.read_text("utf-8") == page(estate)


def test_everything_that_holds_or_carries_data_is_named(estate):
    """Each such resource is in a row of its part, by its name."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \| [^|]+ \| (`.+) \|$", page(estate), re.MULTILINE)
    told = sum(len(re.findall("`[^`]+`", names)) for _, _, names in rows)
    assert told == sum(1 for each in (Custody.HOLDS, Custody.CARRIES) for _ in estate.in_custody(each))


def test_what_holds_data_is_under_a_customer_key(estate):
    """Each bucket, stream, file system, database and log is, but the access logs, which S3 writes."""
    without = [
        estate.path(address)
        for address, resource in estate.in_custody(Custody.HOLDS)
        if resource["Type"] not in WITHOUT_KEY and not keys(estate, address)
    ]
    assert without == ["access-logs"]


def test_every_security_group_is_on_the_map(estate):
    """Each has a box, and nobody is in none: a group without anything in it guards nothing."""
    boxes = re.findall(r"^    (\w+)\[\"<b>", draw(estate), re.MULTILINE)
    assert len(boxes) == len(groups(estate)) > 5
    assert all(groups(estate).values())


def test_an_arrow_goes_from_who_speaks_to_who_listens(estate):
    """The lake's folder listens to what computes, and Postgres to Dagster alone."""
    into = {
        target: {source for source, other in ways(estate) if other == target} for _, target in ways(estate)
    }
    (folder,) = (each for each in into if "folderdoor" in each)
    (postgres,) = (each for each in into if "databasedoor" in each)
    assert [("network_workers" in each) for each in into[folder]] == [True]
    assert [("orchestration_services" in each) for each in into[postgres]] == [True]


def test_the_map_says_that_there_is_no_way_out(estate):
    """The sentence is counted, not written."""
    assert "no way to the internet" in draw(estate)
    stack = next(iter(estate.templates))
    opened = {"Resources": {"gate": {"Type": "AWS::EC2::InternetGateway"}}}
    changed = Estate({**estate.templates, "another": opened})
    assert ways_out(changed) == [Address("another", "gate")]
    assert "1 way to the internet" in draw(changed)
    assert stack in changed.templates


def test_a_way_to_an_address_outside_is_drawn(estate):
    """A rule that lets somebody speak to any address is seen."""
    rule = {"CidrIp": "0.0.0.0/0", "IpProtocol": "tcp", "FromPort": 443, "ToPort": 443}
    group = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupEgress": [rule]}}
    changed = Estate({**estate.templates, "another": {"Resources": {"group": group}}})
    assert ("another_group", 'other["0.0.0.0/0"]') in ways(changed)


def test_a_folder_without_templates_is_an_error(tmp_path, capsys):
    """No page is written of what could not be read."""
    with pytest.raises(SystemExit, match="5"):
        main([str(tmp_path)])
    told = capsys.readouterr()
    assert told.out == ""
    assert "cdk synth" in told.err
