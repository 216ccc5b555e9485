"""Numbers and lists of a model file, and codings of a codebook, that no computation needs are refused by key."""

import time

import pytest

from casepool.cases.codebook import codebook_from_dict
from casepool.errors import CasepoolError
from tests.small import half_normal, normal, response_model, survival_model

BANDED = {"kind": "banded", "cuts": list(range(1, 200_001)), "labels": [str(i) for i in range(200_001)]}
SMOOTH = {"kind": "smooth", "knots": list(range(3_000)), "centre": 1, "scale": 1, "bounds": [0, 1e4]}
LINEAR = {"kind": "linear", "centre": 1e200, "scale": 1}
HAZARD = {"hazard_sd": half_normal(1)}


@pytest.mark.parametrize(
    ("make", "key", "limit"),
    [
        (lambda: survival_model({"intercept": normal(1e300)}), "priors.intercept.sigma", "1e+09"),
        (lambda: survival_model({"intercept": normal(1, mu=-1e20)}), "priors.intercept.mu", "1e+09"),
        (lambda: survival_model({"intercept": normal(1e-300)}), "priors.intercept.sigma", "1e-09"),
        (lambda: survival_model(HAZARD, "piecewise_exponential", pieces=10**7), "pieces", "200"),
        (lambda: survival_model(HAZARD, "piecewise_exponential", cuts=list(range(1, 200_001))), "cuts", "200"),
        (lambda: survival_model(HAZARD, "m_spline", knots=list(range(1, 3_001))), "knots", "200"),
        (lambda: response_model({"age": BANDED}, {"intercept": normal(1)}), "terms.age.cuts", "200"),
        (lambda: response_model({"age": SMOOTH}, {"intercept": normal(1)}), "terms.age.knots", "200"),
        (lambda: response_model({"age": LINEAR}, {"intercept": normal(1)}), "terms.age.centre", "1e+09"),
    ],
)
def test_what_no_computation_holds_is_refused_by_its_key_at_once(make, key, limit):
    begun = time.process_time()
    with pytest.raises(CasepoolError) as refused:
        make()
    assert time.process_time() - begun < 1
    assert refused.value.column == key
    assert limit in refused.value.problem


@pytest.mark.parametrize(
    ("codings", "key"),
    [
        ({"surgery": 5}, "codings.surgery"),
        ({"surgery": {"x": 5}}, "codings.surgery.x"),
        ({"surgery": {"x": {"why": 5}}}, "codings.surgery.x.why"),
        ({"surgery": {"x": {"use": ["a"]}}}, "codings.surgery.x.use"),
        ({"surgery": {"x": {"use": {"a": 1}}}}, "codings.surgery.x.use"),
        ({"surgery": {"x": {"set": {"patient": 1}}}}, "codings.surgery.x.set"),
        ({"surgery": {"x": {"set": [{"a": 1}]}}}, "codings.surgery.x.set"),
        ({"surgery": {"x": {"set": [{"patient": 1, "a": [1]}]}}}, "codings.surgery.x.set"),
        ({"surgery": {"x": {"drop": 5}}}, "codings.surgery.x.drop"),
        ({"surgery": {"x": {"drop": [[5]]}}}, "codings.surgery.x.drop"),
        ({"surgery": {"as_recorded": {}}}, "codings.surgery.as_recorded"),
        ({"surgery": {"x": {"dorp": [5]}}}, None),
    ],
)
def test_a_malformed_coding_is_refused_when_it_is_read(codings, key):
    with pytest.raises(CasepoolError) as refused:
        codebook_from_dict({"codings": codings})
    assert refused.value.column == key
