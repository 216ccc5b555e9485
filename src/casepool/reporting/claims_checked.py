"""A paper's printed numbers, recomputed, with a filter by what became of them."""

from __future__ import annotations

from casepool.claims import audit
from casepool.claims.files import FILE
from casepool.claims.verdicts import CANNOT, ONLY_AS, REPRODUCES
from casepool.estimation.material import Material
from casepool.reporting.blocks import Block, Cell, Table, Text

TAGS = {CANNOT: "no", ONLY_AS: "as", REPRODUCES: "ok"}
WORDS = {"no": "not at all", "as": "only read otherwise", "ok": "yes"}
MARKS = {"no": "✕", "as": "◐", "ok": "●"}


def audited(material: Material) -> list[Block]:
    """Say of every printed number what became of it; nothing where there is no paper."""
    if material.folder is None or not (material.folder / FILE).is_file():
        return []
    table = audit(material.folder)
    tags = [TAGS[str(verdict)] for verdict in table["verdict"]]
    counts = {tag: tags.count(tag) for tag in WORDS}
    said = (
        f"Of {len(tags)} printed numbers, {counts['ok']} reproduce, {counts['as']} appear only when the table is read "
        f"otherwise than the paper says, and {counts['no']} not at all."
    )
    order = sorted(range(len(tags)), key=lambda i: list(WORDS).index(tags[i]))
    rows = []
    for i in order:
        row, tag = table.iloc[i], tags[i]
        name = str(row["label"] or row["claim"]).replace("_", " ")
        verdict = Cell(f"{MARKS[tag]} {WORDS[tag]}", str(row["reproduces_as"]) if tag == "as" else "")
        rows.append([Cell(name, str(row["where"])), Cell(str(row["printed"])), Cell(str(row["recomputed"])), verdict])
    choices = [(tag, f"{WORDS[tag]}, {counts[tag]}") for tag in WORDS] + [("all", f"all {len(tags)}")]
    return [
        Text(said),
        Table(
            "The printed numbers, recomputed.",
            ["number", "printed", "recomputed", "does it follow?"],
            rows,
            tags=[tags[i] for i in order],
            choices=choices,
            asked="Does the number follow from the paper's own table?",
        ),
    ]
