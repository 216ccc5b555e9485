"""May this fit be believed: one verdict per question, with the number and a sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import ADOPTED, NUTS, flag_of
from casepool.checking.held_out import leave_out_of
from casepool.checking.importance import MOST_K
from casepool.checking.leave_one_out import LeftOneOut, leave_one_out
from casepool.checking.prior_sensitivity import NOTICEABLE, PULLED, STUCK, scaled
from casepool.checking.reported import main_answer, reported
from casepool.estimation.draws import Fitted, open_draws
from casepool.estimation.estimability import aliasing_of, pools
from casepool.estimation.told import DECIDE, PRIOR, TOGETHER, UNKNOWABLE
from casepool.inference.agreement import agreement, said_p, verdict_of_p
from casepool.inference.convergence import LEAST_BFMI, NOT_ASKED, RHAT, tell, worst
from casepool.inference.diagnostics import LEAST_ACCEPTANCE, LEAST_ESS, MOST_RHAT
from casepool.inference.evidence import MOST_FALSE, FalseAccepts, false_accepts
from casepool.inference.fit_contents import said_engine
from casepool.inference.psis import weigh_evenly
from casepool.modelling.design.design import patients_in
from casepool.modelling.terms.labels import Group
from casepool.tables import Sentences, marked_private
from casepool.writing import count_text

COLUMNS = ("question", "verdict", "value", "sentence", "about", "told")
PRIORS = "prior sensitivity"
"""The question whether a prior pulls against the data."""
SAMPLING, FIT, INFORMATION = "sampling", "fit", "information"
"""What a question is about: whether draws are of the posterior, whether model and data agree, what the data tell."""
MOST_MOVED = 1.0
"""Posterior standard deviations by which one patient may move a parameter: one takes its middle to the 16% point."""
MOST_ALIASED = 0.5
"""Share of a borrowing factor's patients that may be in levels only the prior tells apart."""
MOST_NAMED = 8
"""Patients a sentence names."""
FEWEST_LEVELS = 3
"""Levels from which one can be predicted from the others."""
MOST_UNCONVERGED = 0.1
"""Share of refits that may fail to converge before their answer is in doubt."""


def check(fit: xr.DataTree, *, refits: bool = False, progress: bool = True) -> pd.DataFrame:
    """Ask of a fit whether it may be believed.

    Parameters
    ----------
    fit : xarray.DataTree
        The answers are kept in it: tables, figures, reports and files made from it afterwards carry the worst.
    refits : bool
        Whether to put the questions that take refits: one for each patient whom importance sampling cannot leave
        out, for each level of a factor that borrows, and for each publication. What was asked once is not asked
        again.
    progress : bool
        Whether to say on standard error what is refitted.

    Returns
    -------
    pandas.DataFrame
        One row per question: ``question``, ``verdict`` (pass, concern, fail, or "not asked"), ``value``,
        ``sentence``, and what it is ``about``: "sampling", "fit" or "information". How much the data tell is no
        matter of passing: rows about information have no verdict, and say it in ``told``.

    Raises
    ------
    CasepoolError
        If the tree was not made by casepool.

    See Also
    --------
    power_scaling, leave_out, verify, compare_models

    Notes
    -----
    Limits: R-hat 1.01 and 400 effective draws for every parameter and every reported number (Vehtari 2021), no
    divergence, E-BFMI 0.3 (Betancourt 2016); of the engine lockstep nested R-hat (Margossian 2024) instead, and 60%
    of moves accepted; of exact, whose draws are independent, no R-hat, but Pareto k 0.7 and 400 draws by Kish's size
    of its weights. Of tables whose draws an engine accepted fewer than 1 in 200 may be wrong, by the upper limit of the
    count that ships; it is not asked where the engines have changed since. P values of prior and posterior prediction
    and of left-out levels 0.005 (concern) and 0.0005 (fail), after allowing for how many numbers were looked at; a
    prior pulls against the
    data where its power-scaling sensitivity (Kallioinen 2024) is three times what it would be without data; one
    patient may move a parameter by one posterior standard deviation. `casepool.estimation.told` has the limits of what
    is told; where half of a factor's patients are in levels that only the prior tells apart it is mostly the prior.

    References
    ----------
    Vehtari A, Gelman A, Simpson D, Carpenter B, Bürkner PC (2021). Rank-normalization, folding, and localization:
    an improved R-hat. Bayesian Analysis 16:667-718. doi:10.1214/20-BA1221

    Kallioinen N, Paananen T, Bürkner PC, Vehtari A (2024). Detecting and diagnosing prior and likelihood
    sensitivity with power-scaling. Statistics and Computing 34:57. doi:10.1007/s11222-023-10366-5

    Examples
    --------
    >>> import casepool as cp
    >>> fit = cp.fit("basket_berry", "sarcoma_imatinib", seed=1, progress=False)
    >>> print(cp.check(fit)[["question", "verdict"]].head(3))
    question         verdict
    convergence      pass
    false accepts    pass
    effective draws  pass
    """
    flag_of(refits, "refits")
    flag_of(progress, "progress")
    return check_of(open_draws(fit), refits=refits, progress=progress)


