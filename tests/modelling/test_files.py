"""Model files: what is not a model is refused in one line, and what is one survives being written."""

import tomllib

import pytest
import tomli_w

from casepool._resources import bundled
from casepool.errors import CasepoolError
from casepool.modelling import list_models, model, model_from_dict

ABSENT = object()
RESPONSE = "objective_response"
BANDED = "objective_response_by_age_group"
SURVIVAL = "overall_survival"
ORDINAL = "best_response"

REFUSED = [
    # model, where, what stands there instead, what the one line must say
    (RESPONSE, "famly", "bernoulli", ["famly", "family"]),
    (RESPONSE, "family", "binomial", ["binomial", "bernoulli", "weibull"]),
    (RESPONSE, "family", ABSENT, ["family", "bernoulli"]),
    (RESPONSE, "family", ["bernoulli"], ["family", "choose one of"]),
    (RESPONSE, "title", 5, ["title", "text"]),
    (RESPONSE, "effects", "proportional", ["effects", "remove"]),
    (RESPONSE, "outcome", ABSENT, ["outcome", "column"]),
    (RESPONSE, "outcome", "best_response", ["outcome", "[outcome]"]),
    (RESPONSE, "outcome.colunm", "best_response", ["colunm", "column"]),
    (RESPONSE, "outcome.time", "os_months", ["time", "column"]),
    (RESPONSE, "outcome.column", 3, ["outcome.column", "text"]),
    (RESPONSE, "outcome.success", ["PR", "XX"], ["success", "levels"]),
    (RESPONSE, "outcome.success", ["PD", "SD", "PR", "CR"], ["success", "levels"]),
    (RESPONSE, "outcome.success", "PR", ["outcome.success", "list"]),
    (RESPONSE, "outcome.success", [], ["outcome.success", "list"]),
    (RESPONSE, "outcome.levels", ["PD", "PD", "PR", "CR"], ["outcome.levels", "different"]),
    (RESPONSE, "outcome.levels", [1, 2], ["outcome.levels", "texts"]),
    (RESPONSE, "outcome.target", 1.5, ["outcome.target", "between 0 and 1"]),
    (RESPONSE, "outcome.target", True, ["outcome.target", "between 0 and 1"]),
    (RESPONSE, "outcome.target", ["a"], ["outcome.target", "between 0 and 1"]),
    (RESPONSE, "terms.age", "linear", ["terms.age", "table"]),
    (RESPONSE, "terms.age.kind", "spline", ["spline", "linear", "banded"]),
    (RESPONSE, "terms.age.kind", ABSENT, ["terms.age.kind", "linear"]),
    (RESPONSE, "terms.age.borrowing", "partial", ["borrowing", "centre"]),
    (RESPONSE, "terms.age.scale", 0, ["terms.age", "scale"]),
    (RESPONSE, "terms.age.scale", float("inf"), ["terms.age.scale", "number"]),
    (RESPONSE, "terms.age.centre", "18", ["terms.age.centre", "number"]),
    (RESPONSE, "terms.age.centre", float("nan"), ["terms.age.centre", "number"]),
    (RESPONSE, "terms.age.bounds", [110, 0], ["terms.age", "bounds"]),
    (RESPONSE, "terms.age.bounds", [0, float("inf")], ["terms.age.bounds", "numbers"]),
    (RESPONSE, "terms.age.bounds", [0, 50, 110], ["terms.age", "bounds"]),
    (RESPONSE, "terms.age.missing", "impute", ["terms.age.missing", "model, drop"]),
    (RESPONSE, "terms.histology.borrowing", "some", ["terms.histology.borrowing", "partial"]),
    (RESPONSE, "terms.histology.exchangeable", 1.5, ["terms.histology", "exchangeable"]),
    (RESPONSE, "terms.histology.exchangeable", {"EIMT": -0.1}, ["terms.histology", "exchangeable"]),
    (RESPONSE, "terms.histology.df", -1, ["terms.histology", "df"]),
    (RESPONSE, "terms.histology.own", "both", ["terms.histology.own", "level, effect"]),
    (RESPONSE, "terms.histology.own", "level", ["terms.histology.own", "partial", "remove"]),
    (RESPONSE, "terms.histology.df", 7, ["terms.histology.df", "partial", "remove"]),
    (RESPONSE, "terms.histology.exchangeable", {"EIMT": 0.8}, ["terms.histology.exchangeable", "partial"]),
    (RESPONSE, "terms.patient", {"kind": "group"}, ["terms.patient", "patient"]),
    (RESPONSE, "terms.events", {"kind": "group"}, ["terms.events", "events"]),
    (RESPONSE, "terms.my term", {"kind": "group"}, ["my term", "letters"]),
    (RESPONSE, "terms.age_effect", {"kind": "linear"}, ["age_effect", "rename"]),
    (RESPONSE, "exposure.surgery", {"column": "surgery_any"}, ["exposure", "survival"]),
    (RESPONSE, "priors.intercept", ABSENT, ["priors.intercept", "add"]),
    (RESPONSE, "priors.partner_sd", ABSENT, ["priors.partner_sd", "add"]),
    (RESPONSE, "priors.sex_effect", {"dist": "Normal", "mu": 0, "sigma": 1}, ["priors.sex_effect", "intercept"]),
    (RESPONSE, "priors.partner_share.dist", "Normal", ["priors.partner_share", "Dirichlet|concentration|takes"]),
    (RESPONSE, "priors.age_share", {"dist": "Dirichlet", "concentration": 1}, ["priors.age_share", "nothing"]),
    (RESPONSE, "priors.intercept.dist", "Gaussian", ["priors.intercept", "Gaussian", "Normal"]),
    (RESPONSE, "priors.intercept.dist", ["Normal"], ["priors.intercept", "Normal"]),
    (RESPONSE, "priors.intercept.sigma", 0, ["priors.intercept", "sigma", "positive"]),
    (RESPONSE, "priors.intercept.sigma", "1", ["priors.intercept", "sigma", "number"]),
    (RESPONSE, "priors.intercept.sigma", ABSENT, ["priors.intercept", "sigma"]),
    (RESPONSE, "priors.intercept.tau", 1, ["priors.intercept", "tau"]),
    (RESPONSE, "priors.intercept.why", 1, ["priors.intercept", "why"]),
    (RESPONSE, "priors.intercept.EIMT", {"dist": "Flat"}, ["priors.intercept", "_own"]),
    (RESPONSE, "priors.histology_sd", {"dist": "Normal", "mu": 0, "sigma": 1}, ["histology_sd", "HalfNormal"]),
    (RESPONSE, "priors.histology_sd", {"dist": "Fixed", "value": -1}, ["histology_sd", "positive"]),
    (RESPONSE, "priors.age_effect", {"dist": "Dirichlet", "concentration": 1}, ["age_effect", "share"]),
    (RESPONSE, "priors.intercept", {"from": "odds", "median": 1, "upper": 2}, ["intercept", "probability, ratio"]),
    (RESPONSE, "priors.intercept", {"from": ["ratio"], "median": 1, "upper": 2}, ["intercept", "ratio"]),
    (RESPONSE, "priors.intercept", {"from": "ratio", "median": 1, "upper": 2, "mu": 3}, ["intercept", "no more"]),
    (RESPONSE, "priors.intercept", {"from": "probability", "median": 0.5}, ["intercept", "upper"]),
    (RESPONSE, "priors.intercept", {"from": "probability", "median": 0.5, "upper": 1}, ["intercept", "probability"]),
    (RESPONSE, "priors.intercept", {"from": "ratio", "median": 2, "upper": 1}, ["intercept", "ratio"]),
    (BANDED, "terms.age.cuts", [], ["terms.age.cuts", "numbers"]),
    (BANDED, "terms.age.cuts", [18, 12], ["terms.age", "rising"]),
    (BANDED, "terms.age.cuts", ["18"], ["terms.age.cuts", "numbers"]),
    (BANDED, "terms.age.cuts", ABSENT, ["terms.age", "cuts"]),
    (BANDED, "terms.age.labels", ["young"], ["terms.age", "2 different labels"]),
    (BANDED, "terms.age.labels", ["young", "young"], ["terms.age.labels", "different"]),
    (SURVIVAL, "effects", "additive", ["effects", "proportional, accelerated"]),
    (SURVIVAL, "outcome.column", "best_response", ["column", "time"]),
    (SURVIVAL, "outcome.event", ABSENT, ["outcome", "event"]),
    (SURVIVAL, "outcome.unit", "fortnights", ["outcome.unit", "days, weeks, months, years"]),
    (SURVIVAL, "outcome.event_levels", ["DOD"], ["outcome", "event_levels"]),
    (SURVIVAL, "exposure.surgery.column", ABSENT, ["exposure.surgery", "column"]),
    (SURVIVAL, "exposure.surgery.from", "x", ["from", "earliest"]),
    (SURVIVAL, "exposure.surgery.latest", ABSENT, ["exposure.surgery", "latest"]),
    (SURVIVAL, "exposure.surgery.start", "surgery_date", ["exposure.surgery", "start"]),
    (SURVIVAL, "exposure.surgery.dating", "middle", ["exposure.surgery.dating", "intensity"]),
    (SURVIVAL, "exposure.surgery.undated", "guess", ["exposure.surgery.undated", "refuse"]),
    (SURVIVAL, "exposure.surgery.as", "fixed", ["exposure.surgery.as", "baseline"]),
    (SURVIVAL, "exposure.surgery.report_start", -1, ["exposure.surgery", "report_start"]),
    (SURVIVAL, "exposure.radiation", {"column": "radiation"}, ["exposure", "one"]),
    (SURVIVAL, "exposure.time", {"column": "surgery_any"}, ["exposure.time", "letters"]),
    (SURVIVAL, "terms.surgery", {"kind": "linear"}, ["surgery", "rename"]),
    (SURVIVAL, "priors.shape", {"dist": "Normal", "mu": 1, "sigma": 1}, ["priors.shape", "positive"]),
    (SURVIVAL, "priors.surgery_log_intensity", ABSENT, ["priors.surgery_log_intensity", "add"]),
    (SURVIVAL, "priors.surgery_effect", 0.0, ["priors.surgery_effect", "table"]),
    (SURVIVAL, "link", "cumulative", ["link", "only an ordinal family", "remove"]),
    (RESPONSE, "link", "cumulative", ["link", "only an ordinal family", "remove"]),
    (ORDINAL, "link", "probit", ["link", "cumulative, adjacent"]),
    (ORDINAL, "effects", "proportional", ["effects", "only a survival family", "remove"]),
    (ORDINAL, "outcome.events", "events", ["coded column", "bernoulli"]),
    (ORDINAL, "outcome.target", 0.3, ["coded column", "bernoulli"]),
    (ORDINAL, "outcome.column", ABSENT, ["`column`", "`levels`"]),
    (ORDINAL, "outcome.levels", ["PR"], ["`column`", "two or more"]),
    (ORDINAL, "outcome.success", ["SD", "CR"], ["best of `levels`", "worst first"]),
    (ORDINAL, "outcome.success", ["PD", "SD", "PR", "CR"], ["best of `levels`", "not all"]),
    (ORDINAL, "terms.age.by_category", True, ["terms.age.by_category", 'link = "adjacent"']),
    (RESPONSE, "terms.age.by_category", True, ["terms.age.by_category", 'link = "adjacent"']),
    (ORDINAL, "terms.age.by_category", "yes", ["terms.age.by_category", "true or false"]),
    (ORDINAL, "terms.histology.by_category", True, ["by_category", "borrowing"]),
    (ORDINAL, "priors.intercept", {"dist": "Normal", "mu": 0, "sigma": 1}, ["priors.intercept", "first_cutpoint"]),
    (ORDINAL, "priors.first_cutpoint", ABSENT, ["priors.first_cutpoint", "add"]),
    (ORDINAL, "priors.cutpoint_gap", {"dist": "Normal", "mu": 1, "sigma": 1}, ["priors.cutpoint_gap", "positive"]),
    (ORDINAL, "terms.gap", {"kind": "linear"}, ["terms.gap", "not a usable name"]),
    (RESPONSE, "terms.age", {"kind": "smooth"}, ["terms.age", "rising knots"]),
    (RESPONSE, "terms.age", {"kind": "smooth", "knots": [6, 15]}, ["terms.age", "three or more rising knots"]),
    (RESPONSE, "terms.age", {"kind": "smooth", "knots": [6, 30, 15]}, ["terms.age", "rising knots"]),
    (RESPONSE, "terms.age", {"kind": "smooth", "knots": [6, 15, 30], "scale": 0}, ["terms.age", "scale"]),
    (RESPONSE, "terms.age", {"kind": "smooth", "knots": [6, 15, 30]}, ["priors.age_wiggle_sd", "add"]),
    (RESPONSE, "terms.age.knots", [6, 15, 30], ["knots", "centre"]),
]  # fmt: skip


