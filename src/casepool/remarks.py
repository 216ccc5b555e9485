"""What a row says besides its numbers: a kind and typed slots, put into words in one place and nowhere read again.

Whatever code needs stands in a typed column of the row; a remark is for readers. Its counts are marked, and the
identifiers in it withheld, where the table is not public: by slot, never by looking for them in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from string import Formatter
from typing import TYPE_CHECKING, Any

from casepool.writing import count_text

if TYPE_CHECKING:
    import pandas as pd

BETWEEN = "; "
"""Stands between the remarks of a note; no remark holds it."""
WORDS = {
    # of any number of a fit
    "chains differ": "chains differ in this number: R-hat {rhat}",
    "drawn by": "drawn by {engine}",
    "drawn instead": "drawn by {engine}, as {declined} declined",
    "adopted": "adopted: not drawn by casepool",
    "quick": "a quick fit for a first look, {draws} draws a chain: fit again without quick before reporting",
    "unconfirmed": "a convention that nobody has confirmed yet is the prior of {names}",
    "refit": "of this refit only convergence was asked",
    "integrated": "{n} without {covariate} (integrated over its distribution)",
    "summed": "{n} without {covariate} (summed over its levels)",
    "incomplete": "{parts}",
    "left out": "left out: {parts}",
    "left out for": "{n} ({reason})",
    "event at the start": "{n} had the event at the very time {exposure} began: it counts as before it",
    "one level only": "all patients have {term} '{level}': the term adds nothing",
    "never exposed": "all patients of the fit are '{arm}': what is said of {exposure} is the prior's alone",
    "always exposed": "all patients of the fit are '{arm}': {exposure} is told from their own time before it alone",
    "extrapolated": "extrapolated beyond the last follow-up ({last})",
    "one-sided bound": "one-sided 95% {side} bound {bound}",
    # of patients and levels
    "in several levels": "patients in several levels ({patients}) count in each: rows do not add up",
    "in no level": "{n} without {by} left out of these rows",
    "several": "'{level}' holds the patients of more than one level",
    "nobody reached": "nobody in the fit reached {codes}",
    "all reached one": "only {code} was reached: how far apart the categories lie is the prior's",
    "counts differ": "{column} differs between sources: {counts}",
    "no patient": "no patient",
    "no patient of the level": "no patient of this level in the fit",
    "described elsewhere": 'target="standardised" or "new" describes it',
    "set to the level": "no patient of this level in the fit: all patients, each set to it",
    "nobody evaluable": "no evaluable patient of this level",
    "cells drawn anew": "{cells} of {all} cells of {term} have no patient in the fit: their effects are drawn anew",
    "combinations seen": "{seen} of {implied} implied combinations seen",
    "own target": "at the level's own target rate",
    "others' target": "at the target rates of the patients of the fit",
    "out of range": "{side} both its raw rate and an unseen level's ({unseen})",
    "moved out of range": "{side} both its raw rate and an unseen level's ({unseen}), moved by {term}",
    "unseen label": "{term} {labels} unseen: its effect is drawn from {source}",
    "missing value": "{term} missing: averaged over {source}",
    "of the fit": "patient {patient} of the fit",
    "weighed by survival": "draws weighed by the chance of being {free} until then, worth {worth} of {draws}",
    "flat prior": "the prior on {names} is flat and says nothing alone",
    "several members": "a patient with several of them counts in each: rows do not add up",
    "several groups": "a patient may be in several of these groups",
    "range withheld": "smallest and largest are somebody's, and withheld",
    # of comparisons
    "of probabilities": "of the {target} probabilities",
    "observed against": "patients with this {by} against {against}, as they are",
    "no level among the rest": "patients whose {by} is missing are among the rest",
    "standardised against": "all patients, each set to every level, and levels weighed {weights} in {against}",
    "aliased": "only the prior tells {level} apart{because}: see aliasing(fit)",
    "raw counts": "{a} of {n} against {b} of {m}",
    "better categories": "above 1: better categories are more likely, other terms being equal",
    "prior share": "{share} before seeing the data",
    "even chance": "{chance} if nothing told the {levels} levels apart",
    "own prior": "{parameter} ~ {prior}",
    # of survival and exposures
    "same patients": "standardised over the same {n}",
    "all patients": "standardised over all patients of the fit",
    "came to be": "n and events are of those who came to be in the arm",
    "typical start": "a start at {time} {unit}, the {which} of the cases as recorded",
    "start withheld": "a start at time zero, as fewer than {few} patients have a known one and theirs is withheld: "
    "give `start`, or `report_start` in the model file",
    "start of nobody": "a start at {time} {unit} is one that no patient of the fit had: what follows it is the model's "
    "alone",
    "as if": "as if all were {arm}",
    "dates": "dates of {exposure}: {dating}",
    "guard": "{caution}",
    "undefined": "undefined: both are infinite in {share} of draws",
    "prior alone": "under the prior alone {chance}",
    "prior of the coefficient": "prior {prior}",
    "prior of the ratio": "prior of the log ratio {prior}",
    "exposed": "{n} exposed with {events} events",
    "dates moved": "every unknown date at {place} of its interval",
    "excluded everywhere": "never: the interval excludes 1 wherever the dates lie",
    "held at once": "the interval holds 1 from the earliest dates on",
    # of raw survival
    "at ends": "events known to lie in an interval are put at its end, which raises survival: the model does without "
    "that",
    "at its date": "{exposure} at its {dating} date",
    "in each arm": "a patient counts in each arm for the time spent in it",
    "beyond": "beyond the last follow-up ({last})",
    "nobody at risk": "nobody is at risk then: no estimate",
    "few expected": "warning: the approximation is doubtful, an arm has {smallest} expected events (below {limit})",
    "arms enumerated": "all {count} ways to deal these patients to arms of these sizes enumerated",
    "arms drawn": "{count} random ways to deal these patients to arms of these sizes (seed {seed}): Monte Carlo error "
    "{error}",
    "arms alike": "exact where entry and censoring do not depend on the arm",
    "no permutation": "no exact P beside it: patients pass from one arm to the other",
    "other ends": "{n} with another end ({codes}), after which it cannot happen",
    "incidence limits": "log-log limits of the incidence",
    "sampled tables": "{count} tables with these margins drawn (seed {seed}), of {tables}: Monte Carlo error {error}",
    "no event yet": "no event by then: no limits",
    "log-log": "log-log limits",
    "at risk": "{n} at risk",
    "median limits": "log-log limits (Brookmeyer-Crowley), {others}",
    "other limits": "on the {scale} scale {limits}",
    "median rule": "where survival is exactly one half: {rule}",
    "log-rank": "chi-square {statistic}, df {df}",
    "events by arm": "events by arm: {parts}",
    "observed and expected": "{observed} observed and {expected} expected",
    "fewer than two arms": "nothing to compare: fewer than two arms are at risk at an event",
    "no Cox": "whenever both arms were at risk, events came from one alone: the plain Cox estimate does not exist",
    "at its limit": "the likelihood rises without end towards this ratio: only the other limit is one",
    "profile": "profile-likelihood limits",
    "Wald": "Wald limits",
    "standard error": "standard error of the log ratio, or of the cutpoint, {error}",
    "reverse": "follow-up that an event cut short counts as censored (log-log limits)",
    "likelihood ratio": "likelihood ratio",
    "delta": "limits by the delta method",
    "no prior": "no prior",
    "adjusted": "adjusted for {terms}",
    "not computed": "not computed: {reason}",
    "cured": "never reached: part of the patients is cured",
    # of raw rates
    "fewer than two levels": "fewer than two levels have evaluable patients: nothing to compare",
    "enumerated": "{tables} tables with these margins enumerated",
    "same outcomes": "all outcomes are the same: nothing to compare",
    "chi-square": "chi-square {statistic}, df {df}",
    "expected counts": "expected counts{listed}: smallest {smallest}, {few} of {cells} below {limit}",
    "doubtful": "warning: the approximation is doubtful, use the exact test",
    # of trials
    "mean and sd": "mean {mean}, sd {sd}",
    "vague": "the vague part has the weight {weight} before the cases",
    "one study": "one study says nothing of the spread between studies: that is the prior's alone",
    "trials of the mean level": "the trials inform the intercept, the mean over the levels of {terms}, and no level "
    "more than another: `about` names one",
    "trials predict": "{expected} events expected",
    "conflict": "below {limit}: cases and trials contradict each other",
    "worth with and without": "worth {with_} patients with the trials and {without} without",
    # of selective publication
    "selection fixed": "a success taken to be published {ratio} times as readily",
    "prior of the ratio of publication": "{lower} to {upper} before the data",
    "bound only": "all cases alike: only the other limit says anything, and it moves with the ratio",
    # of checks and scores
    "sensitivity": "{meaning}",
    "sensitivity of data": "likelihood {likelihood}",
    "sensitivity alone": "{alone} if the data said nothing",
    "in doubt": "Pareto k above the limit for patient {patients}",
    "refitted without": "refitted without {n}",
    # of trials that are planned
    "given the cases": "given these very cases, which enter the analysis",
    "drawn rates": "a posterior of published cases is no posterior of the next patients",
    "shifted rates": "every drawn rate moved by {shift} log odds",
    "scored by the truth": "scored by the rates drawn",
    "scored by the posterior": "scored by the probability that the rate lies above null, given cases and outcomes",
    "no decision turned": "{n} more patients turn no decision, whatever their outcomes",
    "did not converge": "the fit without these patients did not converge",
    # of what a change of a dataset moved
    "within draws": "{parts}: not more than the draws can tell",
    "new number": "no such number before",
    "new case": "{reason}",
}
"""What every kind of remark says; braces hold its slots."""


@dataclass(frozen=True)
class Count:
    """A number of patients, events or rows, with what is counted where the words do not say it."""

    count: float
    noun: str = ""

    def text(self, *, public: bool) -> str:
        """Write it, marked where it may identify a patient."""
        written = count_text(self.count, not public)
        return f"{written} {self.noun}{'s' * (self.count != 1)}" if self.noun else written


@dataclass(frozen=True)
class Patients:
    """Patients by identifier: counted where the table is not public."""

    labels: tuple[str, ...]

    def text(self, *, public: bool) -> str:
        """Write them one after the other, or how many they are."""
        return ", ".join(self.labels) if public else Count(len(self.labels)).text(public=False)


@dataclass(frozen=True)
class OfOne:
    """A value that is one patient's, as the last follow-up is: withheld where the table is not public."""

    value: str

    def text(self, *, public: bool) -> str:
        """Write it, or that it is withheld."""
        return self.value if public else "withheld"


