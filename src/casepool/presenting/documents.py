"""A layout as text of other programs: Markdown and LaTeX, with what stands above and below the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from casepool.escaping import latex_text, markdown_text
from casepool.presenting.layout import Layout


def markdown_of(layout: Layout) -> str:
    """Write a layout as Markdown: title, what all rows share, table with groups as bold rows, notes."""
    width = len(layout.headings)
    rules = ["---:" if numeric else "---" for numeric in layout.numeric]
    rows = [list(map(markdown_text, layout.headings)), rules]
    for block in layout.groups:
        rows += [[f"**{markdown_text(block.name)}**", *[""] * (width - 1)]] if block.name else []
        rows += [list(map(markdown_text, row)) for row in block.rows]
    above = [f"**{markdown_text(layout.title)}**"] if layout.title else []
    above += [markdown_text(layout.caption)] if layout.shared else []
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return "\n\n".join([*above, table, *map(markdown_text, layout.footnotes)]) + "\n"


def latex_of(layout: Layout) -> str:
    """Write a layout as LaTeX: title, what all rows share, a tabular with groups over all columns, notes."""
    columns = "".join("r" if numeric else "l" for numeric in layout.numeric)
    above = [rf"\textbf{{{latex_text(layout.title)}}}\par"] if layout.title else []
    above += [rf"{latex_text(layout.caption)}\par"] if layout.shared else []
    head = [rf"\begin{{tabular}}{{{columns}}}", r"\hline", _row(layout.headings), r"\hline"]
    below = [rf"\par {latex_text(note)}" for note in layout.footnotes]
    return "\n".join([*above, *head, *_body(layout), r"\hline", r"\end{tabular}", *below]) + "\n"


def _body(layout: Layout) -> Iterator[str]:
    for block in layout.groups:
        if block.name:
            yield rf"\multicolumn{{{len(layout.headings)}}}{{l}}{{\textbf{{{latex_text(block.name)}}}}} \\"
        yield from map(_row, block.rows)


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(latex_text, cells)) + r" \\"
