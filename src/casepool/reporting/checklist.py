"""The reporting checklist: items of three guidelines, each filled from the fits or left to the author.

Items are paraphrased, in the guidelines' order and without their numbers: BARG (Kruschke 2021), PRISMA-IPD
(Stewart 2015) and, where a report compares by an exposure, TARGET (Cashin 2025).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from casepool.cases.problems import ERROR
from casepool.cases.rules import RULES
from casepool.checking.verdicts import PRIORS
from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.estimation.survival import survival_words
from casepool.inference.agreement import CONFLICT, REPLICATED
from casepool.inference.convergence import NOT_ASKED, RHAT
from casepool.inference.fit_contents import said_engine
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.families.registry import FAMILIES
from casepool.modelling.specification.exposure import Exposure
from casepool.numbers import counted, listed
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Cell, Table, Text
from casepool.writing import hidden_text

AUTHOR = "the author must supply"
Filler = Callable[[Material, Sequence[Answers]], str]


@dataclass(frozen=True)
class Item:
    """One item: what is to be reported, and what fills it; None leaves it to the author."""

    asks: str
    fill: Filler | None = None


def checklist(material: Material, answers: Sequence[Answers]) -> list[Block]:
    """Fill every item of the guidelines that apply."""
    blocks: list[Block] = [Text("Items are paraphrased; what only the author can know is marked so.", tone="small")]
    for guideline, items in GUIDELINES.items():
        if "TARGET" in guideline and _exposure(answers) is None:
            continue
        rows = [[Cell(item.asks), Cell(item.fill(material, answers) if item.fill else AUTHOR)] for item in items]
        blocks.append(Table(guideline, ["item", "where this report stands"], rows))
    return blocks


def _each(say: Callable[[Fitted], str]) -> Filler:
    """Say something of every fit, by its model's name."""
    return lambda material, answers: "; ".join(f"`{fitted.model.name}`: {say(fitted)}" for fitted in material.every)


def _patients(fitted: Fitted) -> str:
    numbers = patients_and_events(fitted.design)[0].sum(), sum(fitted.design.sizes_left_out.values())
    inside, left = (hidden_text(float(number), not fitted.public) for number in numbers)
    return f"{inside} patients in the fit, {left} left out"


def _model(fitted: Fitted) -> str:
    equation = FAMILIES[fitted.model.family].equation[fitted.model.form]
    terms = counted(len(fitted.model.every_term), "term")
    return f"{fitted.model.family}, {equation}, eta of {terms} besides its zero point"


def _priors(fitted: Fitted) -> str:
    open_ = fitted.model.unconfirmed
    said = f", of which {len(open_)} are conventions that nobody has confirmed yet" if open_ else ""
    return f"{counted(len(fitted.model.priors), 'prior')}, each with its reason in the chapter's table{said}"


def _converged(fitted: Fitted) -> str:
    found = fitted.convergence
    asked = found["rhat"] is not None
    agree = f"largest {RHAT[found['engine']]} {found['rhat']:.3f}" if asked else f"R-hat {NOT_ASKED}"
    by = f", {said_engine(fitted.tree)}" if said_engine(fitted.tree) else ""
    lost = f"{found['divergences']} draws diverged" if found["divergences"] >= 0 else f"divergences {NOT_ASKED}"
    return f"{agree}, {lost}{by}"


def _resolution(fitted: Fitted) -> str:
    found = fitted.convergence
    return f"smallest effective sample size {found['ess']:.0f} ({found['ess_of']})"


def _settings(fitted: Fitted) -> str:
    return f"seed {fitted.seed}, {', '.join(f'{key} {value}' for key, value in fitted.settings.items())}"


def _asked(start: str) -> Filler:
    """Say how many of the questions of `check` whose name begins so were passed, by fit."""

    def fill(material: Material, answers: Sequence[Answers]) -> str:
        said = []
        for answer in answers:
            asked = answer.checks[answer.checks["question"].str.startswith(start)]
            asked = asked[asked["verdict"].isin(("pass", "concern", "fail"))]
            passed = int((asked["verdict"] == "pass").sum())
            said.append(f"`{answer.fitted.model.name}`: {passed} of {counted(len(asked), 'question')} passed")
        return "; ".join(said)

    return fill


