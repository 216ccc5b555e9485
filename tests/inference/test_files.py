"""A saved fit comes back whole or not at all."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import casepool as cp
from benchmarks.kills import KINDS, corrupted
from casepool import writing
from casepool.inference import files, fit_format
from casepool.inference.fit_contents import cases_of, design_of, model_of


def test_what_is_saved_comes_back(age_fit: xr.DataTree, tmp_path) -> None:
    back = cp.open_fit(cp.save_fit(age_fit, tmp_path / "age.nc"))
    xr.testing.assert_identical(back, age_fit)
    assert cp.estimates(back, "age").equals(cp.estimates(age_fit, "age"))


def test_a_changed_fit_is_read_anew() -> None:
    """What was made of a fit is kept, and found again only by a fit that says the same."""
    kept = cp.open_fit(Path(__file__).parents[1] / "oracle" / "fits" / "objective_response.nc")
    before, fit = design_of(kept), kept.copy(deep=True)
    assert design_of(fit) is before
    table = cases_of(fit)
    table["age"] = 1.0
    assert cases_of(fit).equals(cases_of(kept))
    fit["patients"]["age"][:] = np.minimum(fit["patients"]["age"], 40.0)
    assert cases_of(fit)["age"].max() == 40.0
    assert design_of(fit).terms["age"].matrix.max() < before.terms["age"].matrix.max()
    fit.attrs["model"] = kept.attrs["model"].replace('"objective_response"', '"another"')
    assert design_of(fit).model.name == "another"
    assert design_of(kept) is before


def test_xarray_opens_it_too(age_fit: xr.DataTree, tmp_path) -> None:
    path = cp.save_fit(age_fit, tmp_path / "age.nc")
    with xr.open_datatree(path, engine="h5netcdf") as tree:
        assert float(tree["posterior"]["intercept"].mean()) == float(age_fit["posterior"]["intercept"].mean())


@pytest.mark.parametrize("place", [0, 0.1, 0.5, 0.9, -1])
def test_one_changed_byte_is_refused(age_fit: xr.DataTree, tmp_path, place: float) -> None:
    path = cp.save_fit(age_fit, tmp_path / "age.nc")
    raw = bytearray(path.read_bytes())
    raw[int(place * len(raw)) if place >= 0 else -1] ^= 1
    path.write_bytes(raw)
    with pytest.raises(cp.CasepoolError, match=r"age\.nc.*truncated or changed"):
        cp.open_fit(path)


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.999])
def test_a_truncated_file_is_refused(age_fit: xr.DataTree, tmp_path, kept: float) -> None:
    path = cp.save_fit(age_fit, tmp_path / "age.nc")
    raw = path.read_bytes()
    path.write_bytes(raw[: int(kept * len(raw))])
    with pytest.raises(cp.CasepoolError, match="truncated or changed"):
        cp.open_fit(path)


@pytest.mark.parametrize("foreign", [b"CDF\x01" + b"\0" * 500, b"patient,age\n1,2\n", None])
def test_a_file_of_another_program_is_not_called_truncated(tmp_path, foreign: bytes | None) -> None:
    path = tmp_path / "other.nc"
    if foreign is None:
        xr.Dataset({"x": ("n", np.arange(9.0))}).to_netcdf(path, engine="h5netcdf")
    else:
        path.write_bytes(foreign)
    with pytest.raises(cp.CasepoolError, match="another program"):
        cp.open_fit(path)


def test_a_failing_write_leaves_the_old_file(age_fit: xr.DataTree, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cp.save_fit(age_fit, tmp_path / "age.nc")
    old = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.os, "fsync", full)
    with pytest.raises(cp.CasepoolError, match="No space left"):
        cp.save_fit(age_fit, path)
    assert path.read_bytes() == old
    assert [p.name for p in tmp_path.iterdir()] == ["age.nc"]


def test_a_missing_folder_is_refused(age_fit: xr.DataTree, tmp_path) -> None:
    with pytest.raises(cp.CasepoolError, match="cannot write there"):
        cp.save_fit(age_fit, tmp_path / "nowhere" / "age.nc")
    with pytest.raises(cp.CasepoolError, match="cannot be read"):
        cp.open_fit(tmp_path / "nowhere.nc")


KILLER = """
import os, signal, sys
from pathlib import Path
from casepool import writing
from casepool.inference import files

path, old, new = Path(sys.argv[1]), b"old" * 100_000, b"new" * 200_000


def write_until(step):
    seen = 0

    def count(frame, event, argument):
        nonlocal seen
        if frame.f_code.co_filename == writing.__file__ and event == "line":
            seen += 1
            if seen == step:
                os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(count)
    writing.write_atomically(path, new)
    os._exit(0)


