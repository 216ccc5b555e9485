"""Workbooks: tables in which something is wrong, and files that other programs, accidents and malice make."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from typing import Any

import openpyxl
from openpyxl.styles import Font
from openpyxl.utils.exceptions import IllegalCharacterError

from benchmarks.hostile import ACCEPT, EITHER, REFUSE, WARN, Rng, TableFile
from benchmarks.hostile_dates import DATED
from benchmarks.hostile_tables import MUTATIONS, Contents, fine

CONTENTS = [*MUTATIONS, *DATED]
"""What is done to the contents of a table."""

SHEET, STRINGS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

VITAL = ("[Content_Types].xml", "xl/workbook.xml", SHEET)


def sheet_of(t: Contents, above: list[list[Any]] | None = None) -> Any:
    """Return an openpyxl workbook of one sheet."""
    book = openpyxl.Workbook()
    for row in [*(above or []), *t.rows()]:
        book.active.append(row)
    for cell in (cell for row in book.active for cell in row if isinstance(cell.value, str)):
        cell.data_type = "s"  # a text is a text, whatever sign it begins with
    return book


def saved(book: Any) -> bytes:
    """Return a workbook's bytes."""
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def parts_of(data: bytes) -> dict[str, bytes]:
    """Return the parts of a workbook."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a workbook made of parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return stream.getvalue()


# What a spreadsheet can do to a sheet: each changes an openpyxl workbook and says what must become of it.


def plain(rng: Rng, t: Contents, book: Any) -> None:
    """Change nothing."""


def lines_above(rng: Rng, t: Contents, book: Any) -> None:
    """Put blank rows, a title or a portal's comments above the header."""
    lines = rng.choice([[None], ["Table 1. Patients"], ["#Patient Identifier", "#Age"], ["# a", "# b"]])
    count = rng.randint(1, 4)
    for _ in range(count):
        book.active.insert_rows(1)
        for i, cell in enumerate(lines, 1):
            book.active.cell(1, i, cell)
    t.must(ACCEPT if lines == [None] else WARN)


def two_rows(rng: Rng, t: Contents, book: Any) -> None:
    """Put groups over the names: merged over their columns, repeated, or written once; told in the codebook or not."""
    sheet, how, told = book.active, rng.choice(["merged", "repeated", "once"]), rng.random() < 0.5
    sheet.insert_rows(1)
    groups = {"age": ("age", "group"), "best": ("best", "months")}
    for name, ends in groups.items():
        first, last = (t.names.index(end) + 1 for end in ends)
        for column in range(first, last + 1) if how == "repeated" else [first]:
            sheet.cell(1, column, f"of {name}")
        if how == "merged":
            sheet.merge_cells(start_row=1, start_column=first, end_row=1, end_column=last)
        for column in range(first, last + 1):
            _rename(t, t.names[column - 1], f"of {name} {t.names[column - 1]}")
    if how != "merged":  # where nothing says how far a group reaches, each is said to end
        for name in ("partner", "death"):
            column = t.names.index(name) + 1
            sheet.cell(1, column, "more")
            for each in t.names[column - 1 :] if name == "death" else [name]:
                _rename(t, each, f"more {each}")
    if told and t.book:
        t.book["file"] = {"header": [1, 2]}
        t.must(ACCEPT)
    else:
        t.must({"merged": WARN, "repeated": REFUSE}.get(how, EITHER))
        t.told_values = how == "merged"


def _rename(t: Contents, old: str, new: str) -> None:
    """Give a column another name, in the table and the codebook."""
    t.cells = {new if name == old else name: column for name, column in t.cells.items()}
    t.names = list(t.cells)
    if t.book:
        t.book["columns"] = {new if name == old else name: column for name, column in t.book["columns"].items()}


def notes_below(rng: Rng, t: Contents, book: Any) -> None:
    """Write notes below the table, or the header once more within it."""
    sheet = book.active
    if rng.random() < 0.3:
        sheet.insert_rows(4)
        for i, name in enumerate(t.names, 1):
            sheet.cell(4, i, name)
    else:
        for row in rng.choice(
            [[[], ["by RECIST"]], [["* by RECIST 1.1"]], [["Note: IMT, as above"], ["Source: the clinic"]]]
        ):
            sheet.append(row)
    t.must(WARN)


def hidden(rng: Rng, t: Contents, book: Any) -> None:
    """Hide a row or a column."""
    sheet = book.active
    if rng.random() < 0.5:
        sheet.row_dimensions[rng.randint(2, t.n + 1)].hidden = True
    else:
        sheet.column_dimensions[rng.choice("BCDEF")].hidden = True
    t.must(WARN)


