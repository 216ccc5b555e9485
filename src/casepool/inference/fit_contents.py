"""What a fit holds besides its draws: read from it, and laid down in it. Nothing here reaches a sampler."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.metadata import version
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from threadpoolctl import threadpool_info

from casepool.arguments import ADOPTED, AUTO, NUTS
from casepool.cases import Column, codebook_of
from casepool.cases.codebook import Codebook, codebook_from_dict
from casepool.cases.column import LABELLED
from casepool.cases.roles import NO_ROLE
from casepool.cases.tables import bare, typed_by
from casepool.errors import CasepoolError
from casepool.inference.drawn import Drawn
from casepool.inference.fit_format import FORMAT
from casepool.modelling import Design, Model, model_from_dict
from casepool.modelling.design.making import design_of_typed, patient_labels
from casepool.modelling.design.wording import worded
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.specification.model import model_dict
from casepool.remarks import NONE, Remarks, note_of, remark

KEPT = 4
"""Fits whose cases and Designs are kept, found again by all they are made of: a fit may be changed."""
REPORT_START = "report_start"
"""Attribute of a fit whose model leaves open when the reported strategy starts: the number taken instead."""
QUICK = "quick"
"""Setting of a fit that was made for a first look, with fewer draws."""
Columns = tuple[tuple[str, np.dtype[Any], Any], ...]


@dataclass(frozen=True)
class Contents:
    """What a fit was made from, read from it once.

    Parameters
    ----------
    design : Design
        With its model.
    cases : pandas.DataFrame
        The table, as far as the fit keeps it: all rows, the columns used.
    codebook : Codebook
        That of `cases`.
    """

    design: Design
    cases: pd.DataFrame
    codebook: Codebook


def contents_of(fit: xr.DataTree) -> Contents:
    """Return what a fit was made from."""
    text, patients = fit.attrs["codebook"], _patients_of(fit)
    cases, codebook = _cases(text, patients)
    design = _design(fit.attrs["model"], text, patients, REPORT_START in fit.attrs)
    return Contents(design, cases.copy(), codebook)


def model_of(fit: xr.DataTree) -> Model:
    """Return the model a fit was made with, in the words of its cases."""
    model = _started(_model(fit.attrs["model"]), REPORT_START in fit.attrs)
    return worded(model, _codebook(fit.attrs["codebook"]))


def _started(model: Model, said: bool) -> Model:
    """Return a model whose strategy starts at time zero, as it did unless stated where a fit has not `said`."""
    if said:
        return model
    from_zero = {name: replace(own, report_start=0.0) for name, own in model.exposures.items() if own.start_is_open}
    return replace(model, exposures={**model.exposures, **from_zero}) if from_zero else model


def report_start_of(fit: xr.DataTree) -> float | None:
    """Return when the reported strategy of a fit starts where its model leaves that open; None where it does not."""
    return float(fit.attrs[REPORT_START]) if REPORT_START in fit.attrs else None


@lru_cache(KEPT)
def _codebook(text: str) -> Codebook:
    return codebook_from_dict(json.loads(text))


def _model(text: str) -> Model:
    plain = json.loads(text)
    return model_from_dict({k: v for k, v in plain.items() if k != "name"}, name=plain["name"])


def cases_of(fit: xr.DataTree) -> pd.DataFrame:
    """Return the table a fit was made from, as far as the fit keeps it: all rows, the columns used."""
    return _cases(fit.attrs["codebook"], _patients_of(fit))[0].copy()


def design_of(fit: xr.DataTree) -> Design:
    """Return the Design a fit was made from."""
    return contents_of(fit).design


def _patients_of(fit: xr.DataTree) -> Columns:
    """Return the columns of the patients of a fit as what can be looked up: numbers as bytes, all else as it is.

    How texts lie in memory does not matter: a saved fit holds them in another way than one just made.
    """
    columns = ((str(name), values.to_numpy()) for name, values in fit["patients"].variables.items())
    texts = ((name, own.astype(object) if own.dtype.kind in "UT" else own) for name, own in columns)
    return tuple(
        (name, own.dtype, own.tobytes() if own.dtype.kind == "f" else tuple(own.tolist())) for name, own in texts
    )


@lru_cache(KEPT)
def _cases(codebook_text: str, patients: Columns) -> tuple[pd.DataFrame, Codebook]:
    codebook = _codebook(codebook_text)
    held = {
        name: np.frombuffer(own, kind) if isinstance(own, bytes) else np.array(own, kind)
        for name, kind, own in patients
    }
    columns: dict[str, Any] = {codebook.id: [str(label) for label in held["patient"]]}
    columns |= {name: held[variable_of(name)] for name in codebook.columns if name != codebook.id}
    book = replace(codebook, columns={codebook.id: Column("text"), **codebook.columns}, missing=("",))
    return typed_by(pd.DataFrame(columns), book)


@lru_cache(KEPT)
def _design(model: str, codebook: str, patients: Columns, said: bool) -> Design:
    return design_of_typed(_started(_model(model), said), *_cases(codebook, patients))


def parameters_of(posterior: xr.Dataset) -> dict[str, np.ndarray]:
    """Return the draws as arrays for the likelihood: chain and draw lead, a vector's own axis is last."""
    return {
        str(name): values.transpose("chain", "draw", ...).to_numpy() for name, values in posterior.data_vars.items()
    }


