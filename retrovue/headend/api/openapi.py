"""``GET /api/v1/openapi.json``: the API, described for programs (OpenAPI 3.1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from retrovue import __version__
from retrovue.headend.api.guard import answer

_CHANNELS = {
    "type": "array",
    "items": {"type": "string"},
    "minItems": 1,
    "description": "Numbers or slugs; all channels when absent.",
}
_UNTIL = {"type": "string", "format": "date-time", "description": "An instant with its UTC offset."}
_SECONDS = {"type": "number", "exclusiveMinimum": 0, "description": "Of station time from now."}

#: (method, path below the root) → (summary, properties of the body, those it must have). What is no GET is an
#: order, and needs the token.
OPERATIONS: Mapping[tuple[str, str], tuple[str, Mapping[str, Any], tuple[str, ...]]] = {
    ("get", "/status"): ("The station and each channel: health, viewers, horizons, warnings.", {}, ()),
    ("get", "/orders"): ("The orders in force, channel by channel.", {}, ()),
    ("get", "/now-next"): ("What is on each channel, and what comes then.", {}, ()),
    ("get", "/tuners"): ("Who has which tuner.", {}, ()),
    ("get", "/as-run"): ("What left the station, run by run.", {}, ()),
    ("get", "/openapi.json"): ("This document.", {}, ()),
    ("post", "/reload"): ("Read the YAML anew, compile, and air what comes of it.", {}, ()),
    ("delete", "/tuners"): (
        "Free a tuner: whoever uses it is disconnected.",
        {
            "tuner": {"type": "integer", "minimum": 0},
            "device": {"type": "string", "description": "Device id, where the station has several."},
        },
        ("tuner",),
    ),
    ("post", "/emergency"): (
        "A fictional emergency goes on the air.",
        {
            "channels": _CHANNELS,
            "text": {"type": "string"},
            "mode": {"enum": ["crawl", "takeover"]},
            "until": _UNTIL,
            "seconds": _SECONDS,
        },
        (),
    ),
    ("delete", "/emergency"): ("All clear: programmes are resumed in progress.", {"channels": _CHANNELS}, ()),
    ("post", "/sign-off"): (
        "Show the sign-off picture.",
        {"channels": _CHANNELS, "until": _UNTIL, "seconds": _SECONDS},
        (),
    ),
    ("delete", "/sign-off"): ("Take up the schedule again.", {"channels": _CHANNELS}, ()),
}


#: Path → parameters of its query.
QUERIES: Mapping[str, Mapping[str, Any]] = {
    "/as-run": {
        "channel": {
            "schema": {"type": "array", "items": {"type": "string"}},
            "description": "Numbers or slugs; all channels when absent.",
        },
        "from": {"schema": _UNTIL, "description": "A day before “to” when absent."},
        "to": {"schema": _UNTIL, "description": "Now when absent."},
        "limit": {"schema": {"type": "integer", "minimum": 1, "maximum": 20000, "default": 1000}},
    },
}


def document(root: str) -> dict[str, Any]:
    """The whole document, for an API below ``root``."""
    paths: dict[str, dict[str, Any]] = {}
    for (method, path), (summary, properties, required) in OPERATIONS.items():
        words = path.strip("/").replace(".", "-").split("-")
        operation: dict[str, Any] = {
            "summary": summary,
            "operationId": method + "".join(word.title() for word in words),
            "responses": {
                "200": {
                    "description": "Done, or as it is now.",
                    "content": {"application/json": {"schema": {"type": "object"}}},
                }
            },
        }
        if method == "get" and path in QUERIES:
            operation["parameters"] = [
                {"name": name, "in": "query", **about} for name, about in QUERIES[path].items()
            ]
            operation["responses"]["400"] = {
                "description": "A parameter can't be understood; “error” says why."
            }
        if method != "get":
            operation["security"] = [{"token": []}]
            operation["responses"] |= {
                "400": {"description": "The body can't be understood; “error” says why."},
                "401": {"description": "No valid token."},
                "403": {"description": "From a page of another site."},
            }
            body: dict[str, Any] = {
                "type": "object",
                "properties": dict(properties),
                "additionalProperties": False,
            }
            if required:
                body["required"] = list(required)
            operation["requestBody"] = {
                "required": bool(required),
                "content": {"application/json": {"schema": body}},
            }
        paths.setdefault(root + path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "RetroVue",
            "version": __version__,
            "description": "What the station does, and what its operator may order.",
        },
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "It is in the file “token” of the state directory.",
                }
            }
        },
    }


class OpenApiRoutes:
    def __init__(self, root: str) -> None:
        self._root = root

    def routes(self) -> Iterable[web.AbstractRouteDef]:
        yield web.get(f"{self._root}/openapi.json", self._document)

    async def _document(self, request: web.Request) -> web.Response:
        return answer(document(self._root))
