"""A table or figure of a page as a link that holds the whole file."""

from __future__ import annotations

import base64

from casepool.presenting.files import table_text
from casepool.reporting.blocks import Figure, Lever
from casepool.reporting.frames import frame_of
from casepool.reporting.numbering import Numbered, what


def file_name(block: Numbered) -> str:
    """Name the file of a table or figure."""
    return f"{what(block).lower()}-{block.number}.{form_of(block).lower()}"


def form_of(block: Numbered) -> str:
    """Name the form a table or figure is downloaded in."""
    return "SVG" if isinstance(block, Figure) else "CSV"


def content_of(block: Numbered) -> bytes:
    """Return the file of a table, of a lever that of its default, or of a figure."""
    if isinstance(block, Figure):
        return str(block.wide.svg(block.alt, alone=True)).encode()
    shown = block.choices[0][1] if isinstance(block, Lever) else block
    return table_text(frame_of(shown), "csv", public=True).encode()


def data_of(block: Numbered) -> str:
    """Return the file as an address."""
    kind = "image/svg+xml" if isinstance(block, Figure) else "text/csv"
    return f"data:{kind};base64,{base64.b64encode(content_of(block)).decode('ascii')}"