def engine_of(fit: xr.DataTree) -> Mapping[str, Any]:
    """Return which engine was asked for and which ran, its gauges, and why others declined: ``attrs["engine"]``.

    A fit that does not say was made before there was a choice.
    """
    made = {"asked": NUTS, "run": NUTS, "gauges": {}, "refused": {}}
    found: Mapping[str, Any] = json.loads(fit.attrs["engine"]) if "engine" in fit.attrs else made
    return found


def settings_of(fit: xr.DataTree) -> dict[str, Any]:
    """Return the settings that draw a fit once more, by the engine that ran."""
    found: dict[str, Any] = {"engine": NUTS} | json.loads(fit.attrs["settings"])
    return found


def study_settings(fit: xr.DataTree) -> dict[str, Any]:
    """Return the settings of refits of a fit: its own, and where it was free to take any engine, free among them again.

    Not where nuts ran, which no other engine could take over from: then refits are by nuts.
    """
    engine = engine_of(fit)
    free = engine["asked"] == AUTO and engine["run"] != NUTS
    return settings_of(fit) | ({"engine": AUTO} if free else {})


def engine_remarks(fit: xr.DataTree) -> Remarks:
    """Say which engine drew a fit, if any did; of nuts only where others declined, then by the names of their gates."""
    engine = engine_of(fit)
    if engine["run"] == ADOPTED:
        return remark("adopted")
    if engine["run"] != NUTS:
        return remark("drawn by", engine=engine["run"])
    declined = [f"{name} ({why['gate']})" for name, why in engine["refused"].items()]
    return remark("drawn instead", engine=NUTS, declined=" and ".join(declined)) if declined else NONE


def provisional(fit: xr.DataTree, model: Model) -> Remarks:
    """Say what of a fit is not meant to be the last word: quick draws, and priors still as a draft had them."""
    settings = settings_of(fit)
    quick = remark("quick", draws=settings["draws"]) if settings.get(QUICK) else NONE
    return quick + unconfirmed(model)


def unconfirmed(model: Model) -> Remarks:
    """Say which priors are still the conventions that a draft began with."""
    return remark("unconfirmed", names=", ".join(model.unconfirmed)) if model.unconfirmed else NONE


def said_engine(fit: xr.DataTree) -> str:
    """Put the same into words."""
    return note_of(engine_remarks(fit))


