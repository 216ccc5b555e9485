"""A layout as a fragment of HTML, for a notebook: escaped, without a script, readable on light and dark ground."""

from __future__ import annotations

from collections.abc import Sequence

from casepool.escaping import html_text
from casepool.presenting.layout import Layout

SHAPE = "vertical-align:top;padding-right:1em"
LEFT, RIGHT = f"text-align:left;{SHAPE}", f"text-align:right;white-space:nowrap;{SHAPE}"
CAPTION = "text-align:left;caption-side:top"


def html_of(layout: Layout, most: int | None = None) -> str:
    """Write a layout as one table of HTML with what stands above and below it, of more rows the first and last."""
    above = [f"<strong>{html_text(layout.title)}</strong>"] * bool(layout.title)
    above += [f"<small>{html_text(layout.caption)}</small>"] * bool(layout.shared)
    lines = ["<table>"]
    lines += [f'<caption style="{CAPTION}">{"<br>".join(above)}</caption>'] * bool(above)
    lines += [f"<thead>{_row('th', layout.headings, layout.numeric)}</thead>", "<tbody>"]
    hidden, place = layout.hidden(most), 0
    for block in layout.groups:
        places = range(place, place := place + len(block.rows))
        named = block.name and not set(places) <= set(hidden)
        lines += [_heading(block.name, len(layout.headings))] if named else []
        for i, row in zip(places, block.rows, strict=True):
            lines += [_heading(f"… {len(hidden)} rows more", len(row))] if hidden and i == hidden[0] else []
            lines += [_row("td", row, layout.numeric)] if i not in hidden else []
    lines += ["</tbody>", "</table>", *(f"<div><small>{html_text(note)}</small></div>" for note in layout.footnotes)]
    return "\n".join(lines)


def _heading(name: str, columns: int) -> str:
    return f'<tr><th colspan="{columns}" style="{LEFT}">{html_text(name)}</th></tr>'


def _row(tag: str, cells: Sequence[str], numeric: Sequence[bool]) -> str:
    written = [
        f'<{tag} style="{RIGHT if number else LEFT}">{html_text(cell)}</{tag}>'
        for cell, number in zip(cells, numeric, strict=True)
    ]
    return f"<tr>{''.join(written)}</tr>"