def _software(material: Material, answers: Sequence[Answers]) -> str:
    versions = json.loads(material.every[0].tree.attrs["versions"])
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def _data(material: Material, answers: Sequence[Answers]) -> str:
    hashes = "; ".join(f"`{f.model.name}` {f.tree.attrs['data_sha256'][:12]}…" for f in material.every)
    return f"dataset {material.codebook.name}; SHA-256 of the rows and columns used: {hashes}"


def _source(material: Material, answers: Sequence[Answers]) -> str:
    book = material.codebook
    return f"{book.source}; licence {book.licence or 'not given'}" if book.source else AUTHOR


def _columns(material: Material, answers: Sequence[Answers]) -> str:
    book = material.codebook
    guessed = f", {len(book.guessed)} of guessed type" if book.guessed else ""
    rows = material.count(len(material.cases), "row")
    return f"{rows} of {counted(len(book.columns), 'column')}, typed by a codebook{guessed}"


def _integrity(material: Material, answers: Sequence[Answers]) -> str:
    """Say what reading the table asked of it: the ranges and levels its codebook declares, and the rules that ran."""
    columns = [column for name, column in material.codebook.columns.items() if name in material.cases.columns]
    roles = {column.role for column in columns}
    ranges, levels = sum(column.range is not None for column in columns), sum(bool(column.levels) for column in columns)
    rules = [
        name
        for name, rule in RULES.items()
        if rule.severity == ERROR and all(roles.intersection(needed) for needed in rule.needs)
    ]
    said = [f"the ranges of {counted(ranges, 'column')}"] * bool(ranges)
    said += [f"the levels of {counted(levels, 'column')}"] * bool(levels)
    said += [f"{counted(len(rules), 'rule')} across columns ({', '.join(rules)})"] * bool(rules)
    return f"every row passed, when read, {listed(said)}" if said else AUTHOR


def _open_choices(material: Material, answers: Sequence[Answers]) -> str:
    decisions = material.codebook.codings
    if not decisions:
        return AUTHOR
    said = listed([name.replace("_", " ") for name in decisions])
    return f"{counted(len(decisions), 'decision')} the table leaves open, with what could be chosen: {said}"


def _sensitivity(material: Material, answers: Sequence[Answers]) -> str:
    said = _asked(PRIORS)(material, answers)
    refits = [f"`{a.fitted.model.name}`: {counted(_refits(a), 'refit')}" for a in answers if _refits(a)]
    return f"power scaling of every prior, {said}" + (f"; other priors, {'; '.join(refits)}" if refits else "")


def _refits(answer: Answers) -> int:
    """How many refits under other priors and datings an answer holds."""
    ratios = 0 if answer.sensitivity is None else int((answer.sensitivity["unit"] == "ratio").sum())
    return ratios + sum(len(tables) for tables in answer.scales.values())


def _exposure(answers: Sequence[Answers]) -> tuple[Answers, Exposure] | None:
    return next(((answer, answer.exposure) for answer in answers if answer.exposure is not None), None)


def _of_exposure(say: Callable[[Answers, Exposure], str]) -> Filler:
    """Say something of the comparison by an exposure."""

    def fill(material: Material, answers: Sequence[Answers]) -> str:
        found = _exposure(answers)
        return say(*found) if found else AUTHOR

    return fill


def _strategies(answer: Answers, exposure: Exposure) -> str:
    return listed(list(survival_words(answer.fitted, exposure.name).arms.values()))


def _size(answer: Answers) -> str:
    return hidden_text(len(answer.fitted.design.patients), not answer.fitted.public)


def _assigned(answer: Answers, exposure: Exposure) -> str:
    terms = list(answer.fitted.model.terms)
    adjusted = f"the model adjusts for {listed(terms)} only" if terms else "the model adjusts for nothing"
    n = _size(answer)
    return f"not randomised: {n} patients, {exposure.called} as it happened; {adjusted}"


