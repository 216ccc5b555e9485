"""Draws that casepool did not make become a fit: read by name and label, and all that follows from them computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from casepool.arguments import ADOPTED, AUTO, flag_of, name_of, seed_of
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.escaping import one_line, shorten
from casepool.inference.convergence import convergence
from casepool.inference.drawn import Drawn
from casepool.inference.engines import Sampled
from casepool.inference.fit_contents import Contents, draws_groups, refuse_private_text, stamped
from casepool.inference.fitting import derived, laid_down, planned
from casepool.modelling import Design, Model
from casepool.modelling import model as get_model
from casepool.modelling.design.density import Density
from casepool.modelling.design.linked import laid_out
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.families.arrays import NUMPY
from casepool.modelling.families.parameters import Parameter
from casepool.modelling.families.supports import POSITIVE, SIMPLEX, UNIT, Support

LEAD = ("chain", "draw")
FEWEST = 4
"""Draws of a chain below which nothing can be said of them."""
APART = 1e-6
"""How far, relatively, a quantity computed by another program may lie from ours."""
WHERE = {POSITIVE: "positive", UNIT: "between 0 and 1", SIMPLEX: "shares, which sum to 1"}
"""What is said of a support."""
STATISTICS = (
    *("diverging", "energy", "n_steps", "step_size", "mean_tree_accept", "acceptance_rate", "depth", "tree_depth"),
    *("lp", "logp", "energy_error", "superchain"),
)
"""What of ``sample_stats`` is kept, where it is there."""


def adopt(
    tree: xr.DataTree,
    model: str | Path | Model,
    cases: str | Path | pd.DataFrame,
    *,
    seed: int | None = None,
    extra: Sequence[str] = (),
    predictive: bool = False,
) -> xr.DataTree:
    """Take draws that another sampler made of a model's graph as a fit.

    Parameters
    ----------
    tree : xarray.DataTree
        What ``pm.sample`` returned within ``build(model, cases)``, or anything like it: a group ``posterior`` of the
        model's parameters by their names and labels. Where the standard variables (``histology_z``) are there, effects
        may be missing. Of ``sample_stats`` what is known is kept.
    model : str or pathlib.Path or Model
        A bundled model's name, a model file, or a model.
    cases : str or pathlib.Path or pandas.DataFrame
        A bundled dataset's name, a folder, a file, or a frame.
    seed : int, optional
        Seed of what is drawn from the draws: new patients, replicates. By default that of a fit, and 1 of any other.
    extra : sequence of str
        Names in ``posterior`` that the model does not have: left out.
    predictive : bool
        Whether to add the groups ``prior``, ``prior_predictive`` and ``posterior_predictive``.

    Returns
    -------
    xarray.DataTree
        As `fit` returns it: log likelihood and log prior, and what follows from other parameters, are computed anew by
        the density of the model. Everything made of it says that the draws were adopted; ``attrs["engine"]`` does, and
        names what was left out as ``extra``.

    Raises
    ------
    CasepoolError
        For a table or model that cannot be used, and for draws of other names, dimensions or levels, that are not
        finite, or that the model gives no probability.

    See Also
    --------
    build, fit

    Notes
    -----
    Whether the draws are of the posterior of `model` cannot be seen from them: one that was given another likelihood
    or prior is another model, and its draws answer another question.

    Examples
    --------
    >>> import casepool as cp
    >>> drawn = cp.fit("basket_pooled", "sarcoma_imatinib", seed=1, progress=False)  # or what pm.sample returned
    >>> mine = cp.adopt(drawn, "basket_pooled", "sarcoma_imatinib")
    >>> set(cp.estimates(mine)["source"])
    {'pooled'}
    """
    return adopted(tree, model, cases, seed=seed, extra=extra, predictive=predictive)


def adopted(
    tree: xr.DataTree,
    model: str | Path | Model,
    cases: str | Path | pd.DataFrame,
    *,
    seed: int | None = None,
    extra: Sequence[str] = (),
    predictive: bool = False,
    file: str | None = None,
) -> xr.DataTree:
    """Adopt draws, naming in refusals the `file` they were read from."""
    left_out, predictive = _names(extra), flag_of(predictive, "predictive")
    given = None if seed is None else seed_of(seed)
    made, (frame, codebook) = get_model(model), resolve_typed(cases)
    frame, codebook = laid_out(made, frame, codebook)
    refuse_private_text(made, frame, codebook)
    design = design_of_typed(made, frame, codebook)
    reader = Reader(_posterior(tree, file), design, file)
    reader.refuse_others(left_out)
    drawn = Drawn(reader.parameters(), _statistics(tree, reader.shape, file), {"extra": left_out})
    reader.refuse_impossible(drawn)
    own = _seed(tree) if given is None else given
    plan = planned(seed=own, chains=reader.shape[0], draws=reader.shape[1], predictive=predictive)
    sampled = Sampled(drawn, {"engine": AUTO, **plan.settings}, convergence(drawn, ADOPTED))
    engine = {"asked": ADOPTED, "run": ADOPTED, "gauges": drawn.gauges, "refused": {}}
    fit = laid_down(Contents(design, frame, codebook), sampled, plan, engine, whole=True)
    fit.attrs["inference_library"] = _library(tree)
    return stamped(fit)


def _names(extra: Any) -> list[str]:
    """Return the names to leave out, refusing one text, whose letters would be names."""
    listed = list(extra) if isinstance(extra, list | tuple) else []
    if not isinstance(extra, list | tuple):
        raise CasepoolError("`extra` is a list of names", value=extra, remedy="pass extra=['name']")
    return [name_of(name, "extra", "pass the names of variables") for name in listed]


def _posterior(tree: Any, file: str | None) -> xr.Dataset:
    """Return the draws, refusing what has none."""
    if not isinstance(tree, xr.DataTree) or "posterior" not in tree.children:
        problem = "there are no draws: no tree with a group 'posterior'"
        raise CasepoolError(problem, file=file, remedy="pass what pm.sample() returned")
    found = tree["posterior"].to_dataset()
    if not set(LEAD) <= set(found.sizes) or found.sizes["chain"] < 1 or found.sizes["draw"] < FEWEST:
        sizes = {str(dim): int(found.sizes[dim]) for dim in LEAD if dim in found.sizes}
        problem = f"the group 'posterior' needs the dimensions chain and draw, {FEWEST} draws or more"
        raise CasepoolError(problem, file=file, value=sizes, remedy="pass what pm.sample() returned")
    return found


@dataclass(frozen=True)
class Reader:
    """Reads a model's parameters from draws, refusing what are others.

    Parameters
    ----------
    draws : xarray.Dataset
    design : Design
    file : str, optional
    """

    draws: xr.Dataset
    design: Design
    file: str | None

    @property
    def shape(self) -> tuple[int, int]:
        """Numbers of chains and of draws of each."""
        return self.draws.sizes["chain"], self.draws.sizes["draw"]

    def refuse(self, problem: str, name: str, remedy: str, value: object = None) -> CasepoolError:
        """Make the error for one variable."""
        return CasepoolError(problem, file=self.file, column=name, value=value, remedy=remedy)

    def refuse_others(self, extra: Sequence[str]) -> None:
        """Refuse variables that the model does not have and nobody said to leave out, and such as it does have."""
        known = {name for own in self.design.parameters for name in (own.name, own.coordinate)}
        for name in map(str, self.draws.data_vars):
            if name not in known and name not in extra:
                problem = f"the model {self.design.model.name!r} has no parameter of this name"
                remedy = f"name it as extra ({name!r}), to be left out, if it changes what no other parameter means"
                raise self.refuse(problem, name, remedy)
        for name in extra:
            if name in known or name not in self.draws.data_vars:
                why = "is a parameter of the model" if name in known else "is not among the draws"
                raise self.refuse(f"named as extra, which it {why}", name, "leave it out of extra")

    def parameters(self) -> dict[str, np.ndarray]:
        """Return every parameter of the design as an array (chain, draw, ...), each after those its law needs."""
        density = Density(self.design)
        fixed = {
            name: np.broadcast_to(values, (*self.shape, *values.shape)) for name, values in density.fixed().items()
        }
        made: dict[str, np.ndarray] = {}
        for own in self.design.declared:
            values = self._values(own, fixed.get(own.name), density.inputs, made)
            made[own.name] = self._in_support(own, values)
        return {own.name: made[own.name] for own in self.design.parameters}

    def _values(
        self, own: Parameter, fixed: np.ndarray | None, inputs: Mapping[str, Any], made: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Read one parameter; one that follows from its standard variable, or is fixed, must agree if it is there."""
        given = self._read(own.name, own.dims) if own.name in self.draws.data_vars else None
        follows = fixed
        if follows is None and own.coordinate != own.name and own.coordinate in self.draws.data_vars:
            x = self._read(own.coordinate, own.moving_dims)
            follows = np.asarray(own.value(x, inputs, made, NUMPY))
        if given is None:
            if follows is not None:
                return follows
            here = ", ".join(sorted(map(str, self.draws.data_vars)))
            problem = f"the draws lack this parameter of the model {self.design.model.name!r}"
            raise self.refuse(problem, own.name, f"pass draws of build(model, cases) (there are {shorten(here)})")
        if follows is None:
            return given
        if not np.allclose(given, follows, rtol=APART, atol=APART):
            of = "a fixed value" if fixed is not None else f"what {own.coordinate!r} makes of it"
            problem = f"it is not {of} under the model {self.design.model.name!r}"
            raise self.refuse(problem, own.name, "pass draws of build(model, cases)")
        return follows if fixed is not None else given

    def _read(self, name: str, dims: tuple[str, ...]) -> np.ndarray:
        """Read one variable in the order of the model's dimensions and labels."""
        found = self.draws[name]
        if set(found.dims) != {*LEAD, *dims} or found.dtype.kind not in "fiu":
            kind = "" if found.dtype.kind in "fiu" else f" of {found.dtype}"
            wanted = f"it needs numbers with the dimensions {', '.join((*LEAD, *dims))}"
            said = f"{', '.join(map(str, found.dims))}{kind}"
            raise self.refuse(wanted, name, "pass draws of build(model, cases)", said)
        for dim in dims:
            found = found.isel({dim: self._places(found, dim)})
        values = found.transpose(*LEAD, *dims).to_numpy().astype(float)
        if not np.isfinite(values).all():
            chain, draw, *_ = (int(at[0]) for at in np.nonzero(~np.isfinite(values)))
            problem = f"draws must be finite numbers, and draw {draw} of chain {chain} is not"
            raise self.refuse(problem, name, "draw again, or leave the draw out")
        return values

    def _in_support(self, own: Parameter, values: np.ndarray) -> np.ndarray:
        """Return draws of a parameter, refusing such as no draw of it can be."""
        for support in (own.support, own.given.distribution.support):
            outside = _outside(values, support)
            if outside.any():
                problem = "draws lie where the parameter cannot: it is " + WHERE[support]
                value = float(values[outside][0]) if outside.shape == values.shape else None
                raise self.refuse(problem, own.name, "pass draws of build(model, cases), not transformed", value)
        return values

    def _places(self, found: xr.DataArray, dim: str) -> list[int]:
        """Return where the labels of a dimension stand in the draws, in the order of the model's."""
        wanted = self.design.laid.labels[dim]
        have = [str(label) for label in found[dim].to_numpy()] if dim in found.coords else []
        odd = sorted({*wanted} ^ {*have}) or [label for label in wanted if have.count(label) > 1]
        if odd:
            where = "the draws lack a level" if odd[0] not in have else "the draws have a level"
            problem = f"{where} of {dim!r} {'of' if odd[0] not in have else 'unlike'} the model on these cases"
            raise self.refuse(problem, str(found.name), "pass the cases the graph was built of", odd[0])
        return [have.index(label) for label in wanted]

    def refuse_impossible(self, drawn: Drawn) -> None:
        """Refuse draws that the model gives no probability: of a prior or a likelihood of zero."""
        with np.errstate(all="ignore"):
            found = derived(self.design, draws_groups(self.design, drawn)["posterior"])
        for group in ("log_prior", "log_likelihood"):
            for name, values in found[group].data_vars.items():
                bad = ~np.isfinite(values.transpose(*LEAD, ...).to_numpy())
                if bad.any():
                    chain, draw, *_ = (int(at[0]) for at in np.nonzero(bad))
                    problem = f"draw {draw} of chain {chain} has no probability under the model ({group})"
                    raise self.refuse(problem, str(name), "pass draws of build(model, cases)")


