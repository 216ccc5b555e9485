"""Numbers and lists of a model file, and codings of a codebook, that no computation needs are refused by key."""

import math
import time

import pytest
import tomli_w

import casepool as cp
from casepool.cases.codebook import codebook_from_dict
from casepool.errors import CasepoolError
from casepool.modelling.specification.printing import describe
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


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ({"publication": "paper"}, "paper"),
        ({"file": {"decimal": ""}}, "file.decimal"),
        ({"engine": ""}, "engine"),
        ({"columns": {"x": {"type": "text", "role": ""}}}, "columns.x.role"),
        ({"columns": {"x": {"type": "number", "separator": ";"}}}, "columns.x.separator"),
    ],
)
def test_a_key_of_a_codebook_that_says_nothing_is_refused(keys, key, tmp_path):
    (tmp_path / "cases.csv").write_text("patient,x\na,1\nb,2\n", encoding="utf-8")
    (tmp_path / "codebook.toml").write_text(tomli_w.dumps(keys), encoding="utf-8")
    with pytest.raises(CasepoolError) as refused:
        cp.read_cases(tmp_path)
    assert refused.value.column == key


def test_a_frame_may_leave_out_the_column_of_publications():
    cases = cp.load("alk_crizotinib").drop(columns="reference")
    assert len(cp.read_cases(cases)) == len(cases)


MEDIAN = {"from": "median_time", "median": 23, "why": "test"}


@pytest.mark.parametrize(
    ("priors", "key"),
    [
        ({"intercept": MEDIAN | {"upper": math.inf}, "shape": half_normal(1)}, "priors.intercept"),
        ({"intercept": MEDIAN | {"upper": 1e12}, "shape": half_normal(1)}, "priors.intercept.upper"),
        ({"intercept": MEDIAN | {"upper": 430}, "shape": {"dist": "LogNormal", "mu": 1e9, "sigma": 1}}, "priors.shape"),
    ],
)
def test_a_median_that_no_computation_holds_is_refused_by_its_key(priors, key):
    with pytest.raises(CasepoolError) as refused:
        survival_model(priors, "weibull")
    assert refused.value.column == key


def test_a_model_is_described_whose_priors_are_as_wide_as_the_limits_allow():
    shape = {"dist": "LogNormal", "mu": 0, "sigma": 1e9}
    text = describe(survival_model({"intercept": MEDIAN | {"upper": 430}, "shape": shape}, "weibull"))
    assert "median survival 23 (1.2 to 430) months with shape at its median" in text
