"""Designs as files: found by name or path, every key checked, refused with the file and what is allowed."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from casepool.arguments import is_number, path_of
from casepool.errors import CasepoolError
from casepool.modelling import Model, list_models
from casepool.modelling import model as get_model
from casepool.toml_files import bundled_names, check_keys, file_named, read_toml
from casepool.trials.rules import EARLY, FUTILITY, NULL, SUCCESS, TARGET, Rule, read_rule
from casepool.trials.specification import (
    KEPT,
    MONTHS,
    POSTERIOR,
    PRIOR,
    REVISED,
    SIZES,
    TOTAL,
    Basket,
    Drawn,
    Looks,
    Scenario,
    TrialDesign,
)

TOP = (
    *("title", "model", "cases", "cases_weight", "null", "target", "baskets", "looks"),
    *(SUCCESS, FUTILITY, EARLY, "scenarios"),
)
MOST_PATIENTS, MOST_BASKETS, MOST_CONFIGURED, MOST_SCENARIOS = 1000, 60, 10, 2000


def list_trials() -> list[str]:
    """Return the names of the bundled designs, sorted.

    See Also
    --------
    trial_design

    Examples
    --------
    >>> import casepool as cp
    >>> cp.list_trials()
    ['alk_next', 'imatinib_baskets', 'simon_two_stage']
    """
    return bundled_names("trials")


def trial_design(source: str | Path | TrialDesign) -> TrialDesign:
    """Get the design of a trial: a bundled one by name, or one's own by path.

    Parameters
    ----------
    source : str or pathlib.Path or TrialDesign
        The name of a bundled design, or the path of a TOML file; a design is handed back.

    Raises
    ------
    CasepoolError
        If there is none of that name, or the file is wrong: with file, key and what is allowed.

    See Also
    --------
    list_trials, operating_characteristics, calibrate

    References
    ----------
    Simon R (1989). Optimal two-stage designs for phase II clinical trials. Controlled Clinical Trials 10:1-10.
    doi:10.1016/0197-2456(89)90015-9

    Examples
    --------
    >>> import casepool as cp
    >>> cp.trial_design("simon_two_stage").names
    ('everyone',)
    """
    if isinstance(source, TrialDesign):
        return source
    path = file_named(source, "trials", "design")
    return design_from_dict(read_toml(path), name=path.stem, file=path.name, folder=path.parent)


def design_from_dict(plain: Mapping[str, Any], *, name: str, file: str = "", folder: Path | None = None) -> TrialDesign:
    """Make a design of the nested mappings of its file, refusing every key that is not one.

    Parameters
    ----------
    folder : pathlib.Path, optional
        Where files that it names are looked for.
    """
    file = file or f"{name}.toml"
    check_keys(plain, TOP, file=file, table="")
    title = plain.get("title", name)
    if not isinstance(title, str):
        raise _wrong("must be text", file, "title", title)
    reader = _Reader(file, folder or Path())
    baskets = reader.baskets(plain)
    looks = reader.looks(plain.get("looks", {}), baskets)
    of = len(looks.at) or len(baskets[0].n)
    if SUCCESS not in plain:
        raise CasepoolError("there is no rule of success", file=file, column=SUCCESS, remedy="write [success]")
    asked = {SUCCESS: 1, FUTILITY: of - 1, EARLY: of - 1}
    rules = {key: read_rule(key, plain[key], file, asked[key]) for key in asked if key in plain}
    text, model = reader.model(plain, rules)
    cases, weight = reader.cases(plain, file)
    if cases and model is None:
        raise _wrong("no rule reads the cases", file, "cases", cases, "give a model, or take `cases` away")
    stated = plain.get("scenarios", {})
    scenarios = reader.scenarios(stated, baskets, text, model)
    design = TrialDesign(
        name, title, baskets, looks, rules, scenarios, model, text, cases, weight, stated if stated else {}
    )
    _check_levels(design, file)
    return design


def _wrong(problem: str, file: str, column: str, value: Any, remedy: str = "correct it") -> CasepoolError:
    return CasepoolError(problem, file=file, column=column, value=value, remedy=remedy)


def _check_levels(design: TrialDesign, file: str) -> None:
    """Refuse models that cannot be summed over, baskets their cases can never have among them."""
    from casepool.trials.analysis import Analysis

    if design.model is not None:
        Analysis.of(design.model, design.most, design.cases, design.cases_weight, (0.5,), file)


class _Reader:
    """What of a file is read with its name and folder at hand."""

    def __init__(self, file: str, folder: Path) -> None:
        self.file, self.folder = file, folder

    def number(self, value: Any, column: str, low: float, high: float, *, ends: bool = False) -> float:
        """Return a number between two others."""
        inside = is_number(value) and (low <= value <= high if ends else low < value < high)
        if not inside:
            raise _wrong(f"must be a number between {low:g} and {high:g}", self.file, column, value)
        return float(value)

    def table(self, value: Any, column: str, keys: tuple[str, ...]) -> Mapping[str, Any]:
        """Return a table with known keys."""
        if not isinstance(value, Mapping):
            raise _wrong("must be a table", self.file, column, value)
        check_keys(value, keys, file=self.file, table=column)
        return value

    def word(self, value: Any, column: str, allowed: tuple[str, ...]) -> str:
        """Return one of some words."""
        if value not in allowed:
            raise _wrong(f"must be one of {', '.join(allowed)}", self.file, column, value)
        return str(value)

    def baskets(self, plain: Mapping[str, Any]) -> tuple[Basket, ...]:
        """Read all baskets."""
        tables = plain.get("baskets")
        if not isinstance(tables, Mapping) or not tables:
            raise _wrong("there are no baskets", self.file, "baskets", tables, "write [baskets.<name>]")
        if len(tables) > MOST_BASKETS:
            raise _wrong(f"at most {MOST_BASKETS} baskets", self.file, "baskets", len(tables), "take some away")
        found = tuple(self._basket(name, value, plain) for name, value in tables.items())
        for own in found[1:]:
            if len(own.n) != len(found[0].n):
                raise _wrong("all baskets need equally many looks", self.file, f"baskets.{own.name}.n", list(own.n))
            if (own.accrual is None) != (found[0].accrual is None):
                raise _wrong("all baskets need an accrual, or none", self.file, f"baskets.{own.name}.accrual", None)
        return found

    def _basket(self, name: str, value: Any, plain: Mapping[str, Any]) -> Basket:
        place = f"baskets.{name}"
        table = self.table(value, place, ("n", "null", "target", "accrual"))
        if not name.strip():
            raise _wrong("a basket needs a name", self.file, "baskets", name)
        n: Any = table.get("n")
        sizes = n if isinstance(n, list) else [n]
        for size in sizes:
            if type(size) is not int or not 1 <= size <= MOST_PATIENTS:
                raise _wrong(f"must be whole numbers from 1 to {MOST_PATIENTS}", self.file, f"{place}.n", n)
        if not sizes or any(b <= a for a, b in itertools.pairwise(sizes)):
            raise _wrong("must rise from look to look: they are cumulative", self.file, f"{place}.n", n)
        rates = {}
        for key in (NULL, TARGET):
            column = f"{place}.{key}" if key in table else key
            rates[key] = self.number(table.get(key, plain.get(key)), column, 0, 1)
        if rates[NULL] >= rates[TARGET]:
            raise _wrong("the target must lie above the null", self.file, f"{place}.target", rates[TARGET])
        accrual = table.get("accrual")
        pace = None if accrual is None else self.number(accrual, f"{place}.accrual", 0, 1e6)
        return Basket(name, tuple(sizes), rates[NULL], rates[TARGET], pace)

    def looks(self, value: Any, baskets: tuple[Basket, ...]) -> Looks:
        """Read when the trial is looked at."""
        table = self.table(value, "looks", ("when", "at", "response_after", "closed"))
        when = self.word(table.get("when", SIZES), "looks.when", (SIZES, MONTHS, TOTAL))
        closed = self.word(table.get("closed", KEPT), "looks.closed", (KEPT, REVISED))
        if baskets[0].accrual is None and (when != SIZES or "response_after" in table):
            raise _wrong("needs an accrual", self.file, "looks", when, "give every basket an `accrual`")
        after = self.number(table.get("response_after", 0.0), "looks.response_after", 0, 1000, ends=True)
        if when == SIZES:
            if "at" in table:
                raise _wrong(
                    "looks come at sizes", self.file, "looks.at", table["at"], 'give when = "months" or "total"'
                )
            return Looks(when, (), after, closed)
        at = table.get("at")
        if not isinstance(at, list) or not at or not all(is_number(one) and one > 0 for one in at):
            raise _wrong("must be numbers above 0", self.file, "looks.at", at, "write at = [9, 18], say")
        if any(b <= a for a, b in itertools.pairwise(at)):
            raise _wrong("must rise", self.file, "looks.at", at)
        if len(baskets[0].n) not in (1, len(at)):
            raise _wrong("n and `at` speak of different numbers of looks", self.file, "looks.at", at)
        return Looks(when, tuple(map(float, at)), after, closed)

    def model(self, plain: Mapping[str, Any], rules: Mapping[str, Rule]) -> tuple[str, Model | None]:
        """Read the model, which rules that ask for a probability need."""
        if "model" in plain:
            return self._model(plain["model"], "model")
        asking = next((name for name, rule in rules.items() if not rule.counts_only), None)
        if asking:
            raise CasepoolError(
                "the rule asks for a posterior, and there is no model",
                file=self.file, column=asking, remedy='give model = "basket_exnex", say',
            )  # fmt: skip
        return "", None

    def _model(self, value: Any, column: str) -> tuple[str, Model]:
        if not isinstance(value, str):
            raise _wrong("must be a model's name or file", self.file, column, value)
        text = value if value in list_models() else self._path(value)
        return text, get_model(text)

    def _path(self, value: str) -> str:
        """Return a file's path, looked for beside the design."""
        beside = self.folder / path_of(value)
        return str(beside.resolve()) if beside.exists() else value

    def cases(self, plain: Mapping[str, Any], column: str) -> tuple[str, float]:
        """Read which cases enter, and with what weight."""
        cases = plain.get("cases", "")
        if not isinstance(cases, str):
            raise _wrong("must be a dataset's name, a folder or a file", self.file, f"{column}: cases", cases)
        if "cases_weight" in plain and not cases:
            raise _wrong("there are no cases to weigh", self.file, "cases_weight", plain["cases_weight"])
        weight = self.number(plain.get("cases_weight", 1.0), "cases_weight", 0, 1, ends=True)
        return (self._path(cases) if cases else "", weight)

    def scenarios(
        self, plain: Any, baskets: tuple[Basket, ...], text: str, model: Model | None
    ) -> tuple[Scenario, ...]:
        """Read the scenarios, those that are always there first."""
        found = [
            Scenario(NULL, tuple(own.null for own in baskets)),
            Scenario(TARGET, tuple(own.target for own in baskets)),
        ]
        if not isinstance(plain, Mapping):
            raise _wrong("must be a table", self.file, "scenarios", plain)
        for name, value in plain.items():
            if name in (NULL, TARGET):
                raise _wrong("this scenario is always there", self.file, f"scenarios.{name}", value, "rename it")
            found += self._scenario(name, value, baskets, (text, model))
        if len(found) > MOST_SCENARIOS:
            raise _wrong(f"at most {MOST_SCENARIOS} scenarios", self.file, "scenarios", len(found))
        if len({own.name for own in found}) < len(found):
            raise _wrong("two scenarios have one name", self.file, "scenarios", None, "rename one")
        return tuple(found)

    def _scenario(
        self, name: str, value: Any, baskets: tuple[Basket, ...], model: tuple[str, Model | None]
    ) -> list[Scenario]:
        place = f"scenarios.{name}"
        drawn = ("drawn_from", "model", "cases", "cases_weight", "shift", "fit")
        table = self.table(value, place, ("rates", "configurations", "sweep", *drawn))
        kinds = [key for key in ("rates", "configurations", "sweep", "drawn_from", "fit") if key in table]
        if len(kinds) != 1 and set(kinds) != {"drawn_from", "fit"}:
            remedy = "give one of rates, configurations, sweep or drawn_from"
            raise _wrong("a scenario says in one way what the rates are", self.file, place, None, remedy)
        if kinds[0] == "rates":
            self.table(value, place, ("rates",))
            return [Scenario(name, self._rates(table["rates"], f"{place}.rates", baskets))]
        if kinds[0] == "configurations":
            self.table(value, place, ("configurations",))
            return self._configurations(name, table["configurations"], baskets)
        if kinds[0] == "sweep":
            self.table(value, place, ("sweep",))
            return self._sweep(name, table["sweep"], len(baskets))
        return [Scenario(name, (), self._drawn(table, place, model))]

    def _rates(self, value: Any, place: str, baskets: tuple[Basket, ...]) -> tuple[float, ...]:
        if isinstance(value, list):
            if len(value) != len(baskets):
                raise _wrong(f"needs {len(baskets)} rates, one a basket", self.file, place, value)
            value = dict(zip([own.name for own in baskets], value, strict=True))
        table = self.table(value, place, tuple(own.name for own in baskets))
        found = []
        for own in baskets:
            rate = table.get(own.name, NULL)
            known = {NULL: own.null, TARGET: own.target}
            stated = known.get(rate) if isinstance(rate, str) else None
            found.append(self.number(rate, f"{place}.{own.name}", 0, 1, ends=True) if stated is None else stated)
        return tuple(found)

    def _configurations(self, name: str, value: Any, baskets: tuple[Basket, ...]) -> list[Scenario]:
        if value is not True:
            raise _wrong("must be true", self.file, f"scenarios.{name}.configurations", value, "or take it away")
        if len(baskets) > MOST_CONFIGURED:
            problem = f"every pattern of more than {MOST_CONFIGURED} baskets is too many"
            raise _wrong(problem, self.file, f"scenarios.{name}", len(baskets), "write the patterns that matter")
        return configurations(name, baskets)

    def _sweep(self, name: str, value: Any, baskets: int) -> list[Scenario]:
        place = f"scenarios.{name}.sweep"
        table = self.table(value, place, ("from", "to", "by"))
        low, high = (self.number(table.get(key), f"{place}.{key}", 0, 1, ends=True) for key in ("from", "to"))
        step = self.number(table.get("by"), f"{place}.by", 0, 1, ends=True)
        if step < 0.001 or high < low:
            raise _wrong("must go up by steps of at least 0.001", self.file, place, dict(table))
        rates = [round(rate, 10) for rate in np.arange(low, high + step / 2, step) if rate <= high + 1e-9]
        return [Scenario(f"{name} {rate:g}", (min(rate, 1.0),) * baskets, group=name) for rate in rates]

    def _drawn(self, table: Mapping[str, Any], place: str, model: tuple[str, Model | None]) -> Drawn:
        shift = self.number(table.get("shift", 0.0), f"{place}.shift", -20, 20, ends=True)
        if "fit" in table:
            self.table(table, place, ("fit", "shift", "drawn_from"))
            if not isinstance(table["fit"], str):
                raise _wrong("must be a file", self.file, f"{place}.fit", table["fit"])
            return Drawn(POSTERIOR, shift=shift, fit=self._path(table["fit"]))
        source = self.word(table["drawn_from"], f"{place}.drawn_from", (POSTERIOR, PRIOR))
        text, chosen = self._model(table["model"], f"{place}.model") if "model" in table else model
        if chosen is None:
            raise _wrong("needs a model to draw from", self.file, place, None, 'give model = "basket_exnex", say')
        cases, weight = self.cases(table, place)
        if bool(cases) != (source == POSTERIOR):
            remedy = 'give `cases`, or drawn_from = "prior"' if not cases else "take `cases` away"
            raise _wrong("a posterior has cases, a prior none", self.file, f"{place}.cases", cases, remedy)
        return Drawn(source, chosen, text, cases, weight, shift)


def configurations(name: str, baskets: tuple[Basket, ...]) -> list[Scenario]:
    """Return every pattern of null and target: strong control is control under all of them."""
    found = []
    for pattern in itertools.product((False, True), repeat=len(baskets)):
        active = [own.name for own, on in zip(baskets, pattern, strict=True) if on]
        rates = tuple(own.target if on else own.null for own, on in zip(baskets, pattern, strict=True))
        found.append(Scenario(f"{name}: {', '.join(active) or 'none'}", rates, group=name))
    return found