def _events(answer: Answers, exposure: Exposure) -> str:
    outcome, exposed = answer.fitted.design.outcome["event"], answer.fitted.design.exposed
    n, events, who, among = (
        hidden_text(number, not answer.fitted.public)
        for number in (len(outcome), outcome.sum(), exposed.sum(), outcome[exposed].sum())
    )
    return f"{n} patients with {events} events; {who} exposed with {among} events"


def _dates(answer: Answers, exposure: Exposure) -> str:
    if not exposure.begins:
        return "patients are compared by what they received, from time zero on: the guard stands in the chapter"
    who = hidden_text(answer.fitted.design.exposed.sum(), not answer.fitted.public)
    return f"the {who} count as exposed from the start of {exposure.called} on; unknown dates by `{exposure.dating}`"


BARG = (
    Item("why a Bayesian analysis, and the goals of the analysis"),
    Item("the data: variables and how many patients", _each(_patients)),
    Item("the likelihood and its parameters", _each(_model)),
    Item("the priors, and a reason for each", _each(_priors)),
    Item("whether the prior predicts sensible data", _asked(CONFLICT)),
    Item("software", _software),
    Item("convergence of the chains", _each(_converged)),
    Item("resolution of the chains", _each(_resolution)),
    Item("posterior predictive check", _asked(REPLICATED)),
    Item("summaries of the posterior, kind and width of intervals", lambda material, answers: (
        f"posterior median and 95% equal-tailed credible interval of every number, of {counted(len(answers), 'model')}"
    )),
    Item("decisions taken, with their criterion and loss"),
    Item("sensitivity to the priors", _sensitivity),
    Item("reproduction: seeds and settings", _each(_settings)),
    Item("reproduction: the data", _data),
    Item("reproduction: where script, model files and fits are deposited"),
)  # fmt: skip
PRISMA_IPD = (
    Item("title says that individual patients' data were analysed"),
    Item("rationale, objectives, protocol and registration"),
    Item("eligibility of studies and of patients"),
    Item("sources, search and selection of studies", _source),
    Item("how individual data were collected, and which variables", _columns),
    Item("checks of the data's integrity", _integrity),
    Item("how variables were coded where sources leave it open", _open_choices),
    Item("risk of bias in the studies"),
    Item("methods of synthesis", _each(_model)),
    Item("patients obtained, and left out with reasons", _each(_patients)),
    Item("results, with intervals, and how they vary between groups of patients", lambda material, answers: (
        f"the answers of {counted(len(answers), 'model')} above, each beside what it replaces"
    )),
    Item("risk of bias across studies: selection for publication", lambda material, answers: (
        f"not to be told from these {material.count(len(material.cases))} cases: see What it cannot show"
    )),
    Item("strengths, limits and meaning; funding"),
)  # fmt: skip
TARGET = (
    Item("the causal question, and why a trial is emulated"),
    Item("eligibility at time zero"),
    Item("treatment strategies compared", _of_exposure(_strategies)),
    Item("assignment, and how confounding at baseline is dealt with", _of_exposure(_assigned)),
    Item("time zero, follow-up, and when exposure counts", _of_exposure(_dates)),
    Item("outcome, and how many had it", _of_exposure(_events)),
    Item("causal contrast and its assumptions", _of_exposure(lambda answer, exposure: (
        "none is claimed: the ratio is an association among "
        f"{_size(answer)} patients (see What it cannot show)"
    ))),
    Item("statistical analysis", _of_exposure(lambda answer, exposure: _model(answer.fitted))),
    Item("sensitivity analyses", _of_exposure(lambda answer, exposure: (
        f"{counted(_refits(answer), 'refit')} under other priors and datings; the model's own is one of them"
    ))),
    Item("how far the result carries to other patients, funding and interests"),
)  # fmt: skip
GUIDELINES = {
    "Bayesian analysis: BARG (Kruschke 2021)": BARG,
    "The table: PRISMA-IPD (Stewart 2015)": PRISMA_IPD,
    "The comparison by an exposure: TARGET (Cashin 2025)": TARGET,
}