def _outside(values: np.ndarray, support: Support) -> np.ndarray:
    """Whether values, or vectors of shares, lie outside a support."""
    if support is SIMPLEX:
        return np.asarray((values < 0).any(axis=-1) | (np.abs(values.sum(axis=-1) - 1) > APART))
    if support is UNIT:
        return np.asarray((values <= 0) | (values >= 1))
    return np.asarray(values <= 0) if support.positive else np.zeros(values.shape, bool)


def _statistics(tree: xr.DataTree, shape: tuple[int, int], file: str | None) -> dict[str, np.ndarray]:
    """Return what is known of the statistics of a sampler, refusing those of other draws."""
    if "sample_stats" not in tree.children:
        return {}
    found = tree["sample_stats"].to_dataset()
    kept = {}
    for name in STATISTICS:
        if name in found.data_vars and set(found[name].dims) == set(LEAD):
            values = found[name].transpose(*LEAD).to_numpy()
            if values.shape != shape or values.dtype.kind not in "fiub":
                problem = "statistics in 'sample_stats' are numbers, one for every draw"
                remedy = "pass what pm.sample() returned"
                raise CasepoolError(problem, file=file, column=name, value=str(values.shape), remedy=remedy)
            kept[name] = values
    return kept


def _seed(tree: xr.DataTree) -> int:
    """Return the seed of a tree that is a fit; 1 of any other."""
    told = str(tree.attrs.get("seed", ""))
    return int(told) if "casepool_fit" in tree.attrs and told.isdecimal() else 1


def _library(tree: xr.DataTree) -> str:
    """Return what made the draws, as far as they say so."""
    for group in ("sample_stats", "posterior"):
        told = tree[group].attrs if group in tree.children else {}
        if told.get("inference_library"):
            made_by = f"{told['inference_library']} {told.get('inference_library_version', '')}"
            return shorten(one_line(made_by).strip())
    return "unknown"