@dataclass(frozen=True)
class Remark:
    """One thing that is said of a row.

    Parameters
    ----------
    kind : str
        A key of `WORDS`.
    slots : mapping of str to str, number, Count, Patients, OfOne or tuple of Remark
        What its words hold.
    """

    kind: str
    slots: Mapping[str, Any] = field(default_factory=dict)

    def text(self, *, public: bool = True) -> str:
        """Put it into words, small counts marked and identifiers withheld unless the table is `public`."""
        slots = {name: _written(value, public) for name, value in self.slots.items()}
        return WORDS[self.kind].format_map(slots)


Remarks = tuple[Remark, ...]
NONE: Remarks = ()


def remark(kind: str, **slots: Any) -> Remarks:
    """Make one remark, to be added to others.

    Raises
    ------
    KeyError
        For a kind that has no words.
    """
    if kind not in WORDS:
        raise KeyError(kind)
    return (Remark(kind, slots),)


def note_of(remarks: Iterable[Remark], *, public: bool = True) -> str:
    """Put remarks into words, one behind the other."""
    return BETWEEN.join(dict.fromkeys(one.text(public=public) for one in remarks))


def plain_remarks(remarks: Iterable[Remark], *, public: bool = True) -> list[list[Any]]:
    """Return remarks as JSON can hold them, kinds and slots without words; of a private table no identifier."""
    return [[one.kind, {name: _plain(value, public) for name, value in one.slots.items()}] for one in remarks]


