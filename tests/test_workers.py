"""A cluster's workers give the same bytes as none, lose nothing when they die, and say what killed them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from distributed import Client, LocalCluster

import casepool as cp
from casepool.inference.drawn import EngineRefusal
from casepool.studies.journal import read_journal
from casepool.trials import analysis
from casepool.trials.files import design_from_dict
from casepool.workers import Piece, in_order

pytestmark = pytest.mark.filterwarnings("default")  # what Dask and its parts warn of is not ours


@pytest.fixture(scope="module")
def client():
    """A cluster that gives work up when one worker has died of it, as starting them takes long."""
    how = {"host": "127.0.0.1", "dashboard_address": None, "scheduler_kwargs": {"allowed_failures": 0}}
    cluster = LocalCluster(n_workers=2, threads_per_worker=2, **how)
    with cluster, Client(cluster) as own:
        yield own


def tripled(number: int) -> int:
    return 3 * number


def refusing(number: int) -> int:
    raise cp.CasepoolError("no", value=number, file="x.toml", remedy="yes") if number else EngineRefusal("gate", "why")


def dying_once(path: str, number: int) -> int:
    """Kill the process that does it first."""
    if number == 3 and not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def deadly(numbers: list[int]) -> list[int]:
    if 5 in numbers:
        os.kill(os.getpid(), signal.SIGKILL)
    return numbers


def parted(numbers: list[int]) -> Piece:
    middle = len(numbers) // 2

    def halves():
        return (parted(numbers[:middle]), parted(numbers[middle:]), list.__add__) if middle else None

    return Piece(f"number {numbers[0]}", deadly, (numbers,), halves)


def test_answers_come_in_order_and_refusals_as_they_are(client) -> None:
    pieces = [Piece("", tripled, (number,)) for number in range(50)]
    assert list(in_order(pieces, client)) == list(in_order(pieces)) == list(range(0, 150, 3))
    for number, kind in ((1, cp.CasepoolError), (0, EngineRefusal)):
        again = [Piece("", refusing, (number,)), Piece("", tripled, (7,))]
        with pytest.raises(kind) as here:
            list(in_order(again))
        with pytest.raises(kind) as there:
            list(in_order(again, client))
        assert (str(there.value), vars(there.value)) == (str(here.value), vars(here.value))


def design(sizes: dict[str, list[int]]):
    return design_from_dict(
        {
            "model": "basket_berry", "null": 0.2, "target": 0.5,
            "baskets": {name: {"n": n} for name, n in sizes.items()},
            "success": {"probability_above": {"rate": "null", "more_than": 0.9}},
            "futility": {"probability_above": {"rate": "target", "less_than": 0.15}},
        },
        name="law",
    )  # fmt: skip


CODINGS = {"combinations": ["left_out"], "case_5": ["responder"]}
OWN = {"a": [3, 6], "b": [3, 6], "c": [2, 5]}


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    return cp.operating_characteristics(design(OWN), progress=False)


@pytest.mark.parametrize("chunk", [10, 50])
def test_trials_are_the_same_to_the_byte_whoever_computes_in_whatever_chunks(client, alone, chunk, monkeypatch) -> None:
    monkeypatch.setattr(analysis, "AT_ONCE", chunk)
    found = cp.operating_characteristics(design(OWN), client=client, progress=False)
    pd.testing.assert_frame_equal(found, alone, check_exact=True)


def test_simulations_and_calibrations_are_the_same_too(client, monkeypatch) -> None:
    monkeypatch.setattr(analysis, "AT_ONCE", 20)
    own = design(OWN)
    trials = [cp.simulate(own, seed=1, trials=50, client=of, progress=False) for of in (None, client)]
    pd.testing.assert_frame_equal(*trials, check_exact=True)
    strict = [cp.calibrate(own, at=0.1, client=of, progress=False) for of in (None, client)]
    assert strict[0].calibration == strict[1].calibration


def test_a_worker_killed_in_mid_run_loses_nothing(client, tmp_path: Path) -> None:
    pieces = [Piece("", dying_once, (str(tmp_path / "died"), number)) for number in range(20)]
    assert list(in_order(pieces, client)) == list(range(20))
    assert (tmp_path / "died").exists()


def test_work_that_kills_workers_is_named_when_all_else_is_done(client) -> None:
    kept: dict[int, list[int]] = {}
    pieces = [parted([0, 1]), parted([4, 5]), *(parted([number]) for number in range(10, 20))]
    with pytest.raises(cp.CasepoolError, match=r"kills every worker.*all else is done.*'number 5'"):
        list(in_order(pieces, client, kept.__setitem__))
    assert set(kept) == set(range(12)) - {1}


def test_a_study_and_refits_are_the_same(client, response_fit, tmp_path: Path) -> None:
    path = tmp_path / "journal"
    asked = {"by": "histology", "seed": 1, "draws": 100, "codings": CODINGS, "journal": path, "progress": False}
    there = cp.multiverse("objective_response", "alk_crizotinib", client=client, **asked)
    lines = path.read_bytes().split(b"\n")
    assert len(read_journal(path)[0]) == 3  # two of the four combinations leave the model the same data
    path.write_bytes(b"\n".join(lines[:4]))  # two answers: the others are made anew, here
    here = cp.multiverse("objective_response", "alk_crizotinib", **asked)
    pd.testing.assert_frame_equal(here, there, check_exact=True)
    left = [cp.leave_out(response_fit, "histology", client=of, progress=False) for of in (None, client)]
    pd.testing.assert_frame_equal(*left, check_exact=True)


def test_what_is_no_client_is_refused(client) -> None:
    for wrong in ("tcp://127.0.0.1:1", client.cluster):
        with pytest.raises(cp.CasepoolError, match=r"no distributed\.Client"):
            cp.operating_characteristics("simon_two_stage", client=wrong, progress=False)


def test_dask_is_loaded_by_nobody_who_does_not_ask_for_it() -> None:
    code = "import casepool as cp, sys; cp.operating_characteristics('simon_two_stage', progress=False); cp.multiverse;"
    code += "cp.leave_out; assert not {'dask', 'distributed'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)