def changed(name, where, value):
    """The plain mappings of a bundled model with one key set, or removed."""
    plain = tomllib.loads((bundled("models") / f"{name}.toml").read_text(encoding="utf-8"))
    inner, (*path, key) = plain, where.split(".")
    for step in path:
        inner = inner.setdefault(step, {})
    if value is ABSENT:
        del inner[key]
    else:
        inner[key] = value
    return plain


@pytest.mark.parametrize(
    ("name", "where", "value", "said"), REFUSED, ids=[f"{r[1]}-{i}" for i, r in enumerate(REFUSED)]
)
def test_what_is_no_model_is_refused_in_one_line(tmp_path, name, where, value, said):
    path = tmp_path / "mine.toml"
    path.write_text(tomli_w.dumps(changed(name, where, value)), encoding="utf-8")
    with pytest.raises(CasepoolError) as refusal:
        model(path)
    message = str(refusal.value)
    assert message.startswith("mine.toml")
    assert "\n" not in message
    assert ";" in message
    for words in said:
        assert any(word in message for word in words.split("|")), message


def test_the_own_prior_of_a_level_is_normal():
    plain = changed(RESPONSE, "terms.histology.borrowing", "none")
    del plain["priors"]["histology_sd"], plain["priors"]["intercept"]
    for own, problem in ((None, "histology_own"), ({"dist": "Flat"}, "Normal")):
        if own:
            plain["priors"]["histology_own"] = own
        with pytest.raises(CasepoolError, match=problem):
            model_from_dict(plain, name="mine")
    plain["priors"]["histology_own"] = {
        "dist": "Normal", "mu": 0, "sigma": 1, "EIMT": {"dist": "Normal", "mu": 1, "sigma": 2}
    }  # fmt: skip
    assert model_from_dict(plain, name="mine").priors["histology_own.EIMT"].parameters == {"mu": 1.0, "sigma": 2.0}


