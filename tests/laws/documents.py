"""Markdown as the tests read it: fenced blocks, the commands in them, the links around them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from tests.laws.tree import ROOT

#: For people, by hand; what is generated has tests of its own.
DOCUMENTS = (
    *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "stations/README.md"),
    *("docs/commands.md", "docs/cues.md", "docs/sources.md", "docs/clients.md"),
)

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    document: str
    line: int
    language: str
    text: str

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, *languages: str) -> list[Block]:
    """The fenced blocks of a document, in order; of these languages only, when any is named."""
    content = read(document)
    return [
        Block(document, content[: m.start()].count("\n") + 1, m[2], re.sub(f"(?m)^{m[1]}", "", m[3]))
        for m in _FENCE.finditer(content)
        if not languages or m[2] in languages
    ]


def commands(block: Block, program: str) -> Iterator[list[str]]:
    """Every call of ``program`` in a block of shell: its arguments, up to a pipe or a redirection."""
    prompts = block.language == "console"
    for written in block.text.replace("\\\n", " ").splitlines():
        line = written.strip()
        if prompts and not line.startswith("$ "):
            continue  # output
        words = shlex.split(line.removeprefix("$ "), comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words.pop(0)  # an environment variable before the command
        if not words or words[0].rsplit("/", 1)[-1] != program:
            continue
        end = next((i for i, w in enumerate(words) if re.fullmatch(r"[|&;]+|\d?>{1,2}.*|<", w)), len(words))
        yield words[1:end]