def filtered(rng: Rng, t: Contents, book: Any) -> None:
    """Filter the rows."""
    book.active.auto_filter.ref = book.active.dimensions
    book.active.auto_filter.add_filter_column(3, ["IMT"])
    for row in range(2, t.n + 2):
        book.active.row_dimensions[row].hidden = book.active.cell(row, 4).value != "IMT"
    t.must(WARN if "IMT" not in t.cells["group"] or set(t.cells["group"]) != {"IMT"} else EITHER)


def struck_out(rng: Rng, t: Contents, book: Any) -> None:
    """Strike a row out."""
    row = rng.randint(2, t.n + 1)
    for cell in book.active[row]:
        cell.font = Font(strike=True)
    t.must(WARN)


def error_cell(rng: Rng, t: Contents, book: Any) -> None:
    """Put a cell in error."""
    row, name = rng.randint(2, t.n + 1), rng.choice(["age", "group", "months", "death"])
    cell = book.active.cell(row, t.names.index(name) + 1)
    cell.value, cell.data_type = rng.choice(["#N/A", "#DIV/0!", "#REF!"]), "e"
    t.must(REFUSE, row - 1, name)


def formula(rng: Rng, t: Contents, book: Any) -> None:
    """Put a formula that nothing has computed."""
    row, name = rng.randint(2, t.n + 1), rng.choice(["age", "group", "months"])
    book.active.cell(row, t.names.index(name) + 1).value = "=1+1"
    t.must(REFUSE, row - 1, name)


def sheets(rng: Rng, t: Contents, book: Any) -> None:
    """Add sheets behind the first, or a hidden or an empty one before it."""
    what = rng.choice(["behind", "hidden before", "empty before", "named", "misnamed"])
    other = book.create_sheet("other", 0 if "before" in what else None)
    if what != "empty before":
        other.append(["x", "y"])
        other.append([1, 2])
    if what == "hidden before":
        other.sheet_state = rng.choice(["hidden", "veryHidden"])
        book.active = 1
    if what in ("named", "misnamed") and t.book:
        t.book["file"] = {"sheet": "Sheet" if what == "named" else "Sheep"}
    t.must(REFUSE if what == "misnamed" else ACCEPT, None, None, *(["Sheep"] if what == "misnamed" else []))


def numbers_as_text(rng: Rng, t: Contents, book: Any) -> None:
    """Store numbers and booleans as text."""
    for name in ("age", "months", "line"):
        for row in range(2, t.n + 2):
            cell = book.active.cell(row, t.names.index(name) + 1)
            cell.value = None if cell.value is None else str(cell.value)


def shown_otherwise(rng: Rng, t: Contents, book: Any) -> None:
    """Show numbers with other decimals, colours or signs than they have."""
    for row in range(2, t.n + 2):
        book.active.cell(row, t.names.index("age") + 1).number_format = rng.choice(["0", "0.00E+00", '0" y"', "@"])


def decorations(rng: Rng, t: Contents, book: Any) -> None:
    """Add what is no cell: a comment, a link, a check of input, a name, a frozen pane, a password."""
    from openpyxl.comments import Comment
    from openpyxl.worksheet.datavalidation import DataValidation

    sheet = book.active
    sheet["B2"].comment = Comment("seen", "x")
    sheet["A2"].hyperlink = "https://example.org"
    sheet.add_data_validation(DataValidation(type="list", formula1='"a,b"'))
    sheet.freeze_panes = "B2"
    sheet.protection.sheet = rng.random() < 0.5
    book.properties.title = "x\u202ey"


def merged(rng: Rng, t: Contents, book: Any) -> None:
    """Merge cells, some of them with contents of their own."""
    book.active.merge_cells(rng.choice(["D2:D4", "B2:C2", "A1:B1", "A2:N3"]))
    t.must(EITHER)
    t.told_values = False


def far_cell(rng: Rng, t: Contents, book: Any) -> None:
    """Format, or fill, a cell far away from the table."""
    cell = book.active.cell(rng.randint(40, 3000), rng.randint(20, 200))
    cell.font = Font(bold=True)
    if rng.random() < 0.5:
        cell.value = "x"
        t.must(EITHER)
        t.told_values = False


SPREADSHEET: list[Callable[[Rng, Contents, Any], None]] = [
    *(
        plain,
        two_rows,
        two_rows,
        notes_below,
        lines_above,
        hidden,
        filtered,
        struck_out,
        error_cell,
        formula,
        sheets,
        numbers_as_text,
    ),
    *(shown_otherwise, decorations, merged, far_cell),
]