def check_of(fitted: Fitted, *, refits: bool = False, progress: bool = True) -> pd.DataFrame:
    """Ask what `check` asks, of a fit that is open; its answers are kept in the tree, which `judged` reads."""
    fit = fitted.tree
    asked = {
        SAMPLING: [*_sampling(fitted)],
        FIT: [*_agreement(fitted), _priors(fitted)],
        INFORMATION: [_information(fitted), *_aliasing(fitted)],
    }
    rows = [{"told": "", **row, "refits": False, "about": about} for about, each in asked.items() for row in each]
    before = [row for row in json.loads(fit.attrs.get("checks", "[]")) if row["refits"]]
    with_refits = refits or not before
    left_out = _left_out(fitted, refits=refits, progress=progress) if with_refits else before
    rows += [{"told": "", **row, "refits": refits or not with_refits, "about": FIT} for row in left_out]
    fit.attrs["checks"] = json.dumps(rows)
    tell(fit)
    return marked_private(Sentences(rows, columns=list(COLUMNS)), public=fitted.public)


def _answer(question: str, verdict: str, value: float, sentence: str) -> dict[str, Any]:
    return {"question": question, "verdict": verdict, "value": float(value), "sentence": sentence}


def _sampling(fitted: Fitted) -> Iterator[dict[str, Any]]:
    """Ask whether the sampler worked."""
    found = fitted.convergence
    ess, lost = found["ess"], found["divergences"]
    yield _answer("convergence", *_converged(fitted, found))
    yield _answer("false accepts", *_accepted(found["engine"], false_accepts()))
    said = f"the smallest effective sample size is {ess:.0f} ({found['ess_of']}); {LEAST_ESS} are needed"
    said += f": {_more(fitted, ess)}" if ess < LEAST_ESS else ""
    retried = fitted.tree.attrs.get("retried", "")
    said += f" (sampled again: {retried})" if retried else ""
    yield _answer("effective draws", "pass" if ess >= LEAST_ESS else "fail", ess, said)
    yield _reported(fitted)
    yield _answer("divergences", *_diverged(lost))
    yield _answer("energy", *_energy(found))


def _diverged(lost: float) -> tuple[str, float, str]:
    """Say how many draws diverged, as far as they came with it: verdict, value, sentence."""
    if np.isnan(lost):
        return NOT_ASKED, np.nan, f"{NOT_ASKED}: the draws were adopted without diverging in their sample_stats"
    return "fail" if lost else "pass", lost, f"{lost or 'no'} draw{'' if lost == 1 else 's'} diverged"


def _converged(fitted: Fitted, found: Mapping[str, Any]) -> tuple[str, float, str]:
    """Say by what an engine shows that its draws are of the posterior: verdict, value, sentence."""
    by = f" ({said_engine(fitted.tree)})" if said_engine(fitted.tree) else ""
    if found["rhat"] is None:
        said = (
            f"R-hat {NOT_ASKED} of independent draws; {found['proposals']:.0f} proposals are worth {found['kish']:.0f} "
        )
        said += f"even ones, their weights have Pareto k {found['k']:.2f}; twice the nodes move an answer by "
        said += f"{found['refinement']:.2g} standard deviations{by}"
        return "pass" if weigh_evenly(found) else "fail", found["k"], said
    of = f" ({found['rhat_of']})" if found["rhat_of"] else ""
    name = RHAT[found["engine"]]
    largest = (
        f"the largest {name} is {found['rhat']:.3f}" if np.isfinite(found["rhat"]) else f"{name} cannot be computed"
    )
    said = f"{largest}{of}; chains agree below {MOST_RHAT}{by}"
    return "pass" if found["rhat"] < MOST_RHAT else "fail", found["rhat"], said


