"""A saved fit comes back whole or not at all."""

import pytest
import xarray as xr

import casepool as cp
from casepool import writing


def test_what_is_saved_comes_back(age_fit: xr.DataTree, tmp_path) -> None:
    back = cp.open_fit(cp.save_fit(age_fit, tmp_path / "age.nc"))
    xr.testing.assert_identical(back, age_fit)
    assert cp.estimates(back, "age").equals(cp.estimates(age_fit, "age"))


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
