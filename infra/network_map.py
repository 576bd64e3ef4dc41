"""The private network as a picture: who may speak to whom, read from the rules of its security groups."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from infra.estate import Address, Estate

_GROUP = "AWS::EC2::SecurityGroup"
_NOBODY = "255.255.255.255/32"
_WAYS_OUT = ("AWS::EC2::InternetGateway", "AWS::EC2::NatGateway", "AWS::EC2::TransitGatewayAttachment")
_ANYONE = "anyone"
_GATEWAY = "gateways"
_ALL_PORTS = (0, 65535)


def draw(estate: Estate) -> str:
    """A flow chart of Mermaid: groups with what is in them, and an arrow for each way that a rule opens."""
    lines = [
        "flowchart LR",
        f'  subgraph network["{_title(estate)}"]',
        *(f'    {_id(group)}["{_group_label(estate, group)}"]' for group in sorted(groups(estate))),
        f'    {_ANYONE}(["anyone in the network"])',
        f'    {_GATEWAY}[("{_gateway_label(estate)}")]',
        "  end",
    ]
    for (source, target), ports in sorted(ways(estate).items()):
        lines.append(f"  {source} -->|{', '.join(sorted(ports))}| {target}")
    return "\n".join(lines)


def groups(estate: Estate) -> dict[Address, list[str]]:
    """The security groups, and what is in each: such as `Lambda::Function object-created`."""
    found: dict[Address, list[str]] = {address: [] for address, _ in estate.of_type(_GROUP)}
    for address, resource in estate.resources.items():
        kind = resource["Type"].removeprefix("AWS::")
        if kind.startswith("EC2::SecurityGroup"):
            continue
        for group in _groups_of(estate, address.stack, resource.get("Properties", {})):
            found[group].append(f"{kind} {_short(estate, address)}")
    return found


def ways(estate: Estate) -> dict[tuple[str, str], set[str]]:
    """From where to where a rule opens a way, by which ports."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for group, direction, rule in _rules(estate):
        peer = _peer(estate, group.stack, rule)
        if peer is None:
            continue
        pair = (peer, _id(group)) if direction == "in" else (_id(group), peer)
        found[pair].add(_ports(rule))
    return found


def ways_out(estate: Estate) -> list[Address]:
    """Resources by which the network would reach the internet."""
    return [address for kind in _WAYS_OUT for address, _ in estate.of_type(kind)]


def _rules(estate: Estate) -> Iterator[tuple[Address, str, Mapping[str, Any]]]:
    """Each rule with the group that it is of, told within the group or by itself."""
    for address, told in estate.of_type(_GROUP):
        for rule in told.get("SecurityGroupIngress", ()):
            yield address, "in", rule
        for rule in told.get("SecurityGroupEgress", ()):
            yield address, "out", rule
    for kind, direction in (("Ingress", "in"), ("Egress", "out")):
        for address, rule in estate.of_type(f"{_GROUP}{kind}"):
            for group in estate.named_by(address.stack, rule["GroupId"]):
                yield group, direction, rule


def _peer(estate: Estate, stack: str, rule: Mapping[str, Any]) -> str | None:
    """Who is at the other end of a rule; nobody, where it only says that nobody is."""
    for key in ("SourceSecurityGroupId", "DestinationSecurityGroupId"):
        for group in estate.named_by(stack, rule.get(key)):
            return _id(group)
    if "DestinationPrefixListId" in rule:
        return _GATEWAY
    address = rule.get("CidrIp", rule.get("CidrIpv6"))
    if address == _NOBODY:
        return None
    (network,) = {told["CidrBlock"] for _, told in estate.of_type("AWS::EC2::VPC")}
    return _ANYONE if address == network else f'other["{address}"]'


def _ports(rule: Mapping[str, Any]) -> str:
    first, last = rule.get("FromPort"), rule.get("ToPort")
    if (first, last) == _ALL_PORTS:
        return "all of tcp"
    return f"{rule['IpProtocol']} {first}" if first == last else f"{rule['IpProtocol']} {first} to {last}"


def _groups_of(estate: Estate, stack: str, properties: Any) -> Iterator[Address]:  # noqa: ANN401 - JSON
    if isinstance(properties, list):
        for each in properties:
            yield from _groups_of(estate, stack, each)
    elif isinstance(properties, Mapping):
        for key, value in properties.items():
            if "SecurityGroup" in key:
                yield from estate.named_by(stack, value)
            else:
                yield from _groups_of(estate, stack, value)


def _title(estate: Estate) -> str:
    count = len(ways_out(estate))
    told = "1 way" if count == 1 else f"{count or 'no'} way{'s' * bool(count)}"
    (network,) = {told["CidrBlock"] for _, told in estate.of_type("AWS::EC2::VPC")}
    return f"{network}: {told} to the internet"


def _group_label(estate: Estate, group: Address) -> str:
    (told,) = (told["GroupDescription"] for address, told in estate.of_type(_GROUP) if address == group)
    inside = groups(estate)[group]
    doors = [each.split()[1] for each in inside if each.startswith("EC2::VPCEndpoint ")]
    rest = [each for each in inside if not each.startswith("EC2::VPCEndpoint ")]
    return "<br/>".join([f"<b>{told}</b>", *sorted(rest), *([", ".join(sorted(doors))] if doors else [])])


def _gateway_label(estate: Estate) -> str:
    found = (
        _short(estate, address)
        for address, told in estate.of_type("AWS::EC2::VPCEndpoint")
        if told["VpcEndpointType"] == "Gateway"
    )
    return f"<b>Gateways</b><br/>{', '.join(sorted(found))}"


def _short(estate: Estate, address: Address) -> str:
    return estate.path(address).removeprefix("vpc/").removeprefix("door-")


def _id(group: Address) -> str:
    return f"{group.stack}-{group.name}".replace("-", "_")
