"""Evidence as a page to read: it needs nothing from elsewhere, and runs nothing."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE: Final = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "h2{margin-top:2.5rem}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;vertical-align:top;padding:.35rem .6rem;border-bottom:1px solid #ddd}"
    "td p{margin:0 0 .3rem}.small{color:#555;font-size:.9em}code{font-size:.85em;word-break:break-all}"
    ":is(span,td):is(.green,.red,.grey){font-weight:600;white-space:nowrap}"
    ":is(span,td).green{color:#0a6b2d}:is(span,td).red{color:#b00020}:is(span,td).grey{color:#666}"
    "tr.red{background:#fdecee}"
)
_COLUMNS: Final = ("Control", "Result", "The software", "The organisation", "Proofs")
_WHAT: Final = (
    "What this software does to support the safeguards below, and how each proof of it came out. It is "
    "HIPAA-aligned: whether an organisation meets a rule depends on its people and processes, which no "
    "software proves. Green: every proof passed. Red: a proof failed. Grey: a proof was not run, or the "
    "safeguard is outside of the software."
)


def page(told: Mapping[str, Any]) -> str:
    """The page of a bundle."""
    body = [
        "<h1>Evidence</h1>",
        f'<p class="small">{escape(_WHAT)}</p>',
        *_facts(told),
        *_controls(told),
        *_proofs(told["proofs"]),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>Evidence</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _facts(told: Mapping[str, Any]) -> Iterator[str]:
    tally, software, tests = told["tally"], told["software"], told["tests"]
    facts = {
        "Controls": ", ".join(f"{count} {colour}" for colour, count in tally.items()),
        "Made": f"{told['at']} by {told['by']}",
        "Lake": f"{told['lake']}, environment {told['environment']}, holds {told['holds'] or 'no'} data",
        "Plan, policy": f"{told['plan']}, {told['policy']}",
        "Software": f"a360 {software['version']}, {_state(software)}",
        "Tests": f"{_state(tests)}, pytest {tests['pytest']}" if tests else "not run",
        "Machine": ", ".join(f"{name} {value}" for name, value in told["machine"].items()),
    }
    yield "<table>"
    for name, value in facts.items():
        yield f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
    yield "</table>"


def _state(checkout: Mapping[str, Any]) -> str:
    commit = f"commit {checkout['commit']}" if checkout["commit"] else "no commit known"
    return f"{commit}{', changed since' if checkout['changed'] else ''}, SHA-256 {checkout['digest']}"


def _controls(told: Mapping[str, Any]) -> Iterator[str]:
    outcomes = {each["name"]: each["outcome"] for each in told["proofs"]}
    for rule, controls in groupby(told["controls"], lambda each: each["rule"]):
        yield f"<h2>{escape(rule)}</h2><table>"
        yield f"<tr>{''.join(f'<th>{name}</th>' for name in _COLUMNS)}</tr>"
        for each in controls:
            proofs = "".join(
                f"<p><code>{escape(name)}</code> <span class='small'>{outcomes[name]}</span></p>"
                for name in each["proofs"]
            )
            does = each["does"] or "Outside of this software."
            yield (
                f'<tr class="{each["colour"]}"><td><p>{escape(each["id"])}</p>{escape(each["title"])}'
                f'<p class="small">{escape(each["kind"])}</p></td>'
                f'<td><span class="{each["colour"]}">{each["colour"]}</span>'
                f'<p class="small">{escape(each["why"])}</p></td>'
                f"<td>{_text(does)}</td><td>{_text(each['yours'])}</td><td>{proofs}</td></tr>"
            )
        yield "</table>"


def _proofs(proofs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>Proofs</h2><table><tr><th>Proof</th><th>Outcome</th><th>What it says</th><th>Found</th></tr>"
    colours = {"passed": "green", "failed": "red", "not run": "grey"}
    for each in proofs:
        yield (
            f"<tr><td>{escape(each['kind'])} <code>{escape(each['name'])}</code></td>"
            f'<td class="{colours[each["outcome"]]}">{escape(each["outcome"])}</td>'
            f"<td>{_text(each['says'])}</td><td>{_text(each['found'])}</td></tr>"
        )
    yield "</table>"


def _text(text: str) -> str:
    """Words of controls and proofs, in which code stands between backquotes."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text))