def test_a_single_exnex_factor_describes_levels_and_several_must_say_effects():
    own = {"dist": "Normal", "mu": 0, "sigma": 1}
    one = changed(RESPONSE, "terms.histology.borrowing", "exnex")
    one["priors"]["histology_own"] = own
    assert model_from_dict(one, name="mine").terms["histology"].own == "level"
    one["terms"]["partner"]["borrowing"] = "exnex"
    one["priors"]["partner_own"] = own
    with pytest.raises(CasepoolError, match='own = "effect"'):
        model_from_dict(one, name="mine")
    for factor in ("histology", "partner"):
        one["terms"][factor]["own"] = "effect"
    assert model_from_dict(one, name="mine").terms["partner"].own == "effect"


def test_not_toml_and_not_there(tmp_path):
    (tmp_path / "broken.toml").write_text('title = "unfinished', encoding="utf-8")
    with pytest.raises(CasepoolError, match=r"broken\.toml.*TOML"):
        model(tmp_path / "broken.toml")
    with pytest.raises(CasepoolError, match=r"absent\.toml.*no such file"):
        model(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("objective_respons", "objective_response"),
        ("Overall_survival", "overall_survival"),
        ("disease_contrl", "disease_control"),
    ],
)
def test_a_misspelt_name_suggests_the_right_one(wrong, right):
    with pytest.raises(CasepoolError, match=f"did you mean '{right}'"):
        model(wrong)


