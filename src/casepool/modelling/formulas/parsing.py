"""A formula's text becomes a tree of words; formulae, which Bambi is built on, scans and parses it, and no more."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from casepool.arguments import name_of
from casepool.errors import CasepoolError
from casepool.escaping import shorten

LONGEST = 2_000
"""Characters of a formula, at most."""
READABLE = "write it as response ~ age + (1 | histology)"


SPELT = {"call": "{text}({inner})", "group": "({inner})", "unary": "{text}{inner}", "level": "{text}[{inner}]"}
"""How words are written that join others otherwise than by standing between them."""
SIGNS = {
    "PERIOD": ("all other columns, by `.`", "name them"),
    "MODULO": ("an operator in %", "make a column of the combined labels, and write (1 | column)"),
    "BANG": ("a negation, by `!`", "write cens(1 - event), or Surv(time, event)"),
}
"""Signs that the parser does not know: what they ask for, and what to do instead."""


@dataclass(frozen=True)
class Node:
    """A word of a formula, or several joined.

    Parameters
    ----------
    kind : str
        "name", "level" (a name with one of its levels), "number", "text", "call", "binary", "unary", "group" or
        "assign".
    text : str
        The name, value, function or operator.
    parts : tuple of Node
        What it joins.
    """

    kind: str
    text: str
    parts: tuple[Node, ...] = ()

    def __str__(self) -> str:
        inner = [str(part) for part in self.parts]
        if self.kind in ("binary", "assign"):
            return f" {self.text} ".join(inner)
        return SPELT.get(self.kind, "{text}").format(text=self.text, inner=", ".join(inner))

    def is_op(self, *operators: str) -> bool:
        """Whether it joins two others by one of these operators."""
        return self.kind == "binary" and self.text in operators

    def spread(self, operator: str) -> Iterator[Node]:
        """Yield what an operator joins, through parentheses."""
        if self.is_op(operator):
            for part in self.parts:
                yield from part.spread(operator)
        elif self.kind == "group" and self.parts[0].is_op(operator):
            yield from self.parts[0].spread(operator)
        else:
            yield self


def sides_of(formula: Any) -> tuple[Node, Node]:
    """Return the two sides of a formula.

    Raises
    ------
    CasepoolError
        If it is no text, too long, none that can be read, or without a left side.
    """
    text = name_of(formula, "formula", READABLE)
    if len(text) > LONGEST:
        raise CasepoolError(f"a formula of more than {LONGEST} characters", value=len(text), remedy=READABLE)
    tree = _parsed(text)
    if not tree.is_op("~"):
        raise CasepoolError("a formula needs an outcome, `~`, and terms", value=text, remedy=READABLE)
    return tree.parts[0], tree.parts[1]


def _parsed(text: str) -> Node:
    """Scan and parse; the parser stops where it understands no more, and says nothing of what is left."""
    try:
        from formulae.parser import ParseError, Parser
        from formulae.scanner import ScanError, Scanner
    except ImportError:
        remedy = "install it: pip install 'casepool[formula]'"
        raise CasepoolError("formulas need the package formulae", remedy=remedy) from None
    try:
        tokens = Scanner(text).scan(add_intercept=False)
        _refuse_signs([token.kind for token in tokens], text)
        parser = Parser(tokens)
        tree, rest = _node(parser.parse()), parser.peek().lexeme
    except (ParseError, ScanError) as error:
        problem = f"this is no formula ({shorten(str(error).rstrip('.'))})"
        raise CasepoolError(problem, value=text, remedy=READABLE) from None
    except CasepoolError:
        raise
    except (ValueError, IndexError, RecursionError):  # of a number, a quotation without end, parentheses without end
        raise CasepoolError("this is no formula", value=text, remedy=READABLE) from None
    if not parser.at_end():
        raise CasepoolError(f"this is no formula from `{rest}` on", value=text, remedy=READABLE)
    return tree


def _refuse_signs(kinds: list[str], text: str) -> None:
    """Refuse signs that the parser stumbles over, by what they ask for."""
    found = [SIGNS[kind] for kind in kinds if kind in SIGNS]
    if ("PIPE", "PIPE") in itertools.pairwise(kinds):
        found.append(("slopes without correlation, by `||`", "write (1 | column)"))
    for what, remedy in found:
        raise CasepoolError(f"the formula asks for {what}", value=text, remedy=remedy)


def _node(tree: Any) -> Node:  # noqa: PLR0911
    """Return a tree of formulae as our own; its classes are told by their names."""
    match type(tree).__name__:
        case "Binary":
            return Node("binary", tree.operator.lexeme, (_node(tree.left), _node(tree.right)))
        case "Unary":
            return Node("unary", tree.operator.lexeme, (_node(tree.right),))
        case "Call":
            called = _node(tree.callee)
            return Node("call", str(called), tuple(_node(argument) for argument in tree.args))
        case "Assign":
            return Node("assign", "=", (_node(tree.name), _node(tree.value)))
        case "Grouping":
            return Node("group", "", (_node(tree.expression),))
        case "QuotedName":
            return Node("name", tree.expression.lexeme.strip("`"))
        case "Variable" if tree.level is not None:
            return Node("level", tree.name.lexeme, (Node("text", str(tree.level.value)),))
        case "Variable":
            return Node("name", tree.name.lexeme)
    return Node("text" if isinstance(tree.value, str) else "number", str(tree.value))
