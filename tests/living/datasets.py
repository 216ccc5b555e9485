"""Small dataset folders that tests let grow."""

from pathlib import Path

import casepool as cp
from casepool._resources import bundled

ROWS = """patient,site,response,months,died,note
a,limb,yes,4,true,
b,limb,no,9.5,false,"one, two"
c,limb,yes,12,false,
d,trunk,yes,7,true,
e,trunk,no,3,true,
f,trunk,no,15,false,
g,limb,yes,20,false,
h,trunk,,6,false,
"""
CODEBOOK = """id = "patient"
public = {public}
at = [6.0]
report = [{report}]
[columns.patient]
type = "text"
[columns.site]
type = "category"
[columns.response]
type = "ordered"
levels = ["no", "yes"]
[columns.months]
type = "number"
[columns.died]
type = "boolean"
[columns.note]
type = "text"
[codings.case_b.responder]
why = "test"
set = [{{ patient = "b", response = "yes" }}]
"""
RESPONSE = """family = "bernoulli"
[outcome]
column = "response"
levels = ["no", "yes"]
success = ["yes"]
[terms.site]
kind = "group"
[priors.intercept]
dist = "Normal"
mu = 0.0
sigma = 1.5
why = "test"
[priors.site_sd]
dist = "HalfNormal"
sigma = 1.0
why = "test"
"""
SURVIVAL = """family = "exponential"
[outcome]
time = "months"
event = "died"
unit = "months"
[priors.intercept]
dist = "Normal"
mu = -3.0
sigma = 1.0
why = "test"
"""
HISTOLOGY = RESPONSE.replace("site", "histology").replace("mu = 0.0", "mu = 1.0")
CASE = {"patient": "i", "site": "limb", "response": "no", "months": 5, "died": False}
QUIET = {"seed": 1, "progress": False}


def small(folder: Path, *models: str, public: bool = True, rows: str = ROWS) -> Path:
    """Eight patients, and of the models `response` and `survival` those that are named."""
    folder.mkdir()
    report = ", ".join(f'"{name}.toml"' for name in models or ("response",))
    (folder / "cases.csv").write_text(rows, encoding="utf-8")
    (folder / "codebook.toml").write_text(CODEBOOK.format(public=str(public).lower(), report=report), encoding="utf-8")
    (folder / "response.toml").write_text(RESPONSE, encoding="utf-8")
    (folder / "survival.toml").write_text(SURVIVAL, encoding="utf-8")
    return folder


def crizotinib(folder: Path) -> Path:
    """The bundled table with a model of histology alone, open to a 34th patient."""
    folder.mkdir()
    source = bundled("data") / "alk_crizotinib"
    for name in ("cases.csv", "adverse_events_long.csv"):
        (folder / name).write_bytes((source / name).read_bytes())
    book = (source / "codebook.toml").read_text(encoding="utf-8").replace("range = [1, 33]", "range = [1, 99]")
    head, _, rest = book.partition("report  = ")
    (folder / "codebook.toml").write_text(f'{head}report = ["histology.toml"]\n{rest.partition("\n")[2]}', "utf-8")
    model = HISTOLOGY.replace('column = "response"', 'column = "best_response"')
    levels = model.replace('levels = ["no", "yes"]', 'levels = ["PD", "SD", "PR", "CR"]')
    (folder / "histology.toml").write_text(levels.replace('success = ["yes"]', 'success = ["PR", "CR"]'), "utf-8")
    return folder


def files(folder: Path) -> dict[str, bytes]:
    """What a folder holds but for locks."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".lock"}


def estimates(table: object) -> dict[tuple[str, ...], dict]:
    """Rows of estimates by what they are of."""
    rows = [row for row in table.to_dict(orient="records") if row["kind"] == "estimate"]
    return {(row["model"], row["estimand"], row["level"], row["at"]): row for row in rows}


def grown(folder: Path, case: object = CASE, **changed: object) -> object:
    return cp.add(folder, case, **QUIET, **changed)