def _accepted(engine: str, record: FalseAccepts | None) -> tuple[str, float, str]:
    """Say how often draws that an engine's own gates accepted were found wrong: verdict, value, sentence."""
    if engine == NUTS:
        return NOT_ASKED, np.nan, f"{NOT_ASKED}: {NUTS} is what draws of the other engines are laid against"
    if engine == ADOPTED:
        return NOT_ASKED, np.nan, f"{NOT_ASKED}: the draws were adopted, so that no engine of casepool accepted them"
    count = record.engine.get(engine) if record else None
    if record is None or count is None:
        return NOT_ASKED, np.nan, f"{NOT_ASKED}: how often {engine} accepts draws that are wrong was not counted"
    every = record.all
    said = f"of {every.accepted:,} tables whose draws the engines accepted {every.false or 'none'} had a wrong answer, "
    said += f"laid against {NUTS}: less than {every.upper:.2%} of such tables (upper {record.level:.0%} limit); "
    said += f"{count.false or 'none'} of the {count.accepted:,} drawn by {engine} (less than {count.upper:.2%})"
    if not record.current:
        return NOT_ASKED, np.nan, f"{NOT_ASKED}: the engines have changed since the count of {record.date}, when {said}"
    few = every if not count.false else count  # too few tables of one engine alone say nothing against it
    return "pass" if few.upper < MOST_FALSE else "concern", few.upper, said


def _energy(found: Mapping[str, Any]) -> tuple[str, float, str]:
    """Say whether a sampler explores the energies, as far as its engine has any: verdict, value, sentence."""
    if found["bfmi"] is not None:
        said = f"the smallest E-BFMI is {found['bfmi']:.2f}; the sampler explores the energies above {LEAST_BFMI}"
        return "pass" if found["bfmi"] > LEAST_BFMI else "concern", found["bfmi"], said
    if found["engine"] == ADOPTED:
        return NOT_ASKED, np.nan, f"{NOT_ASKED}: the draws were adopted without energy in their sample_stats"
    if "acceptance" not in found:
        return NOT_ASKED, np.nan, f"{NOT_ASKED}: the engine {found['engine']} moves through no energies"
    said = f"E-BFMI {NOT_ASKED} of the engine {found['engine']}; of its moves {found['acceptance']:.0%} were accepted "
    said += f"({LEAST_ACCEPTANCE:.0%} are enough)"
    return "pass" if found["acceptance"] >= LEAST_ACCEPTANCE else "concern", found["acceptance"], said


def _more(fitted: Fitted, ess: float) -> str:
    """Say how many draws a chain must have for enough effective ones, with a third to spare."""
    draws = int(fitted.settings["draws"])
    needed = draws * LEAST_ESS / max(1.0, ess) * 4 / 3  # 1 where no draw moved and there is none
    adopted = fitted.convergence["engine"] == ADOPTED
    again = "adopt more draws, or fit with" if adopted else "fit again with"
    other = "" if fitted.convergence["engine"] == NUTS else f' or engine="{NUTS}"'
    simpler = "" if ess >= LEAST_ESS / 4 else ", or better a simpler model"
    return f"{again} draws={100 * math.ceil(needed / 100)}{other}{simpler}"


