"""Fits on disk: one netCDF file, written beside and moved into place, with a checksum at its end."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import xarray as xr

from casepool.arguments import path_of
from casepool.errors import CasepoolError
from casepool.inference.convergence import tell
from casepool.inference.fit_format import refuse_what_is_no_fit
from casepool.replacing import target_of
from casepool.writing import write_atomically

MARK = b"casepool-sha256:"
NAME = b"casepool"
"""What stands in every fit, in the names of its attributes."""
SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""How a file of HDF5 begins."""
TAIL = len(MARK) + 64
"""Bytes of the checksum after the netCDF content; HDF5 readers do not look behind its end."""


def save_fit(fit: xr.DataTree, path: str | Path, *, overwrite: bool = False) -> Path:
    """Save a fit.

    Parameters
    ----------
    fit : xarray.DataTree
    path : str or pathlib.Path
        The file; an earlier one stays whole until the new one is.
    overwrite : bool
        Whether to replace a file that is no fit.

    Returns
    -------
    pathlib.Path
        The file written: netCDF4, readable by ``xarray.open_datatree`` too.

    Raises
    ------
    CasepoolError
        If this is no fit, or the folder does not exist or cannot be written to.

    See Also
    --------
    open_fit, verify

    Examples
    --------
    >>> import casepool as cp
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> fit = cp.fit("basket_pooled", "sarcoma_imatinib", seed=1, progress=False)
    >>> path = cp.save_fit(fit, folder / "pooled.nc")
    >>> path.name
    'pooled.nc'
    """
    refuse_what_is_no_fit(fit)
    write_atomically(target_of(path, is_saved_fit, overwrite=overwrite), _with_checksum(fit))
    return Path(path)


def is_saved_fit(path: Path) -> bool:
    """Whether a file ends as a saved fit does."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        return file.read().startswith(MARK)


def _was_cut(raw: bytes) -> bool:
    """Tell whether a file begins as one of HDF5 does and cannot be opened as one: it may be the beginning of a fit."""
    if not raw.startswith(SIGNATURE[: len(raw)]):
        return False
    import h5py

    try:
        with h5py.File(io.BytesIO(raw)):
            return False
    except OSError:
        return True


def _with_checksum(fit: xr.DataTree) -> bytes:
    content = bytes(fit.to_netcdf(engine="h5netcdf"))
    return content + MARK + hashlib.sha256(content).hexdigest().encode()


def open_tree(path: str | Path) -> xr.DataTree:
    """Open a netCDF file of draws, whoever wrote it.

    Raises
    ------
    CasepoolError
        If there is no such file, or it is none of netCDF4.
    """
    path = path_of(path)
    return _loaded(_read(path), path, "this is no netCDF file of draws", "save them by tree.to_netcdf(path)")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CasepoolError(f"cannot be read ({error.strerror})", file=str(path), remedy="check the path") from None


def _loaded(content: bytes, path: Path, problem: str, remedy: str) -> xr.DataTree:
    try:
        with xr.open_datatree(io.BytesIO(content), engine="h5netcdf") as opened:
            tree: xr.DataTree = opened.load()
    except Exception:  # whatever a reader of strange bytes may raise
        raise CasepoolError(problem, file=str(path), remedy=remedy) from None
    return tree


def open_fit(path: str | Path) -> xr.DataTree:
    """Open a saved fit, after checking that every byte is as it was written.

    Parameters
    ----------
    path : str or pathlib.Path

    Returns
    -------
    xarray.DataTree
        As `fit` returned it, in memory.

    Raises
    ------
    CasepoolError
        If there is no such file, or it is truncated, changed, no fit, or one of another format.

    See Also
    --------
    save_fit, verify

    Examples
    --------
    >>> import casepool as cp
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> fit = cp.fit("basket_pooled", "sarcoma_imatinib", seed=1, progress=False)
    >>> path = cp.save_fit(fit, folder / "pooled.nc")
    >>> cp.open_fit(path)["posterior"].equals(fit["posterior"])
    True
    """
    path = path_of(path)
    raw = _read(path)
    content, tail = raw[:-TAIL], raw[-TAIL:]
    if not tail.startswith(MARK) or tail[len(MARK) :] != hashlib.sha256(content).hexdigest().encode():
        if NAME not in raw and not _was_cut(raw):
            remedy = "give a file that `casepool fit` or `save_fit` wrote"
            raise CasepoolError(
                "written by another program, and no fit saved by casepool", file=str(path), remedy=remedy
            )
        raise CasepoolError(
            "this is no fit saved by casepool, or it was truncated or changed since",
            file=str(path),
            remedy="fit again, or take the file from a backup",
        )
    tree = _loaded(content, path, "this is no fit made by casepool", "take another file")
    refuse_what_is_no_fit(tree, str(path))
    return tell(tree)
