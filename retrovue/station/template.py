"""Templates: a ``*.yaml.j2`` file becomes YAML, and every line of it remembers which line made it.

Rendering is sandboxed and ends: no clock, no chance, no files, a limit on steps and on size. Undefined
names are errors. The tree of a template is marked before it is compiled: each line of text gets the number of
its source line between two private characters, which are taken out of the result again and become the map
from what was rendered to what the operator wrote.
"""

from __future__ import annotations

import functools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, nodes
from jinja2.environment import Template
from jinja2.exceptions import SecurityError, TemplateNotFound, UndefinedError
from jinja2.loaders import DictLoader
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from retrovue.diagnostics import Diagnostic, Severity, Span
from retrovue.station.suggest import did_you_mean

#: Characters that one template may make, and that one value in it may hold.
MAX_OUTPUT = 2_000_000
#: Rounds of loops and calls of macros in one template.
MAX_STEPS = 200_000

# Code points for private use (Unicode, ch. 23.5): no station file has a meaning for them.
_OPEN, _CLOSE = "\ue0f0", "\ue0f1"
_MARK = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_WORD = re.compile(r"'(\w+)' is undefined")
_ATTRIBUTE = re.compile(r"has no attribute '(\w+)'")


class _Limit(Exception):
    """A template makes too much, or takes too long."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a template made."""

    file: str
    text: str
    lines: tuple[str, ...]  #: of ``text``
    source: tuple[str, ...]  #: lines of the template
    #: For each line of ``text``: (column, source line) where a piece from another source line begins.
    made_by: tuple[tuple[tuple[int, int], ...], ...]

    def back(self, span: Span) -> Span:
        """Where the operator wrote what stands at ``span`` of the rendered text.

        A line with nothing of a template in it keeps its columns; text that stands in the source line as it
        is, is found there; else the whole line is meant.
        """
        first = self._line_of(span.line, span.column)
        last = max(first, self._line_of(span.end_line, max(1, span.end_column - 1)))
        source = self.source[first - 1]
        made = self.lines[span.line - 1] if span.line <= len(self.lines) else ""
        if source == made:
            if span.end_line == span.line:
                return Span(self.file, first, span.column, first, span.end_column)
            return Span(self.file, first, span.column, last, len(self.source[last - 1]) + 1)
        piece = made[span.column - 1 : span.end_column - 1] if span.end_line == span.line else ""
        if piece.strip() and source.count(piece) == 1:
            at = source.index(piece) + 1
            return Span(self.file, first, at, first, at + len(piece))
        return _whole(self.file, first, source)

    def _line_of(self, line: int, column: int) -> int:
        pieces = self.made_by[min(line, len(self.made_by)) - 1]
        index = bisect_right(pieces, column - 1, key=lambda piece: piece[0]) - 1
        return min(pieces[max(0, index)][1], len(self.source))


def render(file: str, text: str, variables: Mapping[str, Any], markup: bool = False) -> Rendered | Diagnostic:
    """The YAML that a template makes, or what is wrong with it. Never raises for what a user wrote.

    ``markup``: it makes XML, so what values hold is escaped.
    """
    lines = tuple(text.splitlines()) or ("",)
    environment = _Environment(markup)
    try:
        tree = environment.parse(text, file)
        _instrument(tree)
        code = environment.compile(tree, file, file)
        template = Template.from_code(environment, code, environment.make_globals(None))
        pieces: list[str] = []
        size = 0
        for piece in template.generate(variables):
            size += len(piece)
            if size > 2 * MAX_OUTPUT:  # with its marks
                raise _Limit(f"it makes more than {MAX_OUTPUT:,} characters")
            pieces.append(piece)
    except TemplateSyntaxError as error:
        return _syntax(error, file, lines)
    except _Limit as error:
        line = _line_in(error.__traceback__, file)
        return _found("template-limit", f"this template does not end well: {error}", file, lines, line)
    except UndefinedError as error:
        return _undefined(error, file, lines, variables, markup)
    except TemplateNotFound as error:
        line = _line_in(error.__traceback__, file)
        help = "a template stands alone: bring other files in with “include:” in station.yaml"
        return _found("template-error", f"there is no template “{error}” to take in", file, lines, line, help)
    except SecurityError as error:
        line = _line_in(error.__traceback__, file)
        return _found("template-error", f"a template may not do this: {error}", file, lines, line)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        line = _line_in(error.__traceback__, file)
        return _found("template-error", _sentence(str(error) or type(error).__name__), file, lines, line)
    except RecursionError as error:
        line = _line_in(error.__traceback__, file)
        return _found("template-limit", "this template calls itself without end", file, lines, line)
    return _unmark(file, "".join(pieces), lines)