def draws_groups(design: Design, drawn: Drawn) -> dict[str, xr.Dataset]:
    """Lay draws down with their labels: the groups ``posterior`` and ``sample_stats``."""
    dims = {own.name: own.dims for own in design.parameters}
    chains, draws = next(iter(drawn.parameters.values())).shape[:2]
    lead = {"chain": np.arange(chains), "draw": np.arange(draws)}
    used = {dim for name in drawn.parameters for dim in dims[name]}
    labels = {dim: list(names) for dim, names in design.laid.labels.items() if dim in used}
    posterior = {name: (("chain", "draw", *dims[name]), values) for name, values in drawn.parameters.items()}
    stats = {name: (("chain", "draw"), values) for name, values in drawn.stats.items()}
    return {"posterior": xr.Dataset(posterior, {**lead, **labels}), "sample_stats": xr.Dataset(stats, lead)}


def refuse_private_text(model: Model, frame: pd.DataFrame, codebook: Codebook) -> None:
    """Refuse a model that would take identifiers or free text of a table that is not public into its fit."""
    for name in model.columns():
        column = codebook.columns.get(name)
        if (
            not codebook.public
            and name in frame.columns
            and (name == codebook.id or (column and column.type == "text"))
        ):
            raise CasepoolError(
                f"the model {model.name!r} reads identifiers or free text of a table that is not public",
                file=codebook.name,
                column=name,
                remedy='if its cells may stand in fits and reports, give it the type "category" in the codebook',
            )


def used_columns(model: Model, frame: pd.DataFrame, codebook: Codebook | None = None) -> list[str]:
    """Columns a fit keeps: those the model read, labels a table of answers can be split by, the publication.

    Of a table that is not public, no publication, and labels only where the codebook lets them be shown.
    """
    codebook = codebook or codebook_of(frame) or Codebook()
    read = [name for name in model.columns() if name in frame.columns]
    labelled = [
        name
        for name, column in codebook.columns.items()
        if column.type in LABELLED and name in frame.columns and codebook.may_show(name)
    ]
    labelled += [codebook.publication] if codebook.public and codebook.publication in frame.columns else []
    return [name for name in dict.fromkeys(read + labelled) if name != codebook.id or name in read]