# What is done to the parts of a file: each changes them, or returns bytes instead.


def dimension(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Tell a size that the sheet has not."""
    ref = rng.choice(["A1:XFD1048576", "A1:A1", "A1", "C3:D4", "", "nonsense", "A0:B0", "ZZZZ1:ZZZZZ9"])
    parts[SHEET] = re.sub(rb'<dimension ref="[^"]*"\s*/>', f'<dimension ref="{ref}"/>'.encode(), parts[SHEET])
    t.must(ACCEPT if ref in ("A1:XFD1048576", "A1:A1", "A1", "C3:D4") else EITHER)


def cell_xml(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Replace a cell's XML by what is no cell, or not where it says."""
    cells = re.findall(rb"<c [^>]*?>.*?</c>", parts[SHEET])
    old = rng.choice(cells[len(t.names) :])
    ref = re.search(rb'r="([A-Z]+\d+)"', old)
    at = ref[1] if ref else b"B2"
    new = rng.choice(
        [
            b'<c r="%s" t="s"><v>99999</v></c>' % at,
            b'<c r="%s" t="s"><v>-1</v></c>' % at,
            b'<c r="%s" t="s"><v>x</v></c>' % at,
            b'<c r="%s" t="s"><v></v></c>' % at,
            b'<c r="%s" t="b"><v>7</v></c>' % at,
            b'<c r="%s" t="b"><v>x</v></c>' % at,
            b'<c r="%s" t="n"><v>1e999</v></c>' % at,
            b'<c r="%s" t="n"><v>nan</v></c>' % at,
            b'<c r="%s" t="n"><v>abc</v></c>' % at,
            b'<c r="%s" t="n"><v>%s</v></c>' % (at, b"9" * 5000),
            b'<c r="%s" t="d"><v>2020-13-45</v></c>' % at,
            b'<c r="%s" t="zz"><v>1</v></c>' % at,
            b'<c r="%s" s="9999"><v>1</v></c>' % at,
            b'<c r="%s" s="-1"><v>1</v></c>' % at,
            b'<c r="%s" s="x"><v>1</v></c>' % at,
            b'<c r="ZZZZZ9"><v>1</v></c>',
            b'<c r="A0"><v>1</v></c>',
            b'<c r=""><v>1</v></c>',
            b'<c r="7"><v>1</v></c>',
            b'<c r="%s"><v>1</v><v>2</v></c>' % at,
            b'<c r="%s" t="inlineStr"/>' % at,
            b'<c r="%s" t="inlineStr"><is><t>a</t><t>b</t></is></c>' % at,
            b'<c r="%s" t="str"><f>1+</f><v>x</v></c>' % at,
            b'<c r="%s"><f t="shared" si="9"/><v>3</v></c>' % at,
            b'<c r="%s"><f t="array" ref="zz">1</f><v>3</v></c>' % at,
            b'<c r="%s"><v>1</v>' % at,
            b"<c><v>1</v></c>",
            b"<d/>",
            b'<c r="%s" cm="1" vm="1"><v>3</v></c>' % at,
        ]
    )
    parts[SHEET] = parts[SHEET].replace(old, new, 1)
    t.must(EITHER)
    t.told_values = False


def rows_xml(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Give rows other numbers, the same one, or none."""
    what = rng.choice(["no numbers", "r=0", "r=-3", "r=x", "r=1e9", "twice", "no sheetData", "two sheetData"])
    xml = parts[SHEET]
    if what == "no numbers":
        xml = re.sub(rb'(<row )r="\d+"', rb"\1", re.sub(rb'(<c )r="[A-Z]+\d+"', rb"\1", xml))
    elif what.startswith("r="):
        xml = xml.replace(b'<row r="3"', f'<row r="{what[2:]}"'.encode())
    elif what == "twice":
        xml = xml.replace(b'<row r="4"', b'<row r="3"')
    elif what == "no sheetData":
        xml = re.sub(rb"<sheetData>.*</sheetData>", b"", xml, flags=re.DOTALL)
    else:
        xml = xml.replace(
            b"</sheetData>", b"</sheetData><sheetData><row r='2'><c r='A2'><v>1</v></c></row></sheetData>"
        )
    parts[SHEET] = xml
    t.must(REFUSE if what == "no sheetData" else EITHER)
    t.told_values = what == "no numbers"


def shared_strings(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Keep texts in a part of their own, as spreadsheets do and openpyxl does not."""
    strings: list[bytes] = []

    def moved(match: re.Match[bytes]) -> bytes:
        strings.append(match[2])
        return b'%s t="s"><v>%d</v></c>' % (match[1], len(strings) - 1)

    text = rb'(<c (?:(?!t=)[^>])*) t="inlineStr"><is>(.*?)</is></c>'
    parts[SHEET] = re.sub(text, moved, parts[SHEET], flags=re.DOTALL)
    items = b"".join(b"<si>%s</si>" % item for item in strings)
    parts[STRINGS] = f'<sst xmlns="{MAIN}">'.encode() + items + b"</sst>"
    types, rels = "[Content_Types].xml", "xl/_rels/workbook.xml.rels"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    of = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    part = f'<Override PartName="/{STRINGS}" ContentType="{kind}"/></Types>'
    parts[types] = parts[types].replace(b"</Types>", part.encode())
    rel = f'<Relationship Id="rId99" Type="{of}" Target="sharedStrings.xml"/></Relationships>'
    parts[rels] = parts[rels].replace(b"</Relationships>", rel.encode())


def part_gone(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Leave out a part."""
    name = rng.choice(sorted(parts))
    del parts[name]
    vital = name in VITAL
    t.must(REFUSE if vital else EITHER)
    t.told_values = name not in ("xl/styles.xml", STRINGS)


def part_replaced(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Put nothing, nonsense or other XML in the place of a part."""
    name = rng.choice(sorted(parts))
    parts[name] = rng.choice([b"", b"nonsense", b"<a/>", b"\xff\xfe", b"<?xml version='1.1'?><a/>", b"<a>&b;</a>"])
    vital = name in VITAL
    t.must(REFUSE if vital else EITHER)
    t.told_values = "styles" not in name and "sharedStrings" not in name


def part_words(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Change an attribute's value in any part but the cells."""
    name = rng.choice(sorted(set(parts) - {SHEET}))
    values = list(re.finditer(rb'="([^"]*)"', parts[name]))
    if values:
        at = rng.choice(values)
        word = rng.choice(
            [b"", b"-1", b"x", b"../../../etc/passwd", b"1e999", b"http://x.invalid/", b"true", b"9" * 30]
        )
        parts[name] = parts[name][: at.start(1)] + word + parts[name][at.end(1) :]
    t.must(EITHER)
    t.told_values = name not in ("xl/workbook.xml", "xl/styles.xml", STRINGS)


def encoded(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Write a part in another encoding, or say so only."""
    name = rng.choice([SHEET, "xl/workbook.xml"])
    text = re.sub(r"^<\?xml[^>]*\?>", "", parts[name].decode())
    what = rng.choice(["utf-16", "bom", "latin-1 said", "utf-7 said", "unknown said", "null"])
    parts[name] = {
        "utf-16": f'<?xml version="1.0" encoding="UTF-16"?>{text}'.encode("utf-16"),
        "bom": b"\xef\xbb\xbf" + text.encode(),
        "latin-1 said": f'<?xml version="1.0" encoding="ISO-8859-1"?>{text}'.encode(),
        "utf-7 said": f'<?xml version="1.0" encoding="UTF-7"?>{text}'.encode(),
        "unknown said": f'<?xml version="1.0" encoding="nothing"?>{text}'.encode(),
        "null": text.encode().replace(b">", b">\x00", 1),
    }[what]
    t.must({"bom": ACCEPT, "null": REFUSE}.get(what, EITHER))
    t.told_values = what in ("utf-16", "bom")


def doctype(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Declare entities that grow, or that name another file."""
    entity = rng.choice(["'lol'", "SYSTEM 'file:///etc/passwd'", "SYSTEM 'http://x.invalid/'"])
    name = rng.choice([SHEET, "xl/workbook.xml", STRINGS, "xl/styles.xml", "docProps/core.xml"])
    text = re.sub(rb"^<\?xml[^>]*\?>", b"", parts[name])
    parts[name] = f"<?xml version='1.0'?><!DOCTYPE l [<!ENTITY a {entity}>]>".encode() + text
    t.must(REFUSE)


def bomb(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Put a part that is small and unpacks to more than the documents allow, under any name."""
    head = f'<worksheet xmlns="{MAIN}"><sheetData>'.encode()
    name = rng.choice([SHEET, STRINGS, "xl/worksheets/sheet1.bin", "xl/styles.xml", "a.txt"])
    parts[name] = head + rng.choice(
        [b"<row><c/></row>" * 2_200_000, b"<a>" * 100_000, b"<a/>" * 600_000, b"<a b='" + b" " * 2_000_000]
    )
    t.must(REFUSE)


def many_cells(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Span more cells than the documents allow."""
    far = rng.choice(
        [b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', b'<row r="99999999999"><c><v>1</v></c></row>']
    )
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", far + b"</sheetData>")
    t.must(REFUSE)


def repeated_text(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Keep a long text once, and show it in many cells."""
    row = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (i, i) for i in range(t.n + 2, 20_000))
    parts[SHEET] = parts[SHEET].replace(b"</sheetData>", row + b"</sheetData>")
    parts[STRINGS] = parts[STRINGS].replace(b"<t>", b"<t>" + b"x" * 20_000, 1)
    t.must(REFUSE)


def many_parts(rng: Rng, t: Contents, parts: dict[str, bytes]) -> None:
    """Hold more parts than the documents allow."""
    parts |= {f"{i}.xml": b"<a/>" for i in range(2_001)}
    t.must(REFUSE)


PARTS: list[Callable[[Rng, Contents, dict[str, bytes]], None]] = [
    *(dimension, cell_xml, cell_xml, rows_xml, part_gone, part_replaced, part_words),
    *(encoded, doctype, bomb, many_cells, many_parts, repeated_text),
]


# What is done to bytes.


def flipped(rng: Rng, t: Contents, data: bytes) -> bytes:
    """Flip bits; contents have a checksum, so what is read then is what was written."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    t.must(EITHER)
    return bytes(changed)


def cut(rng: Rng, t: Contents, data: bytes) -> bytes:
    """End a file too early."""
    t.must(REFUSE)
    return data[: rng.randrange(len(data) - 22)]


def around(rng: Rng, t: Contents, data: bytes) -> bytes:
    """Put bytes before or behind."""
    t.must(EITHER)
    more = rng.choice([b"\x00", b"PK\x05\x06", b"MZ", b"\xef\xbb\xbf", b"patient,age\n1,2\n"])
    return more + data if rng.random() < 0.5 else data + more


def packed(rng: Rng, t: Contents, data: bytes) -> bytes:
    """Pack otherwise."""
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    method = rng.choice(methods)
    t.must(ACCEPT if method in methods[:2] else EITHER)
    return zipped(parts_of(data), method)


def flags(rng: Rng, t: Contents, data: bytes) -> bytes:
    """Say that the parts are encrypted, or packed in a way nobody knows."""
    t.must(REFUSE)
    what = rng.choice(["encrypted", "method"])
    changed = bytearray(data)
    for sign, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        for at in [m.start() for m in re.finditer(re.escape(sign), data)]:
            changed[at + offset if what == "encrypted" else at + offset + 2] = 1 if what == "encrypted" else 77
    return bytes(changed)


def other_kind(rng: Rng, t: Contents, data: bytes) -> bytes:
    """Give another program's file."""
    t.must(REFUSE)
    old, zips = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), zipped({"content.xml": b"<a/>", "mimetype": b"x"})
    return rng.choice([old, zips, zipped({}), b"PK\x03\x04", b"PK", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"{\\rtf1"])


BYTES: list[Callable[[Rng, Contents, bytes], bytes]] = [flipped, flipped, cut, around, packed, flags, other_kind]


def workbook(rng: Rng, *, heavy: bool = True) -> TableFile:
    """Return a workbook and what must become of it; without `heavy`, nothing that takes more than a moment to make."""
    t = fine(rng)
    way = rng.random()
    change: Any = rng.choice(CONTENTS if way < 0.4 else SPREADSHEET if way < 0.65 else PARTS if way < 0.9 else BYTES)
    while not heavy and change in (bomb, many_parts, repeated_text):
        change = rng.choice(PARTS)
    if change in CONTENTS:
        change(rng, t)
        try:
            data = saved(sheet_of(t))
        except IllegalCharacterError:  # of which a workbook can hold none
            return workbook(rng, heavy=heavy)
    elif change in SPREADSHEET:
        book = sheet_of(t)
        change(rng, t, book)
        data = saved(book)
        if rng.random() < 0.5:
            shared_strings(rng, t, parts := parts_of(data))
            data = zipped(parts)
    elif change in PARTS:
        parts = parts_of(saved(sheet_of(t)))
        shared_strings(rng, t, parts)
        change(rng, t, parts)
        data = zipped(parts)
    else:
        data = change(rng, t, saved(sheet_of(t)))
    ending = rng.choice([".xlsx", ".xlsx", ".xlsm", ".csv"])
    new = way < 0.4 and rng.random() < 0.1
    return TableFile(change.__name__, t.verdict, data, ending, t.text(), t.values(), t.row, t.column, t.told, new=new)
