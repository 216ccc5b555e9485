"""The frequentist answers of a paper beside what replaces them: printed, recomputed, Bayesian."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from casepool._resources import bundled
from casepool.arguments import flag_of, is_number, path_of, seed_of
from casepool.cases import codebook_of, list_datasets, read_cases
from casepool.cases.codebook import Codebook
from casepool.claims.files import FILE, Claim, label_of, read_claims
from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted, open_draws
from casepool.frequentist.answers import classical
from casepool.inference.fitting import fit
from casepool.modelling import model as get_model
from casepool.progress import steps
from casepool.studies.asked import ask
from casepool.tables import AnswerTable, marked_private
from casepool.toml_files import check_keys, read_toml

KEYS = ("question", "label", "claims", "model", "by", "raw", "answer")
PICKS = ("table", "kind", "unit", "at", "level", "method", "dating", "last", "estimand")
"""How an entry picks a row: by typed columns, and of several the first unless `last`; by words of an estimand too."""
COLUMNS = (
    "question", "where", "printed", "recomputed", "model", "estimand", "estimate", "lower", "upper", "interval", "unit",
    "verdict", "sentence", "label",
)  # fmt: skip


@dataclass(frozen=True)
class Replacement:
    """One ``[[replacement]]`` of ``published.toml``: a question, what was printed, and what answers it.

    `label` is the question in a few words of a clinician, "" where the file does not say.
    """

    question: str
    claims: tuple[Claim, ...]
    model: str
    by: str | None
    raw: Mapping[str, Any]
    answer: Mapping[str, Any]
    label: str = ""


def replacement(
    dataset: str | Path, *, seed: int, engine: str | None = None, progress: bool = True, **settings: Any
) -> pd.DataFrame:
    """Lay a paper's frequentist answers beside what replaces them.

    Parameters
    ----------
    dataset : str or pathlib.Path
        A bundled dataset's name, or a folder with ``published.toml``.
    seed : int
        Of every fit; each model is fitted once.
    engine : str, optional
        As of `fit`.
    progress : bool
    **settings
        As of `fit`.

    Returns
    -------
    pandas.DataFrame
        One row per question: what the paper printed and where, the number recomputed with its method, the
        Bayesian answer with its estimand in words and its interval, the fit's verdict, and a sentence to quote;
        ``label``, the question in a clinician's few words, "" where the file does not say.

    Raises
    ------
    CasepoolError
        If the dataset has no replacements, or an entry names a claim, model or row that is not there.

    See Also
    --------
    audit, multiverse

    Examples
    --------
    >>> import casepool as cp
    >>> answers = cp.replacement("alk_crizotinib", seed=1)  # doctest: +SKIP
    >>> answers.groupby("source").size()  # doctest: +SKIP
    """
    seed, path = seed_of(seed), path_of(dataset, "a dataset's name or folder")
    folder = bundled("data") / path if str(path) in list_datasets() else path
    cases = read_cases(folder)
    entries = read_replacements(folder)
    fits: dict[str, Fitted] = {}
    rows = []
    flag_of(progress, "progress")
    for entry in steps(progress, entries, "questions"):
        if entry.model not in fits:
            made = fit(entry.model, cases, seed=seed, engine=engine, progress=progress, **settings)
            fits[entry.model] = open_draws(made)
        raw = pick(classical(entry.model, cases, entry.by, progress=False), entry.raw, entry)
        answer = pick(ask(entry.answer["table"], fits[entry.model], entry.by), entry.answer, entry)
        rows.append(_row(entry, raw, answer))
    table = AnswerTable(rows, columns=list(COLUMNS))
    return marked_private(table, public=(codebook_of(cases) or Codebook()).public)


def models_asked(dataset: str | Path) -> list[str]:
    """Return the models that answer the questions of a dataset's paper, each once; none where there is no paper."""
    folder = bundled("data") / str(dataset) if str(dataset) in list_datasets() else Path(dataset)
    if not (folder / FILE).is_file() or not read_toml(folder / FILE).get("replacement"):
        return []
    return list(dict.fromkeys(entry.model for entry in read_replacements(folder)))


def read_replacements(folder: str | Path) -> list[Replacement]:
    """Read the ``[[replacement]]`` entries of a dataset's ``published.toml``."""
    claims = {claim.id: claim for claim in read_claims(folder)}
    file = f"{Path(folder).name}/{FILE}"
    entries = read_toml(Path(folder) / FILE).get("replacement", [])
    if not entries:
        raise CasepoolError("the file holds no replacement", file=file, remedy="write one [[replacement]] per question")
    return [_entry(plain, claims, file, number) for number, plain in enumerate(entries, start=1)]


