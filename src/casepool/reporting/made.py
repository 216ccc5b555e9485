"""How a page was made: a paragraph of methods, how to cite, models, checks, words, versions."""

from __future__ import annotations

import json
import time
from collections.abc import Hashable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

from casepool.estimation.draws import Fitted
from casepool.estimation.material import Material
from casepool.inference.convergence import NOT_ASKED
from casepool.inference.fit_contents import provisional, said_engine
from casepool.modelling.specification.cautions import lowered
from casepool.numbers import capital, counted, listed
from casepool.reporting.answers import Answers
from casepool.reporting.blocks import Block, Cell, Fold, Heading, Points, Quote, Table, Text
from casepool.reporting.cautions import trials_of
from casepool.reporting.checklist import checklist
from casepool.reporting.glossary import glossary
from casepool.reporting.model_cards import model_card
from casepool.reporting.patients import dates_open, event_words, in_table, outcome_name

REGRESSIONS = {"bernoulli": "logistic regression", "ordinal": "ordinal regression"}
NAMES_OF_PEOPLE = {"weibull": "Weibull", "gompertz": "Gompertz"}
ASKED = ("pass", "concern", "fail")
"""Verdicts of questions that were asked, from best to worst."""
EFFECTS = {
    "group": "effects that borrow from each other of",
    "category": "effects of",
    "banded": "effects of",
    "linear": "a linear effect of",
    "slope": "a slope that differs by level, of",
    "interaction": "an interaction of",
}
FROM_START, UNDATED = "counting from its start on", ", unknown dates weighed over their intervals"
FROM_ZERO = "as it came to be received"


def how_made(material: Material, answers: Sequence[Answers]) -> list[Block]:
    """Say what it takes to write up the page, and to make it again."""
    book = material.codebook
    blocks: list[Block] = [
        Heading("Methods, to copy"),
        Quote(methods(material, answers), "qm"),
        Heading("How to cite"),
        Text(
            f"{book.source}{'. Licence of the data: ' + book.licence if book.licence else ''}."
            if book.source
            else "The author must name the source of the data."
        ),
        Text(f"casepool {version('casepool')}. Bayesian hierarchical analysis of rare-disease case data."),
        *_trials(material),
        Fold(
            "Models and priors",
            [block for answer in answers for block in (Heading(answer.fitted.model.title), *model_card(answer.fitted))],
        ),
        checks_fold(answers),
        Fold("Words", glossary(material)),
        Fold("Reporting checklists", checklist(material, answers)),
        Fold("Versions, seeds and hashes", versions(material)),
    ]
    return blocks


def _trials(material: Material) -> list[Block]:
    """Name the sources of the prospective trials."""
    said = [f"{t.trial.partition(' (')[0]}: {t.population} ({t.reference})" for t in trials_of(material.folder)]
    return [Fold("Sources of the trials", [Text("; ".join(said) + ".")])] if said else []


def methods(material: Material, answers: Sequence[Answers]) -> str:
    """Write the methods as a paper would."""
    n = material.count(in_table(material))
    source = f" ({material.codebook.source.partition(',')[0]})" if material.codebook.source else ""
    first = f"Data of {n} patients{source} were analysed with Bayesian models (casepool {version('casepool')})."
    said: dict[tuple[str, str], list[str]] = {}
    for fitted in material.fits:
        events = said.setdefault(_modelled(material, fitted), [])
        events += [event_words(material, fitted.model)] * (event_words(material, fitted.model) not in events)
    told = []
    for (what, how), events in said.items():
        named = "; ".join(event for event in events if event != what)
        told.append(f"{capital(what)}{f' ({named})' if named else ''} was modelled by {how}.")
    told += [f"{capital(fitted.model.title)}: {_modelled(material, fitted)[1]}." for fitted in material.beside]
    refitted = any(answer.scales or answer.sensitivity is not None for answer in answers)
    moved = " How far answers move under other priors is reported." if refitted else ""
    draws = {f"{own.shape[0] * own.shape[1]:,}" for own in material.every}
    found = [own.convergence for own in material.every]
    rhat = [one["rhat"] for one in found if one["rhat"] is not None]
    agree = f"all R-hat were below {max(rhat) + 0.0005:.3f} and " if rhat else ""
    ess = min(one["ess"] for one in found)
    return (
        f"{first} {' '.join(told)} Priors are stated with their reasons. {_provisional(material)}"
        f"Answers are posterior medians with 95% "
        f"equal-tailed credible intervals from {listed(sorted(draws))} draws a model; {agree}effective sample sizes "
        f"were at least {ess:.0f}. "
        f"Raw proportions carry Clopper-Pearson intervals.{moved}"
    )


