"""Small dataset folders with claims, for laws of the audit."""

import json

import pandas as pd

from casepool.claims import audit
from tests.frequentist import freireich

COLUMNS = """title = "{title}"
public = {public}
id = "patient"
"""


def folder_of(path, frame, claims, *, codebook="", title="Small", public=True):
    """Write a dataset: `claims` are (printed, statistic, arguments)."""
    path.mkdir(exist_ok=True)
    frame = frame.assign(patient=[f"P{i}" for i in range(1, len(frame) + 1)]) if "patient" not in frame else frame
    frame.to_csv(path / "cases.csv", index=False)
    own = COLUMNS.format(title=title, public=str(public).lower())
    (path / "codebook.toml").write_text(own + codebook, encoding="utf-8")
    text = [claim_text(f"c{i}", *claim) for i, claim in enumerate(claims)]
    (path / "published.toml").write_text("\n".join(text), encoding="utf-8")
    return path


def claim_text(name, printed, statistic, arguments):
    return (
        f'[[claim]]\nid = "{name}"\nwhere = "Results"\nprinted = {json.dumps(printed, ensure_ascii=False)}\n'
        f'convention = "as named"\nstatistic = "{statistic}"\narguments = {inline(arguments)}\n'
    )


def inline(value):
    """Write plain data as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(own)}" for key, own in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    return json.dumps(value)


def audited(path, frame, claims, **more):
    """Return the audit of claims of a table, by the order of the claims."""
    return audit(folder_of(path, frame, claims, **more))


def remission():
    """The 6-MP trial as a table."""
    relapse = ["yes" if event else "no" for event in freireich.EVENT]
    arm = ["placebo" if second else "6-MP" for second in freireich.ARM]
    return pd.DataFrame({"weeks": freireich.TIME, "relapse": relapse, "arm": arm, "log_wbc": freireich.LOG_WBC})


REMISSION = """
[columns.weeks]
role = "time"
type = "number"
unit = "weeks"
[columns.relapse]
role = "event"
type = "boolean"
[columns.arm]
type = "category"
levels = ["placebo", "6-MP"]
[columns.log_wbc]
type = "number"
"""
