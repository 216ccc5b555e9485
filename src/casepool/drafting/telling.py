"""What a new folder holds, what is still to be said in it, and what to do next, line by line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from casepool.drafting.folders import NewFolder


def told_of(made: NewFolder) -> Iterator[str]:
    """Yield what was written, what is open, and the next command."""
    files = ["cases.csv", "codebook.toml", *(f"{kind}.toml" for kind in made.drafts)]
    yield f"wrote {', '.join(str(made.path / file) for file in files)}"
    yield from _by_file("to say", {kind: one.asked for kind, one in made.drafts.items()})
    yield from _by_file("to look at", {kind: one.taken for kind, one in made.drafts.items()})
    yield from (f"to look at, in codebook.toml: {said}" for said in made.taken)
    shown = dict.fromkeys(name for one in made.drafts.values() for name in one.shown)
    if shown:
        listed = ", ".join(map(repr, shown))
        yield f"to look at: a page shows the labels of {listed}; take the term away if one names a patient"
    yield from (f"no {said}" for said in made.lacking)
    if made.lacking:
        yield f"after such an edit: casepool draft KIND {made.path}, and list the file under `report`"
    yield f"next: casepool validate {made.path}" + f", then casepool report {made.path}" * bool(made.drafts)


def _by_file(what: str, said: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Yield every text once, with the files it is about."""
    for text in dict.fromkeys(text for texts in said.values() for text in texts):
        files = " and ".join(f"{kind}.toml" for kind, texts in said.items() if text in texts)
        yield f"{what}, in {files}: {text}"
