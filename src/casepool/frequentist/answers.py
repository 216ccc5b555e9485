"""The frequentist answers to what a model asks, in the layout of the Bayesian ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from casepool.arguments import flag_of, name_of, one_of
from casepool.cases.codebook import Codebook
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.frequentist.cox import TIES
from casepool.frequentist.response_rows import response_rows
from casepool.frequentist.survival_rows import survival_rows
from casepool.modelling import Design, Model
from casepool.modelling import model as model_of
from casepool.modelling.design.linked import laid_out
from casepool.modelling.design.making import design_of_typed
from casepool.modelling.design.wording import labels_of
from casepool.tables import estimate_table


def classical(
    model: str | Path | Model,
    cases: str | Path | pd.DataFrame,
    by: str | None = None,
    *,
    at: Sequence[float] | None = None,
    ties: str = "efron",
    competing: Sequence[str] | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Answer a model's question without a model: rates or Kaplan-Meier, their intervals, and tests.

    Parameters
    ----------
    model : str, path or Model
        Says what the outcome is and who is evaluable; its priors play no part.
    cases : str, path or pandas.DataFrame
        A dataset's name, a folder or file, or a frame.
    by : str, optional
        A factor or exposure of the model, or any labelled column of the cases; None: everyone.
    at : sequence of float, optional
        Of a survival model: times in its unit; default the codebook's `at`, else round numbers that follow-up reaches.
    ties : {"efron", "breslow", "exact"}
        How Cox models take tied events; exact is the discrete model's conditional likelihood.
    competing : sequence of str, optional
        Of a survival model whose event is in codes: those of other ends, after which the event cannot happen. The
        table is then of its incidence (Aalen-Johansen), and of Gray's test between levels: what Kaplan-Meier makes of
        one cause is nobody's survival.
    progress : bool
        Whether to say on standard error how far the ratios of a factor of many levels are.

    Returns
    -------
    pandas.DataFrame
        An estimate table; ``method`` names how each row was computed. Of a response model: the rate of every
        level with Clopper-Pearson limits, again with Wilson limits, then tests between the levels. Of a
        survival model: Kaplan-Meier at times and its median, of all or per level, then tests; by an exposure
        Simon-Makuch and Mantel-Byar at the earliest, middle and latest dates, and the comparison of ever
        against never exposed, whose ``note`` says what is wrong with it.

    Raises
    ------
    CasepoolError
        For cases the model refuses, an unknown grouping, or times of a response model.

    See Also
    --------
    estimates, compare, characteristics

    References
    ----------
    Clopper CJ, Pearson ES (1934). The use of confidence or fiducial limits illustrated in the case of the
    binomial. Biometrika 26:404-413. doi:10.1093/biomet/26.4.404

    Mantel N, Byar DP (1974). Evaluation of response-time data involving transient states: an illustration using
    heart-transplant data. Journal of the American Statistical Association 69:81-86. doi:10.1080/01621459.1974.10480131

    Examples
    --------
    >>> import casepool as cp
    >>> rates = cp.classical("objective_response", "alk_crizotinib", by="histology")
    >>> exact = rates[rates["method"] == "Clopper-Pearson"].set_index("level")
    >>> exact.loc["EIMT", ["n", "events"]].tolist()
    [9.0, 9.0]
    """
    if by is not None:
        name_of(by, "by", "name a factor of the model, or leave it out")
    flag_of(progress, "progress")
    one_of(ties, TIES, "way to take ties")
    ends = texts_of(competing)
    asked = model_of(model)
    frame, codebook = laid_out(asked, *resolve_typed(cases))
    return classical_of(
        design_of_typed(asked, frame, codebook),
        frame,
        codebook,
        by,
        at,
        progress=progress,
        ties=ties,
        competing=ends,
    )


def texts_of(competing: object) -> tuple[str, ...]:
    """Return codes, refusing what is no list of them; none where nothing is given."""
    if competing is None:
        return ()
    if (
        isinstance(competing, str)
        or not isinstance(competing, Sequence)
        or not all(isinstance(c, str) for c in competing)
    ):
        raise CasepoolError("`competing` needs codes of the event", value=competing, remedy='pass, say, ["DOC"]')
    return tuple(competing)


def classical_of(
    design: Design,
    cases: pd.DataFrame,
    codebook: Codebook,
    by: str | None = None,
    at: Sequence[float] | None = None,
    *,
    progress: bool = False,
    ties: str = "efron",
    competing: Sequence[str] = (),
) -> pd.DataFrame:
    """Answer as `classical` does, of a model laid on typed cases."""
    labels = labels_of(design.model, codebook, [by or ""])
    if competing and ties != TIES[0]:
        raise CasepoolError("no Cox model is made where ends compete", column="ties", value=ties,
                            remedy="leave `ties` or `competing` out")  # fmt: skip
    if design.model.is_survival:
        rows = survival_rows(design, cases, codebook, by, at, progress=progress, ties=ties, competing=competing)
        return estimate_table(rows, public=codebook.public, labels=labels)
    if ties != TIES[0]:
        raise CasepoolError(
            f"{design.model.name!r} is a response model, which has no tied events", column="ties", value=ties,
            remedy="leave `ties` out",
        )  # fmt: skip
    if competing:
        raise CasepoolError(
            f"{design.model.name!r} is a response model, of which no ends compete", column="competing",
            remedy="leave `competing` out",
        )  # fmt: skip
    if at is not None:
        raise CasepoolError(
            f"{design.model.name!r} is a response model, which has no times", column="at", remedy="leave `at` out"
        )
    rows = response_rows(design, cases, codebook, by)
    return estimate_table(rows, public=codebook.public, labels=labels)