def test_a_name_like_none_lists_them_all():
    with pytest.raises(CasepoolError) as refusal:
        model("zzz")
    assert all(name in str(refusal.value) for name in list_models())


def test_every_bundled_file_is_listed():
    from casepool._resources import bundled

    assert list_models() == sorted(path.stem for path in bundled("models").glob("*.toml"))
    assert {"objective_response", "objective_response_by_age_group", "overall_survival"} <= set(list_models())


@pytest.mark.parametrize("name", list_models())
def test_a_model_survives_being_written(tmp_path, name):
    original = model(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(original.to_toml(), encoding="utf-8")
    assert model(path) == original


def test_rarer_keys_survive_being_written():
    own = {"dist": "Normal", "mu": 0, "sigma": 1}
    plain = changed(RESPONSE, "terms.histology.exchangeable", {"EIMT": 0.8, "other": 0.5})
    plain["terms"]["histology"] |= {"borrowing": "exnex", "column": "diagnosis"}
    plain["terms"]["partner"] |= {"borrowing": "robust", "df": 7}
    plain["priors"]["histology_own"] = {
        "dist": "Normal", "mu": 0, "sigma": 1, "a.b": {"dist": "Normal", "mu": 1, "sigma": 2}
    }  # fmt: skip
    plain["priors"]["intercept"] = {"from": "probability", "median": 0.7, "upper": 0.98, "why": "convention"}
    plain["priors"]["age_spread"] = {"dist": "HalfStudentT", "nu": 3, "sigma": 1}
    plain["terms"]["sex"] = {"kind": "category", "reference": "F", "missing": "drop"}
    plain["priors"]["sex_effect"] = {"dist": "Fixed", "value": 0}
    plain["outcome"]["target"] = 0.3
    plain["terms"]["months"] = {"kind": "smooth", "knots": [6, 15, 30], "centre": 12, "scale": 6, "bounds": [0, 60]}
    plain["priors"] |= {"months_effect": own, "months_wiggle_sd": {"dist": "HalfNormal", "sigma": 1}}
    original = model_from_dict(plain, name="mine")
    assert model_from_dict(tomllib.loads(original.to_toml()), name="mine") == original


def test_effects_by_category_survive_being_written():
    plain = changed(ORDINAL, "terms.age.by_category", True) | {"link": "adjacent"}
    plain["priors"]["cutpoint_gap"] = {"dist": "Normal", "mu": 0, "sigma": 2}
    original = model_from_dict(plain, name="mine")
    assert original.terms["age"].by_category
    assert model_from_dict(tomllib.loads(original.to_toml()), name="mine") == original


def test_two_categories_have_no_gap():
    plain = changed(ORDINAL, "outcome.levels", ["SD", "PR"])
    plain["outcome"]["success"] = ["PR"]
    with pytest.raises(CasepoolError, match="prior for nothing"):
        model_from_dict(plain, name="mine")
    del plain["priors"]["cutpoint_gap"]
    assert "cutpoint_gap" not in model_from_dict(plain, name="mine").prior_keys


@pytest.mark.parametrize("name", list_models())
def test_every_bundled_prior_has_a_reason_with_a_source_or_convention(name):
    chosen = model(name)
    assert chosen.title
    assert set(chosen.priors) == set(chosen.prior_keys)
    for key, prior in chosen.priors.items():
        assert "convention" in prior.why or any(f"{year}" in prior.why for year in range(1950, 2030)), key


def test_elicited_priors_have_the_stated_median_and_upper_limit():
    from scipy import special, stats

    plain = changed(RESPONSE, "priors.intercept", {"from": "probability", "median": 0.7, "upper": 0.95})
    plain["priors"]["age_effect"] = {"from": "ratio", "median": 1.0, "upper": 3.0}
    made = model_from_dict(plain, name="mine")
    level = stats.norm(**_loc_scale(made.priors["intercept"]))
    assert special.expit(level.ppf([0.5, 0.975])) == pytest.approx([0.7, 0.95], abs=1e-12)
    ratio = stats.lognorm(made.priors["age_effect"].parameters["sigma"])
    assert ratio.ppf(0.975) == pytest.approx(3.0, abs=1e-12)


def _loc_scale(prior):
    return {"loc": prior.parameters["mu"], "scale": prior.parameters["sigma"]}


def test_the_baseline_replica_carries_its_guard_and_the_default_model_is_time_varying():
    replica, default = model("overall_survival_baseline"), model("overall_survival")
    assert "must survive to surgery" in replica.title
    assert "must survive to surgery" in replica.priors["surgery_effect"].why
    assert replica.exposures["surgery"].as_ == "baseline"
    assert default.exposures["surgery"].as_ == "time_varying"
    assert default.exposures["surgery"].dating == "intensity"


NORMAL, HALF = {"dist": "Normal", "mu": 0, "sigma": 1}, {"dist": "HalfNormal", "sigma": 1}
BERNOULLI = {"family": "bernoulli", "outcome": {"column": "r", "levels": ["no", "yes"], "success": ["yes"]}}
GOMPERTZ = {"family": "gompertz", "outcome": {"time": "time", "event": "event"}}
BY_MEDIAN = {"from": "median_time", "median": 20, "upper": 90}


def test_a_flat_shape_is_no_obstacle_to_an_intercept_stated_otherwise():
    priors = {"intercept": NORMAL, "shape": {"dist": "Flat"}}
    assert model_from_dict(GOMPERTZ | {"priors": priors}, name="mine").prior("shape").dist == "Flat"
    with pytest.raises(CasepoolError, match=r"mine.toml, column 'priors.shape': .* needs a prior with a median"):
        model_from_dict(GOMPERTZ | {"priors": priors | {"intercept": BY_MEDIAN}}, name="mine")
    with pytest.raises(CasepoolError, match=r"column 'priors.shape': the model needs this prior"):
        model_from_dict(GOMPERTZ | {"priors": {"intercept": BY_MEDIAN}}, name="mine")


def test_a_prior_that_stands_unused_has_its_support_all_the_same():
    exposure = {"surgery": {"column": "surgery", "dating": "uniform"}}
    priors = {"intercept": NORMAL, "shape": NORMAL, "surgery_effect": NORMAL, "surgery_log_intensity": NORMAL}
    plain = GOMPERTZ | {"exposure": exposure, "priors": priors}
    assert model_from_dict(plain, name="mine").exposures
    plain["priors"] = priors | {"surgery_log_intensity": {"dist": "Dirichlet", "concentration": 1}}
    with pytest.raises(CasepoolError, match="belongs to a share"):
        model_from_dict(plain, name="mine")


@pytest.mark.parametrize(
    ("one", "other"),
    [("x_effect", "x_effect_z"), ("x", "x_z"), ("x", "x_wiggle_z"), ("x", "x_sd_sigma"), ("x", "intercept_mu")],
)
def test_a_term_called_like_a_variable_of_the_graph_is_refused(one, other):
    terms = {one: {"kind": "group"}, other: {"kind": "category"}}
    priors = {"intercept": NORMAL, f"{one}_sd": HALF, f"{other}_effect": NORMAL}
    with pytest.raises(CasepoolError, match="meets that of"):
        model_from_dict(BERNOULLI | {"terms": terms, "priors": priors}, name="mine")


@pytest.mark.parametrize(("one", "other"), [("x_effect", "x_z"), ("sex", "sex_df"), ("sex", "sex_recorded_mu")])
def test_a_term_called_like_nothing_is_none_of_their_business(one, other):
    terms = {one: {"kind": "group"}, other: {"kind": "category"}}
    priors = {"intercept": NORMAL, f"{one}_sd": HALF, f"{other}_effect": NORMAL}
    assert list(model_from_dict(BERNOULLI | {"terms": terms, "priors": priors}, name="mine").terms) == [one, other]


@pytest.mark.parametrize("intercept", [{"from": "median_time", "median": 12, "upper": 60}, None])
def test_priors_that_are_missing_are_told_all_at_once(intercept):
    plain = {
        "family": "weibull",
        "outcome": {"time": "time", "event": "event"},
        "terms": {"site": {"kind": "group", "borrowing": "partial"}, "sex": {"kind": "category"}},
        "priors": {"intercept": intercept} if intercept else {},
    }
    with pytest.raises(CasepoolError) as refusal:
        model_from_dict(plain, name="small")
    wanted = ["intercept"] * (intercept is None) + ["site_sd", "sex_effect", "shape"]
    assert f"the model needs {len(wanted)} more priors" in str(refusal.value)
    assert refusal.value.remedy == f"add {', '.join(f'[priors.{name}]' for name in wanted)}"
    assert "\n" not in str(refusal.value)
    pasted = tomllib.loads(refusal.value.paste)["priors"]
    assert list(pasted) == wanted
    assert set(model_from_dict(plain | {"priors": plain["priors"] | pasted}, name="small").priors) == set(
        wanted + list(plain["priors"])
    )
