"""A report reads each of its fits once: it opens the fit, types its table and parses its codebook a single time."""

import importlib
import pkgutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cases import codebook, tables
from casepool.cases.codebook import Codebook
from casepool.estimation import draws
from casepool.estimation.draws import Fitted
from casepool.estimation.response import estimates_of
from casepool.inference import fit_contents
from casepool.reporting import answers, assembly


def watched(monkeypatch: pytest.MonkeyPatch, function: Callable[..., Any]) -> list[Any]:
    """Return a list that gathers what a function returns, whichever module of the package calls it."""
    returned = []

    def watching(*args: Any, **more: Any) -> Any:
        returned.append(function(*args, **more))
        return returned[-1]

    for module in [module for name, module in sys.modules.items() if name.split(".")[0] == "casepool"]:
        for name in [name for name, own in vars(module).items() if own is function]:
            monkeypatch.setattr(module, name, watching)
    return returned


@pytest.fixture
def counted(
    monkeypatch: pytest.MonkeyPatch,
) -> tuple[list[Fitted], list[tuple[pd.DataFrame, Codebook]], list[Codebook]]:
    """Return what gathers fits as they are opened, tables as they are typed and codebooks as they are parsed."""
    for module in pkgutil.walk_packages(cp.__path__, "casepool."):
        importlib.import_module(module.name)
    functions = (draws.open_draws, tables.typed_by, codebook.codebook_from_dict)
    return tuple(watched(monkeypatch, function) for function in functions)


def forgotten() -> None:
    """Let go of tables and Designs that other tests have read already, which would not be counted."""
    fit_contents._codebook.cache_clear()
    fit_contents._cases.cache_clear()
    fit_contents._design.cache_clear()


def alone(fit: xr.DataTree) -> xr.DataTree:
    """Return a fit of which only itself is at hand, not the file its table came from."""
    found = fit.copy(deep=True)
    found.attrs["dataset"] = "of nowhere"
    return found


@pytest.mark.parametrize(
    ("model", "file", "refits", "moved"), [("objective_response", True, 4, 0), ("overall_survival", False, 6 + 11, 11)]
)
def test_a_report_opens_its_fit_once_types_its_table_once_and_parses_its_codebook_once(
    model: str,
    file: bool,
    refits: int,
    moved: int,
    counted: tuple[list[Any], ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Counted is everything a report of one fit does, so beside the fit stand its refits and its file.

    Each refit is opened once: under other priors (4), under priors and datings of an exposure (6), with its dates moved
    (11). Refits that keep the same table share one that is typed, and a codebook that is parsed. `moved` are the tables
    with dates moved, typed to be refitted to. `file`: whether the file the table came from is at hand; it is typed and
    its codebook parsed once. Not counted are refits under codings and the audit, each of which recodes the
    file as often as there are choices.
    """
    opened, typed, parsed = counted
    monkeypatch.setattr(answers, "_recoded", lambda *_: None)
    monkeypatch.setattr(assembly, "audited", lambda *_: [])
    fit = cp.fit(model, "alk_crizotinib", seed=1, engine="auto", draws=100, chains=2, progress=False)
    fit = fit if file else alone(fit)
    forgotten()
    for gathered in counted:
        gathered.clear()
    cp.report(fit, tmp_path / "page.html", progress=False)
    trees = [each.tree for each in opened]
    assert sum(tree is fit for tree in trees) == 1
    assert len({id(tree) for tree in trees}) == len(trees) == 1 + refits
    kept = {(tree.attrs["codebook"], fit_contents._patients_of(tree)) for tree in trees}
    assert len(parsed) == len({codebook for codebook, _ in kept}) + file
    assert len(typed) == len(kept) + file + moved


def test_the_codebook_handed_on_is_the_one_its_table_carries() -> None:
    for name in cp.list_datasets():
        frame, book = tables.typed_by(cp.load(name))
        assert tables.codebook_of(frame) == book
    frame, book = tables.typed_by(pd.DataFrame({"age": [1, 2], "seen": ["yes", "no"]}))
    assert tables.codebook_of(frame) == book
    assert book.guessed


def test_what_is_made_of_draws_is_made_once_and_anew_of_other_draws(response_fit: xr.DataTree) -> None:
    fitted, made = draws.open_draws(response_fit), []
    again = fitted.judged()
    for own in (fitted, again, fitted.before, fitted.before):
        own.once(("asked",), lambda: made.append(None))
    assert len(made) == 2  # of the posterior, and of the prior
    assert again.before.parameters is fitted.before.parameters
    first, second = (estimates_of(own, "histology") for own in (fitted, fitted))
    pd.testing.assert_frame_equal(first, second)
    pd.testing.assert_frame_equal(first, estimates_of(draws.open_draws(response_fit), "histology"))