def _reported(fitted: Fitted) -> dict[str, Any]:
    """Ask whether every number of the default tables converged, derived ones too."""
    table = reported(replace(fitted, verdict=""))  # so that every number answers for itself
    known = table[table["ess"].notna() & table["estimate"].notna()]
    poor = int((known["verdict"] == "fail").sum())
    if known.empty:
        return _answer("reported numbers", "pass", np.nan, "every reported number is fixed by the model")
    least = known.iloc[int(known["ess"].argmin())]
    name = ", ".join(filter(None, [str(least["estimand"]), str(least["by"]), str(least["level"])]))
    limits = f"{LEAST_ESS} draws" if fitted.independent else f"R-hat {MOST_RHAT} or {LEAST_ESS} draws"
    said = f"of {len(known)} reported numbers {poor or 'none'} fell short of {limits}"
    said += f" (R-hat {NOT_ASKED})" if fitted.independent else ""
    said += f"; the smallest effective sample size is {least['ess']:.0f} ({name})"
    return _answer("reported numbers", "fail" if poor else "pass", least["ess"], said)


def _agreement(fitted: Fitted) -> list[dict[str, Any]]:
    """Take the answers computed with the draws, or compute them for a fit that carries none."""
    if "agreement" not in fitted.tree.attrs:
        found = agreement(fitted.design, fitted.cases, fitted.parameters, fitted.seed, fitted.codebook)
        fitted.tree.attrs["agreement"] = json.dumps(found)
    rows: list[dict[str, Any]] = json.loads(fitted.tree.attrs["agreement"])
    return rows


def _priors(fitted: Fitted) -> dict[str, Any]:
    """Ask whether a prior pulls against the data, by scaling its power."""
    priors = scaled(fitted)
    found = [item for item in priors if not np.isnan(item.prior)]
    if not found:
        why = STUCK if priors else "no prior is a distribution"
        return _answer(PRIORS, NOT_ASKED, np.nan, f"not asked: {why}")
    most = max(found, key=lambda item: item.prior / max(item.alone, NOTICEABLE))
    pulled = most.prior > NOTICEABLE and most.prior > PULLED * most.alone
    matter = [item.name for item in found if item.prior >= NOTICEABLE]
    said = f"{most.name} has power-scaling sensitivity {most.prior:.2f} to its prior, {most.alone:.2f} without data"
    said += "; prior and data pull apart" if pulled else "; no prior pulls against the data"
    said += f"; the prior matters for {', '.join(matter)}" if matter else "; no prior matters much"
    return _answer(PRIORS, "concern" if pulled else "pass", most.prior, said)


def _information(fitted: Fitted) -> dict[str, Any]:
    """Say how much of the fit's main answer the data tell."""
    main = main_answer(fitted)
    word, learnt = str(main["told"]), float(main["learnt"])
    shorter = "" if np.isnan(learnt) else f"the data make the prior's interval {learnt:.0%} shorter"
    said = f"{main['estimand']}: {shorter}"
    if word == UNKNOWABLE:
        said += "; an arm without events, or an exposure without dates, leaves the rest to the prior"
    if not word:
        said += "not asked, as a prior is flat or this is a study's refit"
    return {"question": "what the data tell", "verdict": "", "value": learnt, "sentence": said, "told": word}


def _aliasing(fitted: Fitted) -> Iterator[dict[str, Any]]:
    """Say of every factor which of its levels only the prior tells apart."""
    table = aliasing_of(fitted)
    for name, levels in table.groupby("factor", sort=False):
        if pools(fitted.design, str(name)) or not fitted.design.terms[str(name)].coded.coefficients:
            continue
        alone = levels[~levels["separated"].astype(bool) & (levels["patients"] > 0)]
        share = float(alone["patients"].sum() / max(levels["patients"].sum(), 1))
        borrows = fitted.model.terms[str(name)].borrows
        word = DECIDE if not share else TOGETHER if borrows and share <= MOST_ALIASED else PRIOR
        said = f"the data tell all levels of {name} with patients apart"
        if share:
            said = f"{share:.0%} of the patients are in levels of {name} that only the prior tells apart: "
            said += ", ".join(alone["level"])
        yield {**_answer(f"aliasing of {name}", "", share, said), "told": word}


