"""Whatever words remarks have, every answer has the same rows, numbers, typed columns and verdicts."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

import casepool as cp
from casepool import remarks
from casepool.presenting.layout import layout_of
from casepool.trials.files import design_from_dict
from tests.living.datasets import grown, small
from tests.test_remarks import reworded

FEW = {"draws": 200, "chains": 2, "engine": "lockstep", "progress": False}
DESIGN = {
    "model": "basket_independent", "null": 0.2, "target": 0.5, "baskets": {"a": {"n": [3, 5]}},
    "success": {"responders": 3}, "scenarios": {"drawn": {"drawn_from": "prior", "model": "basket_independent"}},
}  # fmt: skip
SAID = ("note", "sentence", "time", "id")
"""Columns of words, and of moments and digests that differ from one run to the next."""
Asked = dict[str, Callable[[], pd.DataFrame]]


def of_response(place: Path) -> Asked:
    folder = small(place / "made")
    model = cp.model(folder / "response.toml")
    fit = cp.fit(model, folder, seed=1, **FEW)
    everyone = cp.fit(model.with_prior("site_sd", "HalfNormal", sigma=0.1, why="test"), folder, seed=1, **FEW)
    return {
        "estimates": lambda: cp.estimates(fit, "site", target="standardised"),
        "of a new patient": lambda: cp.estimates(fit, "site", target="new"),
        "contrast": lambda: cp.contrast(fit, "site"),
        "classical": lambda: cp.classical(model, folder, "site"),
        "compare": lambda: cp.compare(cp.estimates(fit, "site"), cp.classical(model, folder, "site")),
        "ranking": lambda: cp.ranking(fit, "site"),
        "ledger": lambda: cp.ledger(fit, "site"),
        "aliasing": lambda: cp.aliasing(fit),
        "flow": lambda: cp.flow(fit),
        "characteristics": lambda: cp.characteristics(folder, "site"),
        "predict": lambda: cp.predict(fit, pd.DataFrame({"site": ["limb", "nowhere", None]})),
        "check": lambda: cp.check(fit, refits=False, progress=False),
        "sensitivity": lambda: cp.sensitivity(fit, scales=[0.5], progress=False),
        "leave_out": lambda: cp.leave_out(fit, "site", progress=False),
        "compare_models": lambda: cp.compare_models([fit, everyone]),
        "multiverse": lambda: cp.multiverse(model, folder, by="site", seed=1, **FEW),
        "variants": lambda: cp.variants(fit, "site", cases=folder, progress=False),
    }


def of_survival(place: Path) -> Asked:
    folder = small(place / "made")
    model = cp.model(folder / "survival.toml")
    fit = cp.fit(model, folder, seed=1, **FEW)
    operated = cp.fit("overall_survival", "alk_crizotinib", seed=1, **FEW)
    return {
        "survival": lambda: cp.survival(fit, at=[6, 600]),
        "Kaplan-Meier": lambda: cp.classical(model, folder, at=[6, 600]),
        "strategies": lambda: cp.survival(operated, start=900.0),
        "hazard ratio": lambda: cp.contrast(operated, "surgery"),
        "without a model": lambda: cp.classical("overall_survival", "alk_crizotinib", "surgery"),
        "tipping": lambda: cp.tipping("overall_survival", "alk_crizotinib", seed=1, fractions=(0.0, 1.0), **FEW),
    }


def of_others(place: Path) -> Asked:
    """Of a dataset that grows, of trials, and of tables beside the cases."""
    numbers = itertools.count()
    events = cp.fit("adverse_events_any", "alk_crizotinib", seed=1, **FEW)

    def added() -> pd.DataFrame:
        return grown(small(place / str(next(numbers))))

    def history() -> pd.DataFrame:
        own = small(place / str(next(numbers)))
        grown(own)
        return cp.history(own, estimates=True)

    return {
        "add": added,
        "history": history,
        "operating_characteristics": lambda: cp.operating_characteristics(
            design_from_dict(DESIGN, name="law"), progress=False
        ),
        "adverse_events": lambda: cp.adverse_events("alk_crizotinib"),
        "estimates of events": lambda: cp.estimates(events),
        "check of events": lambda: cp.check(events, refits=False, progress=False),
    }


def differences(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the answers that differ by more than words; and fail where no answer has other words."""
    before = {name: own() for name, own in asked.items()}
    monkeypatch.setattr(remarks, "WORDS", reworded())
    changed = 0
    for name, own in asked.items():
        now, was = own(), before[name]
        typed = [column for column in was if column not in SAID]
        changed += "note" in was and bool((now["note"] != was["note"]).any())
        if list(now.columns) != list(was.columns) or not now[typed].equals(was[typed]):
            yield name
        elif layout_of(now).headings != layout_of(was).headings:
            yield f"layout of {name}"
    assert changed > 1


@pytest.mark.parametrize("of", [of_response, of_survival, of_others])
def test_no_answer_hangs_on_words(of: Callable[[Path], Asked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(differences(of(tmp_path), monkeypatch)) == []
