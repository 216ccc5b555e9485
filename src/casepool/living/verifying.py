"""Is what is kept as it was: a fit drawn again; a dataset's history line by line, and its last numbers fitted again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from casepool.arguments import flag_of
from casepool.cases.reading import read_typed
from casepool.errors import CasepoolError
from casepool.inference.fit_contents import versions
from casepool.inference.fitting import cores_of, planned
from casepool.inference.reproduction import COLUMNS, FAR, result_row, verify_fit
from casepool.living.answers import ABOUT, Key, Number
from casepool.living.chain import Line, faults, folder_of, no_history, read_lines
from casepool.living.changes import numbers_now
from casepool.living.states import State, file_digests, models_of, models_then, priors_then, table_digest, with_priors
from casepool.tables import Sentences


def verify(
    fit: xr.DataTree | str | Path, *, known: str | None = None, cores: int | None = None, progress: bool = True
) -> pd.DataFrame:
    """Fit again from what a fit carries, and say whether the draws agree; or look a dataset's history through.

    Parameters
    ----------
    fit : xarray.DataTree or path
        What `fit` or `open_fit` returned; or a dataset's folder with ``history.jsonl``.
    known : str, optional
        Of a history: the ``id`` of a line that you kept elsewhere (a commit, a journal). Without one nothing shows
        that lines at the end were taken away, or all of it written anew.
    cores : int, optional
        Chains sampled at once; draws do not depend on it.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    pandas.DataFrame
        One row per part: the versions and machine, the data, and every variable of the draws, the likelihood and
        the prior. ``verdict`` is "pass" where the part is the same bit by bit; "concern" where it differs no more
        than two runs of a sampler do, while a version or the machine differs; "fail" otherwise. Of adopted draws
        nothing is drawn again: what follows from them is computed anew, and the draws themselves fail. ``difference``
        is the largest absolute difference, ``sentence`` says it in words. Of a history: every line that is not as it
        was written or does not follow the one before it, by its number; whether table, models and further files are
        those of the last line; and the estimates of that line, each model fitted again.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool, or there is no history in the folder.

    See Also
    --------
    save_fit, open_fit, history

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_pooled", "sarcoma_imatinib", seed=1, progress=False)
    >>> print(cp.verify(fit, progress=False)[["part", "verdict"]])
    part                     verdict
    versions                 pass
    data                     pass
    posterior: intercept     pass
    log_likelihood: outcome  pass
    log_prior: intercept     pass
    """
    cores, progress = cores_of(cores), flag_of(progress, "progress")
    if known is not None and not (isinstance(known, str) and re.fullmatch("[0-9a-f]{64}", known)):
        remedy = "pass the id of a line, as history(folder) lists it"
        raise CasepoolError("`known` is 64 digits and letters from a to f", value=known, remedy=remedy)
    if isinstance(fit, str | Path):
        return Sentences(list(_of_history(folder_of(fit), known, progress=progress)), columns=list(COLUMNS))
    if known is not None:
        raise CasepoolError("`known` is of a history", value=known, remedy="leave it out, or pass a dataset's folder")
    return verify_fit(fit, cores=cores, progress=progress)


def _of_history(folder: Path, known: str | None, *, progress: bool) -> Iterator[dict[str, Any]]:
    lines = read_lines(folder)
    if not lines:
        raise no_history(folder)
    found = list(faults(lines))
    for number, _, problem in found:
        yield result_row(f"line {number}", "fail", math.nan, f"line {number} {problem}")
    yield result_row(
        "lines", "fail" if found else "pass", len(found), f"{len(lines)} lines, {len(found)} of them not in order"
    )
    if known is not None:
        yield _known(known, [own for _, own in lines])
    last = lines[-1][0]
    if last is not None:
        yield from _last(folder, last, progress=progress)


def _known(known: str, ids: list[str]) -> dict[str, Any]:
    if known in ids:
        return result_row("known line", "pass", 0.0, f"line {ids.index(known) + 1} has the id {known[:12]}…")
    said = f"no line has the id {known[:12]}…: it was removed, or lines before it were written anew"
    return result_row("known line", "fail", 1.0, said)


def _last(folder: Path, line: Line, *, progress: bool) -> Iterator[dict[str, Any]]:
    """Compare a folder, and the numbers it gives, with the last line of its history."""
    cases, codebook = read_typed(folder)
    models = models_then(line)
    same = table_digest(cases) == line["table"]
    yield _compared("table", same, f"the table of {len(cases)} rows", "fail")
    now = with_priors(models_of(folder, codebook), priors_then(line))
    texts = {name: one.to_toml() for name, one in now.items()}
    yield _compared("models", texts == line["models"], "the models that are reported", "fail")
    files = file_digests(folder, models)
    other = [name for name in sorted({*files, *line["files"]}) if files.get(name) != line["files"].get(name)]
    yield _compared("files", not other, ", ".join(other) or "the files beside them", "concern")
    if not same:
        return
    was = line["versions"]
    changed = [f"{name} was {was.get(name)}, is {own}" for name, own in versions().items() if was.get(name) != own]
    plan = planned(seed=line["seed"], engine=line["engine"] or None, progress=progress)
    state = State(cases, codebook, dict(line["coding"]), models)
    for name in models:
        stored = {_key(row): row for row in line["estimates"] if row["model"] == name}
        yield _numbers(name, stored, numbers_now(name, state, plan), changed)


def _key(row: Mapping[str, Any]) -> Key:
    return tuple(row.get(name, "") for name in ABOUT)


def _numbers(name: str, stored: Mapping[Key, Line], now: Mapping[Key, Number], changed: list[str]) -> dict[str, Any]:
    """Compare the estimates of a line with those of a new fit: to the last digit, else in their Monte Carlo errors."""
    part = f"estimates of {name}"
    largest = errors = 0.0
    for key, row in stored.items():
        if key not in now:
            return result_row(part, "fail", math.nan, f"the fit has no number for: {row['estimand']}")
        was, own = row.get("estimate"), now[key]
        if was is not None and was != own.value:
            apart = abs(was - own.value)
            error = math.hypot(row.get("mcse") or 0.0, own.mcse)
            largest, errors = max(largest, apart), max(errors, apart / error if error > 0 else math.inf)
    if largest == 0:
        return result_row(part, "pass", 0.0, f"{len(stored)} numbers, identical")
    after = f", after {'; '.join(changed)}" if changed else ""
    said = f"numbers differ by up to {largest:.3g}, {errors:.1f} Monte Carlo errors{after}"
    return result_row(part, "concern" if errors < FAR else "fail", largest, said)


def _compared(part: str, same: bool, what: str, else_: str) -> dict[str, Any]:
    said = "as the last line has it" if same else "not as the last line has it"
    return result_row(part, "pass" if same else else_, 0.0 if same else 1.0, f"{what}: {said}")