def read_remarks(plain: Any) -> Remarks:
    """Return the remarks that `plain_remarks` wrote, for the words of today.

    Raises
    ------
    ValueError
        If they are none, or of a kind or with slots that have no words today.
    """
    try:
        found = tuple(Remark(kind, {name: _slot(value) for name, value in slots.items()}) for kind, slots in plain)
        whole = all(_slots_of(one.kind) <= one.slots.keys() for one in found)
    except (TypeError, ValueError, KeyError, AttributeError):
        whole = False
    if not whole:
        raise ValueError("no remarks of today")
    return found


def parts(note: str) -> list[str]:
    """Return the remarks of a note, as they were put into words."""
    return [part for part in note.split(BETWEEN) if part]


def with_remarks(table: pd.DataFrame, remarks: Remarks, *, last: bool = False) -> pd.DataFrame:
    """Return a table of answers with remarks before what each of its rows says, or after."""
    said = note_of(remarks, public=table.attrs.get("public", True))
    notes = [[note, said] if last else [said, note] for note in table["note"]]
    return table.assign(note=[BETWEEN.join(filter(None, both)) for both in notes])


def _written(value: Any, public: bool) -> str:
    if isinstance(value, Count | Patients | OfOne):
        return value.text(public=public)
    if isinstance(value, tuple):
        return ", ".join(one.text(public=public) for one in value)
    return str(value).replace(BETWEEN, ", ")


def _plain(value: Any, public: bool) -> Any:
    """Return a slot as JSON can hold it."""
    if isinstance(value, Patients):
        return {"patients": list(value.labels)} if public else _plain(Count(len(value.labels)), public)
    if isinstance(value, Count):
        return {"count": float(value.count), "noun": value.noun}
    if isinstance(value, OfOne):
        return {"of_one": value.text(public=public)}
    if isinstance(value, tuple):
        return {"remarks": plain_remarks(value, public=public)}
    return value if isinstance(value, int | float) else str(value)


def _slot(plain: Any) -> Any:
    """Return the slot that `_plain` wrote."""
    if not isinstance(plain, dict):
        return plain
    if "count" in plain:
        return Count(float(plain["count"]), str(plain["noun"]))
    if "of_one" in plain:
        return OfOne(str(plain["of_one"]))
    return read_remarks(plain["remarks"]) if "remarks" in plain else Patients(tuple(map(str, plain["patients"])))


def _slots_of(kind: str) -> set[str]:
    """Return the slots that the words of a kind hold."""
    return {name for _, name, _, _ in Formatter().parse(WORDS[kind]) if name}
