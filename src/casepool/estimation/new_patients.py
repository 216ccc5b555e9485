"""New patients laid on a fit: known, unseen and missing covariates alike become rows of another Design."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from casepool.cases import Column
from casepool.cases.codebook import Codebook, codebook_from_dict
from casepool.cases.columns import folded
from casepool.cases.tables import bare, typed
from casepool.errors import CasepoolError
from casepool.estimation.draws import Fitted
from casepool.estimation.estimability import level_weights
from casepool.estimation.joint_effects import extended
from casepool.estimation.patients_told import Told, told_columns
from casepool.modelling import Design
from casepool.modelling.design.encoding import code_term, labels_of
from casepool.modelling.design.grouping import patients_and_events
from casepool.modelling.design.making import design_of_one, patient_labels
from casepool.modelling.families.names import effect_of, mean_of, share_of
from casepool.modelling.terms.term import Coded, Term
from casepool.random_streams import Stream, stream
from casepool.remarks import NONE, Patients, Remarks, remark

LEAST_SHARE = 1e-300
"""Stands for no share inside a logarithm."""


@dataclass(frozen=True)
class Newcomers:
    """New patients after those of a fit.

    Parameters
    ----------
    fitted : Fitted
        Parameters extended by the effects of unseen levels and by the shares of labels and numbers.
    coded : mapping of str to Coded
        Every term, read from the fit's table followed by the new patients.
    labels : tuple of str
    offsets : array (patients,)
        Logit of the target rate.
    notes : tuple of remarks
        Of each patient.
    first : int
        Position of the first new patient.
    told : Told
        What else the table says of them.
    """

    fitted: Fitted
    coded: Mapping[str, Coded]
    labels: tuple[str, ...]
    offsets: np.ndarray
    notes: tuple[Remarks, ...]
    first: int
    told: Told

    def design(self, i: int) -> Design:
        """Return the Design of one new patient; a hazard made of pieces has those of the fit."""
        one = design_of_one(self.fitted.model, self.labels[i], self.coded, self.first + i, float(self.offsets[i]))
        return replace(one, pieces=self.fitted.design.pieces)


def read_patients(fitted: Fitted, patients: pd.DataFrame) -> Newcomers:
    """Read new patients in the terms of a fit, refusing what is no table of them."""
    if not isinstance(patients, pd.DataFrame):
        raise CasepoolError("new patients are a DataFrame", value=patients, remedy="pass pd.read_csv(path), say")
    if patients.columns.has_duplicates:
        twice = str(patients.columns[patients.columns.duplicated()][0])
        raise CasepoolError("the column appears twice", column=twice, remedy="rename one of the two")
    if not len(patients):
        raise CasepoolError("there are no new patients", remedy="give at least one row")
    return _read(fitted, patients)


def _read(fitted: Fitted, patients: pd.DataFrame) -> Newcomers:
    """Read new patients in the terms of a fit."""
    model, old, book = fitted.model, fitted.cases, fitted.codebook
    told = Told.read(fitted, patients)
    new = _typed(fitted, bare(patients), book, told)
    sources = list(dict.fromkeys(term.source for term in model.terms.values()))
    both = pd.concat([bare(old)[sources], bare(new)[sources]], ignore_index=True)
    labelled = {
        term.source: replace(book.columns[term.source], levels=_levels(term, old, bare(new), book))
        for term in model.terms.values()
        if not term.reads_numbers
    }
    book = replace(book, columns={**book.columns, **labelled})
    parameters: dict[str, np.ndarray] = dict(fitted.parameters)
    coded: dict[str, Coded] = {}
    notes = [remark("of the fit", patient=Patients((of,))) if of else NONE for of in told.in_fit]
    for name, term in model.terms.items():
        read = code_term(replace(term, missing="drop"), both, book)
        unseen = read.levels[len(fitted.design.terms[name].coded.levels) :]
        parameters |= _extended(fitted, term, unseen)
        cells = labels_of(bare(new), book, term.source)[0] if unseen else []
        for i in range(len(new)):
            strange = [label for label in cells[i] if label in unseen] if cells else []
            if strange:
                notes[i] += remark("unseen label", term=name, labels=", ".join(strange), source=_source(term))
            if read.missing[len(old) + i]:
                notes[i] += remark("missing value", term=name, source=_over(fitted, name))
        if not read.levels and mean_of(name) not in parameters:
            read = _from_the_fit(fitted, name, read)
        coded[name] = read
    parameters |= extended(fitted, {name: read.levels for name, read in coded.items()})
    return Newcomers(
        replace(fitted, parameters=parameters),
        coded,
        tuple(of or label for of, label in zip(told.in_fit, patient_labels(new, book), strict=True)),
        _offsets(fitted, new),
        tuple(notes),
        len(old),
        told,
    )


def _typed(fitted: Fitted, patients: pd.DataFrame, book: Codebook, told: Told) -> pd.DataFrame:
    """Type the columns the model needs, absent ones as missing."""
    target = fitted.model.outcome.target
    needed = [term.source for term in fitted.model.terms.values()]
    if needed and not all(told.in_fit) and not {*map(_folded_name, needed)} & {*map(_folded_name, patients.columns)}:
        raise CasepoolError(
            "the new patients have no column of the model", column=needed[0], remedy=f"give {', '.join(needed)}"
        )
    needed += [target] if isinstance(target, str) and target else []
    spelt = {_folded_name(column): column for column in patients.columns if str(column) not in needed}
    for name in (*needed, *told_columns(fitted)):
        if name not in patients.columns and _folded_name(name) in spelt:
            raise CasepoolError(
                f"the new patients have no such column, but one called {spelt[_folded_name(name)]!r}",
                column=name,
                remedy=f"rename it {name!r}, or take it away if it is something else",
            )
    columns = {name: _open(book.columns[name]) for name in needed}
    identified = {book.id: columns.get(book.id, Column("text"))} if book.id in patients.columns else {}
    kept = pd.DataFrame({name: patients.get(name) for name in (*identified, *needed)}, index=patients.index)
    kept = told.with_own_values(fitted, kept, needed)
    original = codebook_from_dict(json.loads(fitted.tree.attrs["codebook"]))
    own = replace(
        book,
        name="the new patients",
        columns={**columns, **identified},
        missing=original.missing,
        publication="",
        codings={},
        aliased=(),
    )
    return typed(kept, own) if len(kept.columns) else kept  # a model without terms asks nothing


def _folded_name(column: object) -> str:
    """Return what is left of a column's name when case, spaces and the marks between words are set aside."""
    return "".join(character for character in folded(str(column)) if character not in "_-.")