def _left_out(fitted: Fitted, *, refits: bool, progress: bool) -> Iterator[dict[str, Any]]:
    """Ask what depends on one patient, on one level, on one publication: refits of a fit that failed tell nothing."""
    if fitted.design.shared:
        said = "not asked: rows share one likelihood, so that none can be left out by itself"
        yield _answer("single patients", NOT_ASKED, np.nan, said)
        return
    worked = fitted.convergence["verdict"] != "fail"
    refits = refits and worked
    yield _single(fitted, leave_one_out(fitted, refits=refits, progress=progress), refits=refits)
    groups = {
        f"levels of {name} left out": name
        for name, term in fitted.model.terms.items()
        if isinstance(term, Group) and term.way.informs
    }
    if fitted.codebook.publication in fitted.cases.columns:  # a private fit does not keep it
        groups["publications left out"] = fitted.codebook.publication
    for question, by in groups.items():
        group = fitted.membership(by)
        count = int((group.counts(fitted.design)[0] > 0).sum())
        if count < FEWEST_LEVELS:
            yield _answer(question, NOT_ASKED, np.nan, f"not asked: {count} levels are too few to predict one")
        elif not worked:
            yield _answer(question, NOT_ASKED, np.nan, "not asked: the fit itself did not converge")
        elif not refits:
            yield _answer(question, NOT_ASKED, np.nan, f"not asked: refits=True leaves out each of {count}, by a refit")
        else:
            yield _together(question, leave_out_of(fitted, by, progress=progress), public=fitted.public)


def _single(fitted: Fitted, found: LeftOneOut, *, refits: bool) -> dict[str, Any]:
    """Say whether some patient alone moves the fit, by Pareto k and, where that is high, by a refit without."""
    patients = np.array(fitted.design.patients)
    k, total = found.k.max(), found.elpd.sum()
    said = f"the largest Pareto k of leave-one-out is {k:.2f} (limit {MOST_K})"
    if found.in_doubt.any() and not refits and (patients_in(fitted.design.outcome) > 1).any():
        asked = "not asked: rows hold several patients, and leaving one out leaves out all of them"
        return _answer("single patients", NOT_ASKED, k, f"{asked}; {said}: refits=True fits without")
    if found.in_doubt.any():
        doubted = list(patients[found.in_doubt])
        named = ", ".join(doubted[:MOST_NAMED]) + f" and {len(doubted) - MOST_NAMED} others" * (
            len(doubted) > MOST_NAMED
        )
        said += f"; without patient {named} the fit may change by more than these draws can tell"
        said += "" if refits else ": refits=True fits without"
        return _answer("single patients", "concern", k, said)
    verdict = "pass"
    if found.moved:
        patient, (name, shift) = max(found.moved.items(), key=lambda item: abs(item[1][1]))
        verdict = "concern" if abs(shift) > MOST_MOVED or found.unconverged else "pass"
        said += f"; refitted without patient {', '.join(found.moved)}: {name} moves most, without {patient}, by "
        said += f"{shift:.2f} of its standard deviation"
        said += f"; without {', '.join(found.unconverged)} it did not converge" if found.unconverged else ""
    else:
        said += "; no patient alone moves the fit much"
    spread = np.sqrt(len(patients) * found.elpd.var())
    return _answer(
        "single patients", verdict, k, f"{said}; expected log predictive density {total:.1f} (se {spread:.1f})"
    )


def _together(question: str, table: pd.DataFrame, *, public: bool) -> dict[str, Any]:
    """Say how well levels are predicted from the others, and which is the least expected."""
    least = table.iloc[int(table["p"].argmin())]
    lost = int(table.attrs["unconverged"])
    score, prior, pooled = (table[name].sum(min_count=len(table)) for name in ("score", "score_prior", "score_pooled"))
    beside = [f"{prior:.1f} from the prior alone"] * bool(np.isfinite(prior))
    beside += [f"{pooled:.1f} were each an average level"] * bool(np.isfinite(pooled))
    events, n = (count_text(float(least[name]), not public) for name in ("events", "n"))
    said = f"the joint log scores of {len(table)} sum to {score:.1f}" + (f" ({'; '.join(beside)})" if beside else "")
    said += f"; the least expected is {least['level']}: {events} of {n}, predicted "
    said += f"{least['expected_lower']:g} to {least['expected_upper']:g} (95%), P {said_p(least['p'])} allowing for all"
    said += f"; {lost} refits did not converge" if lost else ""
    verdicts = [verdict_of_p(p) for p in table["p"]]
    doubt = "concern" if lost > MOST_UNCONVERGED * len(table) else ""
    return _answer(question, worst(*verdicts, doubt), least["p"], said)