found, step, killed = [], 0, True
while killed:
    step += 1
    path.write_bytes(old)
    child = os.fork() or write_until(step)
    killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
    found.append({old: "old", new: "new"}[path.read_bytes()])
print(*found)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills by signal")
def test_a_kill_before_any_line_of_a_write_leaves_the_old_file_or_the_new_one(tmp_path) -> None:
    """One write after another, each killed one line later, until one comes to its end."""
    path = tmp_path / "a.nc"
    done = subprocess.run([sys.executable, "-c", KILLER, path], capture_output=True, text=True, check=True)
    found = done.stdout.split()
    assert len(found) > 15
    assert found == sorted(found, reverse=True)
    assert {"old", "new"} == set(found)


def test_what_killed_writers_left_is_removed_after_an_hour_and_never_before(tmp_path) -> None:
    path = tmp_path / "a.nc"
    at_work, forgotten, other = (tmp_path / name for name in (".a.nc.x.part", ".a.nc.y.part", ".b.nc.z.part"))
    for left in (at_work, forgotten, other):
        left.write_bytes(b"half")
    for left in (forgotten, other):
        os.utime(left, (0, 0))
    writing.write_atomically(path, b"whole")
    assert {p.name for p in tmp_path.iterdir()} == {"a.nc", at_work.name, other.name}


def test_names_as_long_as_the_system_allows_are_written(tmp_path) -> None:
    path = tmp_path / ("ä" * 120 + ".nc")
    writing.write_atomically(path, b"whole")
    assert path.read_bytes() == b"whole"