def _open(column: Column) -> Column:
    """Return a column that allows labels nobody declared."""
    return replace(column, type="category" if column.type == "ordered" else column.type, levels=())


def _levels(term: Term, old: pd.DataFrame, new: pd.DataFrame, book: Codebook) -> tuple[str, ...]:
    """Return the levels of the fit's table in their order, then those only new patients have."""
    known = labels_of(old, book, term.source)[1]
    unseen = set(labels_of(new, book, term.source)[1]) - set(known)
    twins = {folded(level): level for level in known}
    for label in sorted(unseen - set(book.columns[term.source].levels)):
        if folded(label) in twins:
            raise CasepoolError(
                f"differs from the fit's level {twins[folded(label)]!r} in case, spaces or invisible characters only",
                column=term.source,
                value=label,
                remedy=f"write {twins[folded(label)]!r}",
            )
    return (*known, *sorted(unseen))


def _source(term: Term) -> str:
    return f"the distribution of {term.name} effects" if term.borrows and not term.stands_alone else "its prior"


def _over(fitted: Fitted, name: str) -> str:
    modelled = mean_of(name) in fitted.parameters or share_of(name) in fitted.parameters
    return "its modelled distribution" if modelled else "the patients of the fit"


def _extended(fitted: Fitted, term: Term, unseen: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return a factor's effects followed by those of unseen levels, and the share of every level."""
    name, found = term.name, {}
    effect = fitted.parameters.get(effect_of(name))
    if effect is not None and unseen:
        fresh = [_fresh(fitted, term, level, effect.shape[:2] + effect.shape[3:]) for level in unseen]
        found[effect_of(name)] = np.concatenate([effect, np.stack(fresh, axis=2)], axis=2)
    if fitted.design.terms[name].coded.levels:
        share = fitted.parameters.get(share_of(name))
        if share is None:
            weights, (n, _) = level_weights(fitted.design, name), patients_and_events(fitted.design)
            known = ~np.isnan(weights[:, 0])
            share = np.average(weights[known], axis=0, weights=n[known])
            share = np.broadcast_to(share, (*fitted.shape, len(share)))
        none = np.zeros((*share.shape[:2], len(unseen)))
        found[share_of(name)] = np.maximum(np.concatenate([share, none], axis=2), LEAST_SHARE)
    return found


def _fresh(fitted: Fitted, term: Term, level: str, shape: tuple[int, ...]) -> np.ndarray:
    """Draw the effect of a level nobody has seen, the same for equal labels: array (chain, draw, steps if any)."""
    rng = stream(fitted.seed, Stream.UNSEEN_LEVEL, *f"{term.name} {level}".encode())
    law = fitted.model.level_effects(term.name)
    if law is None:
        return fitted.model.prior(effect_of(term.name)).draw(shape, rng)
    return law.unseen(level, fitted.parameters, rng, shape)


def _from_the_fit(fitted: Fitted, name: str, read: Coded) -> Coded:
    """Let a missing number be any of the fit's patients', where the fit has no distribution for it."""
    place = {str(label): i for i, label in enumerate(fitted.tree["patients"]["patient"].to_numpy())}
    weight: dict[int, float] = {}
    for label, n in zip(fitted.design.patients, patients_and_events(fitted.design)[0], strict=True):
        if not read.missing[place[label]]:
            choice = int(read.options[place[label]][0])
            weight[choice] = weight.get(choice, 0.0) + float(n)
    options, log_weights = list(read.options), list(read.log_weights)
    for i in np.flatnonzero(read.missing):
        options[i] = np.array(list(weight))
        log_weights[i] = np.log(np.array(list(weight.values())) / sum(weight.values()))
    return replace(read, options=options, log_weights=log_weights)


def _offsets(fitted: Fitted, new: pd.DataFrame) -> np.ndarray:
    """Return the logit of every new patient's target rate, zero in a model without."""
    target = fitted.model.outcome.target
    if target == "":
        return np.zeros(len(new))
    rates = new[target].to_numpy(dtype=float, na_value=np.nan) if isinstance(target, str) else np.full(len(new), target)
    if not ((rates > 0) & (rates < 1)).all():
        raise CasepoolError(
            "every new patient needs a target rate between 0 and 1", column=str(target), remedy="give the rates"
        )
    return np.asarray(special.logit(rates))
