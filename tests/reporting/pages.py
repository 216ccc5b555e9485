"""Reading a report as a browser does."""

import re
from html.parser import HTMLParser
from pathlib import Path

VOID = {"meta", "img", "br", "wbr", "link", "input", "hr", "rect", "line", "circle", "polyline", "polygon"}


class Page(HTMLParser):
    """A report: elements, their attributes, the text of every section, and whether all tags close."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.sections: dict[str, str] = {"": ""}
        self.open: list[str] = []
        self.section = ""
        self.unclosed: list[str] = []
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.section = dict(attrs)["id"]
            self.sections[self.section] = ""

    def handle_startendtag(self, tag: str, attrs: list) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.unclosed.append(tag)
        if tag in ("td", "th", "li", "p", "small", "text", "summary", "legend", "label"):
            self.sections[self.section] += " "

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "script"):
            self.sections[self.section] += re.sub(r"\s+", " ", data)

    @property
    def text(self) -> str:
        return "".join(self.sections.values())

    def attributes(self, name: str) -> list[str]:
        return [attrs[name] for _, attrs in self.elements if name in attrs]
