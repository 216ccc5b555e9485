"""Draws that casepool did not make: a fit's own come back as they were, and those of another model are refused."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import casepool as cp
from casepool.cli import main
from casepool.estimation.draws import open_draws
from casepool.inference.fit_contents import engine_of
from casepool.modelling.families.names import standard_of
from casepool.reporting.checklist import _converged
from tests.oracle.structures import AT_FIRST, BUNDLED
from tests.small import counts, half_normal, normal, response_model

KEPT = ("posterior", "sample_stats", "log_likelihood", "log_likelihood_dates", "log_prior", "observed_data", "patients")
NUMBERS = ["estimate", "lower", "upper", "mean", "sd", "ess", "mcse", "learnt"]
SIDES = {"intercept": normal(1.5), "site_sd": half_normal(1.0)}
MODEL = response_model({"site": {"kind": "group"}}, SIDES)
TABLE = counts([3, 0, 2], [10, 4, 5], site=["a", "b", "c"])


def without_marks(table: pd.DataFrame) -> pd.DataFrame:
    """A table but for what says who drew, and what hangs on that: verdicts ask R-hat of adopted draws."""
    return table.drop(columns=["note", "verdict"], errors="ignore")


@pytest.mark.parametrize("name", AT_FIRST)
def test_a_fit_of_every_bundled_model_is_adopted_as_it_was(name: str) -> None:
    fit = cp.open_fit(Path(__file__).parents[1] / "oracle" / "fits" / f"{name}.nc")
    cases = cp.load(BUNDLED[name])
    adopted = cp.adopt(fit, name, cases)
    again = cp.adopt(adopted, name, cases)
    for group in KEPT:
        if group in adopted.children:
            assert adopted[group].to_dataset().equals(again[group].to_dataset()), group
    outcome = open_draws(fit).likelihoods[0]  # stored fits keep it with that of the dates
    np.testing.assert_allclose(adopted["log_likelihood"]["outcome"], outcome, rtol=1e-9, atol=1e-9)
    for group in ("posterior", "log_prior"):
        for key, values in fit[group].data_vars.items():
            np.testing.assert_allclose(adopted[group][key], values, rtol=1e-9, atol=1e-9, err_msg=f"{group} {key}")
    pd.testing.assert_frame_equal(without_marks(cp.estimates(adopted)), without_marks(cp.estimates(again)))


@pytest.mark.parametrize("name", ["basket_berry", "time_on_crizotinib", "complete_response_by_surgery"])
def test_tables_of_an_adopted_fit_are_those_of_the_fit(name: str) -> None:
    fit = cp.fit(name, BUNDLED[name], seed=3, progress=False)
    adopted = cp.adopt(fit, name, BUNDLED[name])
    for group in KEPT:
        if group in fit.children:
            assert adopted[group].to_dataset().equals(fit[group].to_dataset()), group
    mine, theirs = cp.estimates(fit), cp.estimates(adopted)
    pd.testing.assert_frame_equal(without_marks(theirs), without_marks(mine))
    assert theirs["note"].str.endswith("adopted: not drawn by casepool").all()


@pytest.fixture(scope="module")
def drawn() -> xr.DataTree:
    """What a sampler of PyMC hands back: standard variables beside effects, energies, dimensions in its own order."""
    fit = cp.fit(MODEL, TABLE, seed=1, engine="lockstep", draws=500, progress=False)
    posterior = fit["posterior"].to_dataset().transpose(..., "draw", "chain")
    posterior[standard_of("site_effect")] = posterior["site_effect"] / posterior["site_sd"]
    size = {dim: fit["posterior"].sizes[dim] for dim in ("chain", "draw")}
    energy = np.random.default_rng(1).standard_normal(tuple(size.values()))
    stats = xr.Dataset({"energy": (("chain", "draw"), energy), "diverging": (("chain", "draw"), energy > 9)})
    posterior.attrs = {"inference_library": "another", "inference_library_version": "1.0"}
    return xr.DataTree.from_dict({"posterior": posterior.isel(site=[2, 0, 1]), "sample_stats": stats})


def changed(tree: xr.DataTree, change: Callable[[xr.Dataset], xr.Dataset]) -> xr.DataTree:
    return xr.DataTree.from_dict({"posterior": change(tree["posterior"].to_dataset())})


def test_effects_follow_from_standard_variables_and_levels_from_labels(drawn: xr.DataTree) -> None:
    whole = cp.adopt(drawn, MODEL, TABLE)
    lacking = cp.adopt(changed(drawn, lambda draws: draws.drop_vars("site_effect")), MODEL, TABLE)
    assert list(whole["posterior"]["site"].values) == ["a", "b", "c"]
    for key in ("site_effect", "site_sd", "intercept"):
        np.testing.assert_allclose(whole["posterior"][key], lacking["posterior"][key], rtol=1e-12)
    moved = drawn["posterior"]["site_effect"].sel(site="b").transpose("chain", "draw")
    np.testing.assert_array_equal(whole["posterior"]["site_effect"].sel(site="b"), moved)
    assert standard_of("site_effect") not in whole["posterior"]


def test_what_is_asked_of_adopted_draws_is_what_came_with_them(drawn: xr.DataTree) -> None:
    whole, bare = cp.adopt(drawn, MODEL, TABLE), cp.adopt(changed(drawn, lambda draws: draws), MODEL, TABLE)
    answers = [cp.check(fit, progress=False).set_index("question") for fit in (whole, bare)]
    assert [own.loc["energy", "verdict"] for own in answers] == ["pass", "not asked"]
    assert [own.loc["divergences", "verdict"] for own in answers] == ["pass", "not asked"]
    assert all(own.loc["false accepts", "verdict"] == "not asked" for own in answers)
    assert [own.loc["convergence", "verdict"] for own in answers] == ["pass", "pass"]
    assert "divergences not asked" in _converged(open_draws(bare))
    assert whole.attrs["inference_library"] == "another 1.0"
    assert whole["posterior"].attrs["inference_library"] == "another"
    assert engine_of(whole)["run"] == "adopted"


def test_refits_of_an_adopted_fit_are_drawn_by_an_engine(drawn: xr.DataTree) -> None:
    table = cp.sensitivity(cp.adopt(drawn, MODEL, TABLE), scales=[0.5], progress=False)
    assert table["note"].str.contains("drawn by exact").any()


def to_other_level(draws: xr.Dataset) -> xr.Dataset:
    return draws.assign_coords(site=["c", "a", "d"])


def broken(draws: xr.Dataset, name: str, value: float) -> xr.Dataset:
    values = draws[name].copy(deep=True)
    values[{"chain": 1, "draw": 7}] = value
    return draws.assign({name: values})


REFUSED = {
    "a parameter less": (lambda d: d.drop_vars("site_sd"), "'site_sd': the draws lack this parameter"),
    "a variable more": (
        lambda d: d.assign(ratio=d["intercept"]),
        "'ratio': the model 'small' has no parameter",
    ),
    "another level": (to_other_level, "'site_effect': the draws lack a level of 'site' of the model .*value 'b'"),
    "a level more": (
        lambda d: xr.concat([d, d.isel(site=[0]).assign_coords(site=["e"])], "site", data_vars="minimal"),
        "'site_effect': the draws have a level of 'site' unlike the model .*value 'e'",
    ),
    "no labels": (lambda d: d.drop_vars("site"), "the draws lack a level of 'site'"),
    "another dimension": (
        lambda d: d.rename(site="place"),
        "'site_effect': it needs numbers with .*, draw, site",
    ),
    "texts": (lambda d: d.assign(intercept=d["intercept"].astype(str)), "'intercept': it needs numbers"),
    "not a number": (lambda d: broken(d, "intercept", np.nan), "'intercept': .* draw 7 of chain 1 is not"),
    "infinite": (lambda d: broken(d, "site_sd", np.inf), "'site_sd': .* draw 7 of chain 1 is not"),
    "outside its support": (lambda d: broken(d, "site_sd", -1.0), "'site_sd': draws lie where .*positive .value -1.0"),
    "another scale": (lambda d: d.assign(site_effect=2 * d["site_effect"]), "'site_effect': it is not what 'site_z'"),
    "too few draws": (lambda d: d.isel(draw=slice(3)), "needs the dimensions chain and draw, 4 draws or more"),
    "one run": (lambda d: d.isel(chain=0, drop=True), "needs the dimensions chain and draw"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_draws_of_another_model_are_refused_in_one_line(what: str, drawn: xr.DataTree) -> None:
    change, said = REFUSED[what]
    with pytest.raises(cp.CasepoolError, match=said) as refusal:
        cp.adopt(changed(drawn, change), MODEL, TABLE)
    assert "\n" not in str(refusal.value)


def test_statistics_of_other_draws_are_refused(drawn: xr.DataTree) -> None:
    tree = changed(drawn, lambda draws: draws)
    tree["sample_stats"] = xr.DataTree(xr.Dataset({"energy": (("chain", "draw"), np.zeros((4, 3)))}))
    with pytest.raises(cp.CasepoolError, match=r"'energy'.*one for every draw"):
        cp.adopt(tree, MODEL, TABLE)


def test_what_is_named_as_extra_is_left_out_and_said(drawn: xr.DataTree) -> None:
    tree = changed(drawn, lambda draws: draws.assign(ratio=np.exp(draws["intercept"])))
    fit = cp.adopt(tree, MODEL, TABLE, extra=["ratio"])
    assert "ratio" not in fit["posterior"]
    assert engine_of(fit)["gauges"]["extra"] == ["ratio"]
    for names in (["intercept"], ["nothing"], "ratio"):
        with pytest.raises(cp.CasepoolError, match="extra"):
            cp.adopt(tree, MODEL, TABLE, extra=names)


def test_the_command_line_adopts_a_file(drawn: xr.DataTree, tmp_path: Path, capsys) -> None:
    fit = cp.fit("basket_pooled", "sarcoma_imatinib", seed=2, progress=False)
    fit.to_netcdf(tmp_path / "draws.nc", engine="h5netcdf")
    words = ["adopt", str(tmp_path / "draws.nc"), "--model", "basket_pooled", "--data", "sarcoma_imatinib"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(tmp_path / "fit.nc")])
    assert not left.value.code
    assert "adopted: not drawn by casepool" in capsys.readouterr().out
    saved, made = cp.open_fit(tmp_path / "fit.nc"), cp.adopt(fit, "basket_pooled", "sarcoma_imatinib")
    pd.testing.assert_frame_equal(cp.estimates(saved), cp.estimates(made))
    assert saved.attrs["seed"] == "2"
    assert list(saved["posterior"].attrs["sample_dims"]) == ["chain", "draw"]


def test_an_adopted_fit_does_not_reproduce(drawn: xr.DataTree, tmp_path: Path, capsys) -> None:
    fit = cp.adopt(drawn, MODEL, TABLE)
    table = cp.verify(fit, progress=False).set_index("part")
    assert tuple(table.loc["draws", ["verdict", "sentence"]]) == ("fail", "adopted: not drawn by casepool")
    assert (table.drop(index="draws")["verdict"] == "pass").all()
    assert {"log_likelihood: outcome", "log_prior: site_sd"} <= {*table.index}
    with pytest.raises(SystemExit) as left:
        main(["verify", str(cp.save_fit(fit, tmp_path / "fit.nc")), "--quiet"])
    assert left.value.code == 4
    assert "adopted: not drawn by casepool" in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"no netCDF", b"\x89HDF\r\n\x1a\n" + b"x" * 64])
def test_a_file_that_holds_no_draws_is_refused_by_its_name(content: bytes, tmp_path: Path, capsys) -> None:
    (tmp_path / "draws.nc").write_bytes(content)
    words = ["adopt", str(tmp_path / "draws.nc"), "--model", "basket_pooled", "--data", "sarcoma_imatinib"]
    with pytest.raises(SystemExit) as left:
        main([*words, "--out", str(tmp_path / "fit.nc")])
    assert left.value.code == 2
    assert "draws.nc: this is no netCDF file of draws" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words, "--out", str(tmp_path / "draws.nc"), "--force"])
    assert "would replace what is read" in capsys.readouterr().err