def values_of(tree: Any) -> Any:
    """What ``vars`` of station.yaml mean in a template: numbers and true/false are what they look like."""
    if isinstance(tree, dict):
        return {key: values_of(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [values_of(value) for value in tree]
    if isinstance(tree, str) and re.fullmatch(r"0|-?[1-9]\d{0,15}", tree):
        return int(tree)
    return {"true": True, "false": False}.get(tree, tree) if isinstance(tree, str) else tree


# --- the sandbox -----------------------------------------------------------------------------------


_GLOBALS = ("range", "dict", "namespace", "cycler", "joiner")


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja without files, chance or clock, that counts what it does."""

    intercepted_binops = frozenset(("*", "**", "+", "%"))

    def __init__(self, markup: bool = False) -> None:
        super().__init__(
            undefined=StrictUndefined,
            autoescape=markup,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            loader=DictLoader({}),
            finalize=None if markup else _as_yaml,
        )
        self.globals = {
            name: self.globals[name] for name in ("range", "dict", "namespace", "cycler", "joiner")
        }
        self.filters = {name: _limited(f) for name, f in self.filters.items() if name != "random"}
        self._steps = 0

    def step(self) -> str:
        """Called on every round of every loop and in every macro."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise _Limit(f"its loops go round more than {MAX_STEPS:,} times")
        return ""

    def sized(self, value: object) -> object:
        return _sized(value)

    def call(self, context: Context, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        _sane(args, kwargs)
        if getattr(obj, "__name__", "") in ("format", "format_map"):
            raise SecurityError("write “'%02d'|format(n)” instead of “.format(n)”")
        return _sized(super().call(context, obj, *args, **kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and (_size(left) > 10_000 or _size(right) > 64):
            raise _Limit("a power is too large")
        if operator == "*":
            numbers = all(isinstance(side, int | float) for side in (left, right))
            if not numbers and _size(left) * _size(right) > MAX_OUTPUT:
                raise _Limit(f"a value holds more than {MAX_OUTPUT:,} characters")
        if operator == "%":
            _padded((left,))
        return _sized(super().call_binop(context, operator, left, right))


def _size(value: object) -> int:
    """A number's own size, or how much something holds."""
    if isinstance(value, int | float):
        return int(min(abs(value), 1 << 60))
    return len(value) if isinstance(value, str | bytes | list | tuple) else 1


def _sane(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    for value in (*args, *kwargs.values()):
        if isinstance(value, int) and abs(value) > MAX_OUTPUT:
            raise _Limit(f"{value} is too large a number to ask for")


def _padded(args: tuple[Any, ...]) -> None:
    if args and isinstance(args[0], str) and re.search(r"%[-+ #0]*(\d{5}|\*)", args[0]):
        raise _Limit("a text is padded too far")


def _sized(value: Any) -> Any:
    if isinstance(value, str | list | tuple) and len(value) > MAX_OUTPUT:
        raise _Limit(f"a value holds more than {MAX_OUTPUT:,} characters")
    return value


def _limited(filter_: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(filter_)  # with its marks for Jinja (pass_environment and the like)
    def limited(*args: Any, **kwargs: Any) -> Any:
        _sane(args, kwargs)
        if filter_.__name__ == "do_format":
            _padded(args)
        return _sized(filter_(*args, **kwargs))

    return limited


def _as_yaml(value: Any) -> Any:
    """Values as YAML spells them."""
    if value is True or value is False:
        return str(value).lower()
    return "null" if value is None else value


# --- marks -----------------------------------------------------------------------------------------


def _instrument(tree: nodes.Template) -> None:
    """Mark every line of text with its number, and count what goes round."""
    for output in _outputs_in(tree):
        marked: list[nodes.Node] = []
        for piece in output.nodes:
            if isinstance(piece, nodes.TemplateData):
                rows = piece.data.split("\n")
                piece.data = "\n".join(f"{_mark(piece.lineno + n)}{row}" for n, row in enumerate(rows))
            else:
                marked.append(nodes.TemplateData(_mark(piece.lineno)).set_lineno(piece.lineno))
            marked.append(piece)
        output.nodes[:] = marked  # type: ignore[assignment]  # Jinja says Node here, Expr there
    rounds: list[nodes.For | nodes.Macro] = [*tree.find_all(nodes.For), *tree.find_all(nodes.Macro)]
    for looping in rounds:
        step = nodes.Call(nodes.EnvironmentAttribute("step"), [], [], None, None)
        looping.body.insert(0, nodes.ExprStmt(step).set_lineno(looping.lineno))
    _wrap_joins(tree)


def _mark(line: int) -> str:
    return f"{_OPEN}{line}{_CLOSE}"


def _outputs_in(node: nodes.Node) -> Iterator[nodes.Output]:
    if isinstance(node, nodes.Output):
        yield node
    elif not isinstance(node, nodes.AssignBlock | nodes.FilterBlock):  # a value to work with, not a line
        for child in node.iter_child_nodes():
            yield from _outputs_in(child)


def _wrap_joins(node: nodes.Node) -> None:
    """``a ~ b`` doubles a text as quickly as ``a * 2`` does."""
    for child in node.iter_child_nodes():
        _wrap_joins(child)
    for field, value in node.iter_fields():
        if isinstance(value, nodes.Concat):
            setattr(node, field, _checked(value))
        elif isinstance(value, list):
            value[:] = [_checked(item) if isinstance(item, nodes.Concat) else item for item in value]


def _checked(node: nodes.Concat) -> nodes.Call:
    call = nodes.Call(nodes.EnvironmentAttribute("sized"), [node], [], None, None)
    return call.set_lineno(node.lineno)  # type: ignore[return-value]


def _unmark(file: str, marked: str, source: tuple[str, ...]) -> Rendered:
    lines: list[str] = []
    made_by: list[tuple[tuple[int, int], ...]] = []
    line = 1
    for row in marked.split("\n"):
        text, pieces = "", [(0, line)]
        for n, part in enumerate(_MARK.split(row)):
            if n % 2:
                line = int(part)
                if pieces[-1][0] == len(text):
                    pieces.pop()  # nothing came of it
                if not pieces or pieces[-1][1] != line:
                    pieces.append((len(text), line))
            else:
                # A mark before the indentation and one after it: the later one wrote the word.
                text += part
                if not text.strip():
                    pieces = [(0, pieces[-1][1])]
        lines.append(text)
        made_by.append(tuple(pieces))
    return Rendered(file, "\n".join(lines), tuple(lines), source, tuple(made_by))


# --- what is wrong ---------------------------------------------------------------------------------


def _syntax(error: TemplateSyntaxError, file: str, lines: tuple[str, ...]) -> Diagnostic:
    message = error.message or "this is no template"
    never_closed = re.search(r"block that needs to be closed is '(\w+)'", message)
    if never_closed and message.lower().startswith("unexpected end"):
        # The end of the file is no help: show the last one that was opened.
        word = never_closed[1]
        opened = [n for n, line in enumerate(lines, 1) if re.search(rf"{{%[-+]?\s*{word}\b", line)]
        if opened:
            headline = f"“{word}” is opened here and never closed"
            help = f"write {{% end{word} %}} where it ends"
            return _found("template-syntax", headline, file, lines, opened[-1], help)
    return _found("template-syntax", _sentence(message), file, lines, error.lineno)


def _undefined(
    error: UndefinedError, file: str, lines: tuple[str, ...], variables: Mapping[str, Any], markup: bool
) -> Diagnostic:
    line = _line_in(error.__traceback__, file)
    message = error.message or "something is not defined"
    word = _WORD.search(message) or _ATTRIBUTE.search(message)
    if word is None:
        return _found("template-error", _sentence(message), file, lines, line)
    name = word[1]
    known = ", ".join(sorted(variables))
    add = "a card knows only its own values" if markup else f"add “{name}: …” to “vars” of station.yaml"
    help = did_you_mean(name, variables) or (add + (f"; known: {known}" if known else ""))
    found = _found("template-undefined", f"“{name}” is not defined", file, lines, line, help)
    at = re.search(rf"\b{name}\b", lines[min(line, len(lines)) - 1])
    if at is None or found.span is None:
        return found
    span = Span(file, found.span.line, at.start() + 1, found.span.line, at.end() + 1)
    return Diagnostic(found.severity, found.code, found.headline, span, help=help)


def _found(
    code: str, headline: str, file: str, lines: tuple[str, ...], line: int, help: str = ""
) -> Diagnostic:
    line = max(1, min(line, len(lines)))
    return Diagnostic(Severity.ERROR, code, headline, _whole(file, line, lines[line - 1]), help=help)


def _whole(file: str, line: int, text: str) -> Span:
    """The whole of a line but for its indentation."""
    begin = len(text) - len(text.lstrip()) + 1
    return Span(file, line, begin, line, max(begin, len(text.rstrip()) + 1))


def _line_in(traceback: TracebackType | None, file: str) -> int:
    """The innermost line of the template in a traceback; Jinja has put template lines into it."""
    line = 1
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == file:
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line


def _sentence(text: str) -> str:
    text = text.strip().removesuffix(".")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text
