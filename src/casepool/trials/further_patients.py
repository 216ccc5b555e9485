"""What further patients in one basket would tell: the value of each basket's next outcomes, weighed by prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from casepool.arguments import flag_of, is_number
from casepool.cases.reading import resolve_typed
from casepool.errors import CasepoolError
from casepool.inference.baskets import factor_of
from casepool.modelling import Model
from casepool.modelling import model as get_model
from casepool.progress import say
from casepool.remarks import NONE, Remarks, remark
from casepool.tables import estimate_table
from casepool.trials.analysis import Analysis, Told, spoken
from casepool.trials.counts import counts_of
from casepool.trials.decisions import log_ways

MOST_MORE = 200
NOTHING = 1e-9
OWN_SD, ALL_SDS = "expected reduction of its own sd", "expected reduction of the sum of all sds"
LOSS = "expected reduction of the loss of all decisions"


def further_patients(
    model: str | Path | Model,
    cases: str | Path | pd.DataFrame,
    *,
    rate: float,
    threshold: float,
    more: Sequence[int] = (1, 5, 10),
    baskets: Sequence[str] = (),
    progress: bool = True,
) -> pd.DataFrame:
    """Say which basket to open next: what m more patients in it would tell of its rate, and change of decisions.

    Parameters
    ----------
    model : str or pathlib.Path or Model
        Of a binomial response, with one group factor and nothing else.
    cases : str or pathlib.Path or pandas.DataFrame
    rate, threshold : float
        A basket is a success where P(rate > `rate`) lies above `threshold`.
    more : sequence of int
        Numbers of further patients.
    baskets : sequence of str
        Levels that no case has yet, to be looked at too.
    progress : bool
        Whether to say on standard error what is going on.

    Returns
    -------
    pandas.DataFrame
        An estimate table; ``at`` is the number of further patients. A false success is taken to cost threshold /
        (1 - threshold) times a missed one, which is the loss whose best decisions the threshold makes: so no number is
        below 0, but for rounding.

    Raises
    ------
    CasepoolError
        For a model that cannot be summed over, and numbers that are none.

    See Also
    --------
    plot_further_patients, operating_characteristics

    Examples
    --------
    >>> import casepool as cp
    >>> table = cp.further_patients("basket_pooled", "sarcoma_imatinib", rate=0.2, threshold=0.8, more=[5])
    >>> print(table[["level", "estimand", "estimate"]].head(2))
    level         estimand                                   estimate
    Angiosarcoma  expected reduction of its own sd          0.0003688
    Angiosarcoma  expected reduction of the sum of all sds   0.003688
    """
    flag_of(progress, "progress")
    for name, value in (("rate", rate), ("threshold", threshold)):
        if not is_number(value) or not 0 < value < 1:
            raise CasepoolError(f"`{name}` must lie between 0 and 1", value=value, remedy="correct it")
    sizes = _sizes(more)
    new = _named(baskets)
    chosen = get_model(model)
    factor = factor_of(chosen)
    frame, book = resolve_typed(cases)
    known = counts_of(chosen, factor, frame, new)
    names = (*known, *(name for name in new if name not in known))
    n = np.array([known.get(name, (0.0, 0.0))[1] for name in names])
    if (n != n.round()).any():
        raise CasepoolError("cases are whole patients here", value=chosen.name, remedy="give whole numbers")
    most = dict(zip(names, (n + max(sizes)).astype(int).tolist(), strict=True))
    analysis = Analysis.of(chosen, most, "", 1.0, (float(rate),))
    analysis.said = spoken(progress, say, "further patients")
    events = np.array([known.get(name, (0.0, 0.0))[0] for name in names]).astype(int)
    worth = _Value(analysis, events, n.astype(int), float(threshold))
    rows = []
    for j, level in enumerate(names):
        for size in sizes:
            about = {
                "by": factor.name, "level": level, "at": size, "n": n[j], "events": events[j], "model": chosen.name,
                "source": "shrunk", "method": f"P(rate > {rate:g}) > {threshold:g}", "kind": "value",
            }  # fmt: skip
            rows += [about | row for row in worth.rows(j, size)]
    return estimate_table(rows, public=book.public)


def _sizes(more: Any) -> list[int]:
    listed = list(more) if isinstance(more, list | tuple | range) else []
    if not listed or not all(isinstance(m, int) and not isinstance(m, bool) and 1 <= m <= MOST_MORE for m in listed):
        raise CasepoolError(
            f"`more` needs whole numbers from 1 to {MOST_MORE}", value=more, remedy="give more=[1, 5, 10], say"
        )
    return sorted(set(listed))


def _named(baskets: Any) -> tuple[str, ...]:
    listed: list[Any] = list(baskets) if isinstance(baskets, list | tuple) else [None]
    if not all(isinstance(name, str) and name.strip() for name in listed):
        raise CasepoolError("`baskets` needs names", value=baskets, remedy='give baskets=["new"], say')
    return tuple(listed)


class _Value:
    """What further patients are worth, of a table of cases."""

    def __init__(self, analysis: Analysis, events: np.ndarray, n: np.ndarray, threshold: float) -> None:
        self.analysis, self.events, self.n, self.threshold = analysis, events, n, threshold
        self.now = analysis.told(events[None], n[None])

    def loss(self, told: Told) -> np.ndarray:
        """Return the expected loss of the best decision in every basket: array (tables, baskets)."""
        above = told.above[..., 0]
        cost = self.threshold / (1 - self.threshold)
        return np.where(above > self.threshold, cost * (1 - above), above)

    def rows(self, j: int, size: int) -> list[dict[str, Any]]:
        """Return the rows of so many more patients in basket j."""
        k = np.arange(size + 1)
        y, m = np.tile(self.events, (size + 1, 1)), np.tile(self.n, (size + 1, 1))
        y[:, j] += k
        m[:, j] += size
        then = self.analysis.told(y, m)
        weight = np.exp(then.log_evidence - self.now.log_evidence[0] + log_ways(np.array(size), k))
        sds = self.now.sd[0] - weight @ then.sd
        loss = float((self.loss(self.now)[0] - weight @ self.loss(then)).sum())
        turned = ((then.above[..., 0] > self.threshold) != (self.now.above[0, :, 0] > self.threshold)).any()
        said: Remarks = NONE if turned else remark("no decision turned", n=size)
        found = {OWN_SD: float(sds[j]), ALL_SDS: float(sds.sum()), LOSS: loss if abs(loss) > NOTHING else 0.0}
        return [{"estimand": name, "estimate": number, "note": said} for name, number in found.items()]