def _entry(plain: Mapping[str, Any], claims: Mapping[str, Claim], file: str, number: int) -> Replacement:
    row = f"replacement number {number}"
    check_keys(plain, list(KEYS), file=file, table=row)
    for key in ("question", "claims", "model", "raw", "answer"):
        if not plain.get(key):
            raise CasepoolError("the value is missing", file=file, row=row, column=key, remedy="give it")
    for key in ("raw", "answer"):
        check_keys(plain[key], list(PICKS), file=file, table=f"{row}.{key}")
        _check_picks(plain[key], file, f"{row}.{key}")
    for claim in plain["claims"]:
        if claim not in claims:
            raise CasepoolError(
                "there is no such claim", file=file, row=row, value=claim, remedy="name a claim of this file"
            )
    get_model(plain["model"])
    printed = tuple(claims[claim] for claim in plain["claims"])
    answer = {"table": "estimates", **plain["answer"]}
    label = label_of(plain, file, row)
    return Replacement(plain["question"], printed, plain["model"], plain.get("by"), plain["raw"], answer, label)


def _check_picks(picks: Mapping[str, Any], file: str, row: str) -> None:
    """Refuse values by which no row can be picked."""
    for key, value in picks.items():
        kinds = {"last": "true or false", "at": "a number or text"}.get(key, "text")
        fits = (
            isinstance(value, bool) if key == "last" else isinstance(value, str) or (key == "at" and is_number(value))
        )
        if not fits:
            raise CasepoolError(
                f"the value must be {kinds}", file=file, row=row, column=key, value=value, remedy="correct it"
            )


def pick(table: pd.DataFrame, picks: Mapping[str, Any], entry: Replacement) -> pd.Series[Any]:
    """Pick the first row, or the last, whose columns are what the entry asks for.

    Words of `estimand` may be asked for where columns do not tell rows apart: whoever wrote the file reads them.
    """
    chosen = pd.Series(True, index=table.index)
    for key, wanted in picks.items():
        if key == "estimand":
            chosen &= table[key].str.contains(wanted, regex=False)
        elif key not in ("table", "last"):
            chosen &= table[key] == wanted
    if not chosen.any():
        raise CasepoolError(
            f"no row of the answers of {entry.model!r} is {dict(picks)}",
            row=f"replacement {entry.question!r}",
            remedy="correct the entry",
        )
    picked: pd.Series[Any] = table[chosen].iloc[-1 if picks.get("last") else 0]
    return picked


def _row(entry: Replacement, raw: pd.Series[Any], answer: pd.Series[Any]) -> dict[str, Any]:
    number = _number(raw["estimate"], raw["unit"])
    limits = f" ({raw['interval']} {_limits(raw)})" if np.isfinite(raw["lower"]) else ""
    counts = f"{raw['events']:g} of {raw['n']:g}: " if raw["unit"] == "probability" else ""
    return {
        "question": entry.question,
        "where": "; ".join(dict.fromkeys(claim.where for claim in entry.claims)),
        "printed": ", ".join(claim.printed for claim in entry.claims),
        "recomputed": f"{raw['method']}: {counts}{number}{limits}",
        **{
            key: answer[key]
            for key in ("model", "estimand", "estimate", "lower", "upper", "interval", "unit", "verdict")
        },
        "sentence": sentence(answer),
        "label": entry.label,
    }


def sentence(answer: pd.Series[Any]) -> str:
    """Say one row of an estimate table as a sentence a clinician can quote."""
    value, limits = _number(answer["estimate"], answer["unit"]), f"{answer['interval']} {_limits(answer)}"
    named = answer["level"] in ("", "everyone") or str(answer["level"]) in str(answer["estimand"])
    who = "" if named else f" ({answer['by']} {answer['level']})"
    said = f"{answer['estimand']}{who}: {value} ({limits}), {answer['n']:g} patients with {answer['events']:g} events"
    if answer["unit"] == "ratio" and answer["lower"] < 1 < answer["upper"]:
        said += "; the data neither show nor exclude a difference"
    failed = "; this fit did not converge, or failed a check: do not use it" if answer["verdict"] == "fail" else ""
    return f"{said[0].upper()}{said[1:]}{failed}."


def _number(value: float, unit: str) -> str:
    if unit == "probability":
        return f"{100 * value:.0f}%"
    if np.isinf(value):
        return "not reached"
    text = f"{value:.2g}" if unit == "ratio" else f"{value:.3g}"
    return f"P {text}" if unit == "P value" else f"{text} {unit}" if unit.endswith("s") else text


def _limits(row: pd.Series[Any]) -> str:
    return f"{_number(row['lower'], row['unit'])} to {_number(row['upper'], row['unit'])}"
