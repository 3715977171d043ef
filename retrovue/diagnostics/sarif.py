"""Diagnostics as SARIF 2.1.0, which code scanning and editors read; pure.

Static Analysis Results Interchange Format, OASIS Standard, 27 March 2020. Columns count UTF-16 code units
there unless ``columnKind`` says otherwise (§3.14.17); ours count characters, so it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from retrovue import __version__
from retrovue.diagnostics.codes import CODES
from retrovue.diagnostics.diagnostic import Diagnostic, Label, Span

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_log(diagnostics: Sequence[Diagnostic], root: str = "") -> dict[str, Any]:
    """One run with every diagnostic as a result; ``root`` stands before file names."""
    used = [code for code in CODES if any(d.code == code for d in diagnostics)]
    used += sorted({d.code for d in diagnostics} - set(used))
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "RetroVue",
                        "semanticVersion": __version__,
                        "rules": [_rule(code) for code in used],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "results": [_result(d, used.index(d.code), root) for d in diagnostics],
            }
        ],
    }


def _rule(code: str) -> dict[str, Any]:
    found = CODES.get(code)
    if found is None:
        return {"id": code}
    return {
        "id": code,
        "shortDescription": {"text": found.title},
        "fullDescription": {"text": found.manual},
        "help": {"text": f"{found.mend}\n\n{found.example}"},
    }


def _result(d: Diagnostic, rule: int, root: str) -> dict[str, Any]:
    text = d.headline + (f" ({d.note})" if d.note else "") + (f"\nhelp: {d.help}" if d.help else "")
    result: dict[str, Any] = {
        "ruleId": d.code,
        "ruleIndex": rule,
        "level": d.severity.value,
        "message": {"text": text},
        # A result without a place is about the station as a whole.
        "locations": [_location(d.span, root)] if d.span else [],
    }
    if d.labels:
        result["relatedLocations"] = [_related(n, label, root) for n, label in enumerate(d.labels)]
    return result


def _related(number: int, label: Label, root: str) -> dict[str, Any]:
    return {"id": number, **_location(label.span, root), "message": {"text": label.text}}


def _location(span: Span, root: str) -> dict[str, Any]:
    path = f"{root.rstrip('/')}/{span.file}" if root else span.file
    uri = quote(path)
    return {
        "physicalLocation": {
            # A colon in the first segment would make a scheme of it (RFC 3986 §4.2); quote() has escaped it.
            "artifactLocation": {"uri": f"file://{uri}" if path.startswith("/") else uri},
            "region": {
                "startLine": span.line,
                "startColumn": span.column,
                "endLine": span.end_line,
                "endColumn": span.end_column,
            },
        }
    }