def _provisional(material: Material) -> str:
    """Say what of the fits is not meant to be the last word: quick draws, and priors of a draft."""
    said = {one.kind: one for own in material.every for one in provisional(own.tree, own.model)}
    return "".join(f"{capital(one.text())}. " for one in said.values())


def _modelled(material: Material, fitted: Fitted) -> tuple[str, str]:
    """Return what is modelled, and how."""
    model = fitted.model
    family = model.family.replace("_", " ")
    how = REGRESSIONS.get(model.family, f"a {NAMES_OF_PEOPLE.get(family, family)} hazard")
    terms = [f"{EFFECTS.get(t.kind, 'an effect of')} {lowered(material.label(t.source))}" for t in model.terms.values()]
    terms += [
        f"{EFFECTS[own.kind]} {' and '.join(lowered(material.label(model.terms[x].source)) for x in own.parents)}"
        for own in model.joint.values()
    ]
    start = f"{FROM_START}{UNDATED if dates_open(fitted) else ''}"
    terms += [f"{e.called} {start if e.begins else FROM_ZERO}" for e in model.exposures.values()]
    return lowered(outcome_name(material, model)), how + (f" with {listed(terms)}" if terms else "")


def checks_fold(answers: Sequence[Answers]) -> Fold:
    """Say how many checks were passed and which were not, every answer folded; closed where all passed."""
    rows: list[list[Cell]] = []
    concerns: list[tuple[str, str]] = []
    every: list[Block] = []
    passed = number = 0
    for answer in answers:
        asked = answer.checks[answer.checks["verdict"].isin(ASKED)]
        title = capital(answer.fitted.model.title)
        passed, number = passed + int((asked["verdict"] == "pass").sum()), number + len(asked)
        rows.append([Cell(title), Cell(f"{(asked['verdict'] == 'pass').sum()} of {len(asked)}")])
        told = [(_verdict(row), f"{row['question']}: {row['sentence']}.") for row in answer.checks.to_dict("records")]
        concerns += [(verdict, f"{title}. {capital(said)}") for verdict, said in told if verdict in ASKED[1:]]
        every += [Heading(title), Points(told)]
    blocks: list[Block] = [Points(concerns)] if concerns else []
    blocks.append(Fold("Every check", [Table("Checks passed.", ["model", "passed"], rows), *every]))
    failed = any(answer.verdict == "fail" for answer in answers)
    return Fold(f"Checks: {passed} of {number} passed", blocks, open=passed < number or failed)


def _verdict(row: Mapping[Hashable, Any]) -> str:
    return "" if row["verdict"] == NOT_ASKED else str(row["verdict"] or row["told"])


def versions(material: Material) -> list[Block]:
    """Say what it takes to make the page again."""
    rows = []
    for fitted in material.every:
        attrs = fitted.tree.attrs
        settings = ", ".join(f"{k} {v}" for k, v in fitted.settings.items())
        engine = "; ".join(filter(None, (attrs["inference_library"], said_engine(fitted.tree))))
        cells = [settings, engine, attrs["created"], attrs["data_sha256"], attrs.get("retried") or "–"]
        rows.append([Cell(f"`{fitted.model.name}`"), Cell(str(attrs["seed"])), *(Cell(str(text)) for text in cells)])
    headings = ["model", "seed", "settings", "sampler", "fitted", "SHA-256 of the data used", "retry"]
    found = json.loads(material.every[0].tree.attrs["versions"])
    found |= {name: version(name) for name in ("matplotlib", "jinja2")}
    whole = "the full table was at hand" if material.folder else "made from what the fits keep of the table"
    return [
        Table("The fits.", headings, rows),
        Text(f"Versions: {', '.join(f'{name} {number}' for name, number in found.items())}."),
        Text(
            f"Dataset: {material.codebook.name}; {whole}. {counted(len(rows), 'fit')}. Report written "
            f"{time.strftime('%Y-%m-%d %H:%M UTC', time.gmtime())}."
        ),
    ]