def attributes(
    design: Design,
    frame: pd.DataFrame,
    codebook: Codebook,
    seed: int,
    settings: Mapping[str, Any],
    report_start: float | None = None,
) -> dict[str, str]:
    """Return the attributes that say what a fit was made from and with; those of the draws themselves come later.

    Where the model leaves open when its reported strategy starts, `report_start` says it for the fits of a study, and
    of any other fit its own table.
    """
    kept = used_columns(design.model, frame, codebook)
    columns = {name: codebook.columns[name] for name in kept}
    columns = {name: replace(column, role=column.role or NO_ROLE) for name, column in columns.items()}
    paper = codebook.publication if codebook.publication in columns else ""
    read: dict[str, Any] = {
        key: tuple(name for name in getattr(codebook, key) if name in columns) for key in ("aliased", "dated")
    }
    book = replace(
        codebook,
        name=codebook.shown_name,
        publication=paper,
        columns=columns,
        file={},
        codings={},
        guessed=(),
        tables={},  # a fit keeps the rows that were made of them
        linked={},
        **read,
    )
    library = "nutpie" if settings["engine"] == NUTS else "casepool"
    start = design.typical_start if report_start is None else report_start
    left_open = any(own.start_is_open for own in design.model.exposures.values())
    return ({REPORT_START: repr(start)} if left_open else {}) | {
        "casepool_fit": FORMAT,
        "model": json.dumps({"name": design.model.name, **model_dict(design.model)}),
        "dataset": codebook.shown_name,
        "codebook": json.dumps(book.to_dict()),
        "data_sha256": data_hash(frame, kept),
        "seed": str(seed),
        "settings": json.dumps(dict(settings)),
        "inference_library": " ".join((library, _version(library))),
        "versions": json.dumps(versions()),
        "machine": machine(settings["engine"]),
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def stamped(fit: xr.DataTree) -> xr.DataTree:
    """Return a fit whose groups have the attributes of ArviZ's schema: who made the draws, who laid them down, when."""
    library, _, number = fit.attrs["inference_library"].partition(" ")
    own = {
        "created_at": fit.attrs["created"],
        "creation_library": "casepool",
        "creation_library_version": _version("casepool"),
        "creation_library_language": "Python",
        "inference_library": library,
        "inference_library_version": number,
    }
    for group in fit.children.values():
        group.attrs.update(own | {"sample_dims": [dim for dim in ("chain", "draw") if dim in group.dims]})
    return fit


def versions() -> dict[str, str]:
    """Return the versions a result depends on."""
    packages = ("casepool", "pymc", "nutpie", "pytensor", "arviz", "numba", "numpy", "scipy", "pandas", "xarray")
    return {"python": platform.python_version()} | {name: _version(name) for name in packages}


@cache
def _version(package: str) -> str:
    return version(package)


def machine(engine: str) -> str:
    """Return what the digits of an engine's draws depend on: system, architecture, and what code was made for.

    That is the processor where code is compiled, else what the library of linear algebra takes it for.
    """
    if engine == NUTS:
        from llvmlite.binding import get_host_cpu_name  # part of the compiler, which reading a fit must not load

        return f"{sys.platform} {platform.machine()} {get_host_cpu_name()}"
    kinds = {str(library.get("architecture", "")) for library in threadpool_info() if library["user_api"] == "blas"}
    return " ".join([sys.platform, platform.machine(), *sorted(kinds - {""})])


def data_hash(frame: pd.DataFrame, columns: list[str]) -> str:
    """SHA-256 of the rows and columns used, as text; of what the cells mean, not of how a file spells it."""
    frame = bare(frame)
    rows = [columns] + [["" if pd.isna(v) else str(v) for v in row] for row in frame[columns].itertuples(index=False)]
    return hashlib.sha256(json.dumps(rows, ensure_ascii=True).encode()).hexdigest()


def data_groups(design: Design, frame: pd.DataFrame, codebook: Codebook | None = None) -> dict[str, xr.Dataset]:
    """Lay down what was fitted: outcomes, and the patients with the columns used and the reasons of the rest."""
    patient = {"patient": list(design.patients)}
    family = FAMILIES[design.model.family]
    seen = observed(design)
    outcome = {"outcome": ("patient", seen if family.is_survival else seen.astype(int))}
    outcome |= {"followed": outcome["outcome"]} if family.is_survival else {}
    constant = {name: ("patient", values) for name, values in design.outcome.items() if name != family.observed}
    if family.is_survival:
        constant["outcome"] = constant["event"]
    return {
        "observed_data": xr.Dataset(outcome, coords=patient),
        "constant_data": xr.Dataset(constant, coords=patient),
        "patients": _patients(design, frame, codebook or codebook_of(frame) or Codebook()),
    }


def variable_of(column: str) -> str:
    """Name the variable that holds a column: rows are called ``patient``, so a column of that name is not."""
    return "patient_of_row" if column == "patient" else column


def observed(design: Design) -> np.ndarray:
    """Return each patient's observed outcome: successes, the category (0 is the worst), or the time."""
    return np.asarray(design.outcome[FAMILIES[design.model.family].observed])


def _patients(design: Design, frame: pd.DataFrame, codebook: Codebook) -> xr.Dataset:
    names = used_columns(design.model, frame, codebook)
    frame = bare(frame)
    columns = {}
    for name in names:
        if name == codebook.id:  # the coordinate holds it
            continue
        values, variable = frame[name], variable_of(name)
        if codebook.columns[name].type in ("number", "integer"):
            columns[variable] = ("patient", values.to_numpy(dtype=float, na_value=np.nan))
        else:
            columns[variable] = (
                "patient",
                np.array(["" if pd.isna(v) else str(v) for v in values], dtype=object),
            )
    labels = patient_labels(frame, codebook)
    reasons = np.array([design.left_out.get(label, "") for label in labels], dtype=object)
    return xr.Dataset({**columns, "left_out_because": ("patient", reasons)}, coords={"patient": labels})