def test_the_name_reaches_the_disk_too(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename is on the disk only when the folder is."""
    synced = []
    real = os.fsync
    monkeypatch.setattr(writing.os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_ino), real(handle)))
    writing.write_atomically(tmp_path / "a", b"x")
    assert synced == [(tmp_path / "a").stat().st_ino, tmp_path.stat().st_ino]


def test_hundred_random_corruptions_are_refused_and_the_intact_file_opens(age_fit: xr.DataTree, tmp_path) -> None:
    """Bytes cut off, added, flipped, swapped or zeroed; 500 on a real fit stand in benchmarks/results/kills.md."""
    path = cp.save_fit(age_fit, tmp_path / "fit.nc")
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for number in range(100):
        path.write_bytes(corrupted(whole, rng, KINDS[number % len(KINDS)]))
        with pytest.raises(cp.CasepoolError, match=r"fit\.nc.*truncated or changed"):
            cp.open_fit(path)
    path.write_bytes(whole)
    xr.testing.assert_identical(cp.open_fit(path), age_fit)


def _strangers(fit: xr.DataTree) -> dict[str, xr.DataTree]:
    """Trees that are no fit, each by what is wrong with it."""
    small = {name: fit[name].to_dataset() for name in ("posterior", "patients")}
    fit = xr.DataTree.from_dict(small | {"/": xr.Dataset(attrs=fit.attrs)})

    def changed(**attributes: str | None) -> xr.DataTree:
        tree = fit.copy(deep=False)
        tree.attrs = {name: value for name, value in {**fit.attrs, **attributes}.items() if value is not None}
        return tree

    without = fit.copy(deep=False)
    del without["posterior"]
    return {
        "no fit": xr.DataTree(),
        "no fit made": xr.DataTree.from_dict({"posterior": xr.Dataset({"x": ("draw", np.arange(5.0))})}),
        "a newer version of casepool": changed(casepool_fit="999"),
        "formats 1 and 2, not of this one": changed(casepool_fit="0"),
        "'model'": changed(model=None),
        "'codebook'": changed(codebook="{broken"),
        "'settings'": changed(settings="[]"),
        "'engine'": changed(engine="[]"),
        "'seed'": changed(seed="one"),
        "'checks'": changed(checks="{}"),
        "'posterior'": without,
    }


@pytest.mark.parametrize("name", ["model", "codebook", "settings", "engine", "convergence", "agreement", "checks"])
def test_whatever_is_edited_in_an_attribute_is_refused_in_one_line_or_does_no_harm(
    age_fit: xr.DataTree, name: str
) -> None:
    kept = age_fit.copy()
    kept.attrs = dict(age_fit.attrs)
    cp.check(kept, progress=False)
    was = json.loads(kept.attrs[name])
    row = was[0] if isinstance(was, list) else was
    edited: list = [{}, [], [1], [{}], None, "x"]
    for key in list(row)[:8]:
        for value in (None, "x", [], {}):
            changed_row = {**row, key: value}
            edited.append([changed_row] if isinstance(was, list) else changed_row)
    for value in [*map(json.dumps, edited), None, 3]:
        kept.attrs[name] = value
        with contextlib.suppress(cp.CasepoolError):
            cp.estimates(kept)


def test_no_stranger_is_saved_opened_or_asked(age_fit: xr.DataTree, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is wrong with a tree is said at every door, of a file with its name and whatever its checksum."""
    path = tmp_path / "stranger.nc"
    for said, tree in _strangers(age_fit).items():
        for door in (cp.estimates, cp.check, cp.verify, lambda fit: cp.save_fit(fit, path)):
            with pytest.raises(cp.CasepoolError, match=said):
                door(tree)
        assert not path.exists()
        with monkeypatch.context() as context:
            context.setattr(files, "refuse_what_is_no_fit", lambda fit: None)
            cp.save_fit(tree, path)
        with pytest.raises(cp.CasepoolError, match=rf"stranger\.nc: .*{said}"):
            cp.open_fit(path)
        path.unlink()


def test_a_fit_of_0_1_0_answers_as_one_of_today(age_fit: xr.DataTree, tmp_path) -> None:
    old = age_fit.copy(deep=False)
    old.attrs = age_fit.attrs | {"casepool_fit": "1"}
    assert age_fit.attrs["casepool_fit"] == fit_format.FORMAT == "2"
    back = cp.open_fit(cp.save_fit(old, tmp_path / "old.nc"))
    assert back.attrs["casepool_fit"] == "1"
    assert cp.estimates(back, "age").equals(cp.estimates(age_fit, "age"))


@pytest.mark.parametrize(
    ("number", "versions", "said"),
    [
        (
            "3",
            '{"casepool": "0.9.1"}',
            f"a newer version of casepool than {cp.__version__} .*'3'.*; install the newest",
        ),
        ("0", '{"casepool": "0.0.9"}', f"casepool {cp.__version__} reads .*'0'.*; use casepool 0.0.9, which made it"),
        ("0", "{}", "; use the version of casepool that made it, or fit again"),
        ("0", "{broken", "; use the version of casepool that made it, or fit again"),
        ("2.5", None, r"'2\.5'.*; use the version of casepool that made it, or fit again"),
        ("9" * 5000, '{"casepool": ["x"]}', "999.*; use casepool .*x.*, or fit again"),
        ("", '{"casepool": "0.2.0"}', "''.*; use casepool 0.2.0"),
    ],
)
def test_another_format_is_refused_and_the_version_it_takes_is_named(
    number: str, versions: str | None, said: str
) -> None:
    fit = xr.DataTree()
    fit.attrs = {"casepool_fit": number} | ({} if versions is None else {"versions": versions})
    with pytest.raises(cp.CasepoolError, match=said):
        cp.estimates(fit)


READER = """
import sys
from casepool.inference.files import open_fit, save_fit
from casepool.inference.fit_contents import cases_of, design_of, model_of, parameters_of

fit = open_fit(sys.argv[1])
save_fit(fit, sys.argv[2])
print(model_of(fit).name, len(cases_of(fit)), len(design_of(fit).patients))
print(*parameters_of(fit["posterior"].to_dataset()))
print(*sorted(name for name in sys.argv[3].split() if name in sys.modules))
"""


@pytest.mark.parametrize("name", ["age_fit", "survival_fit", "ordinal_fit"])
def test_reading_a_fit_loads_no_sampler(name: str, request: pytest.FixtureRequest, tmp_path) -> None:
    """Neither what samples nor what draws: whoever has a fit alone opens it in the time xarray takes."""
    fit = request.getfixturevalue(name)
    path = cp.save_fit(fit, tmp_path / "fit.nc")
    heavy = "pymc pytensor nutpie numba llvmlite arviz arviz_base arviz_stats arviz_plots matplotlib"
    command = [sys.executable, "-c", READER, path, tmp_path / "again.nc", heavy]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    first, second, loaded = done.stdout.split("\n")[:3]
    patients = fit["log_likelihood"].sizes["patient"]
    assert first == f"{model_of(fit).name} {fit['patients'].sizes['patient']} {patients}"
    assert second.split() == list(fit["posterior"].data_vars)
    assert loaded == ""


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x89HDF\r\n\x1a\n" + bytes(500)])
def test_signed_rubbish_is_refused(tmp_path, content: bytes) -> None:
    path = tmp_path / "rubbish.nc"
    path.write_bytes(content + files.MARK + hashlib.sha256(content).hexdigest().encode())
    with pytest.raises(cp.CasepoolError, match=r"rubbish\.nc: this is no fit"):
        cp.open_fit(path)
