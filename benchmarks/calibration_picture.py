"""The picture of a calibration: for every study its band, and how far the ranks are from uniform."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.bands import Band, counts_below, excess
from benchmarks.calibration_ranks import RANKED, Kept

COLUMNS = 5


def draw(studies: Sequence[tuple[Kept, Band]], path: Path) -> None:
    """Draw, for every study, the band, the range of all its quantities' ECDFs, and the one nearest to the band."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = min(COLUMNS, len(studies))
    rows = -(-len(studies) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3 * columns, 2.5 * rows), sharex=True, layout="constrained", squeeze=False
    )
    places = np.arange(1, RANKED + 1) / (RANKED + 1)
    for ax, (own, allowed) in zip(axes.ravel(), studies, strict=False):
        size = len(own.ranked)
        off = {name: counts_below(ranks, RANKED) / size - places for name, ranks in own.ranks.items()}
        worst = max(own.ranks, key=lambda name: excess(own.ranks[name], RANKED, allowed)[1])
        ax.fill_between(places, allowed.lower / size - places, allowed.upper / size - places, color="#DDDDDD")
        whole = np.array(list(off.values()))
        ax.fill_between(places, whole.min(axis=0), whole.max(axis=0), color="#56B4E9", alpha=0.6, linewidth=0)
        ax.plot(places, off[worst], color="#D55E00", linewidth=1.2)
        ax.axhline(0.0, color="#666666", linewidth=0.6)
        ax.set_title(f"{own.study.name.replace('_', ' ')}, {size} tables\n{worst.replace('_', ' ')}", fontsize=8)
        ax.tick_params(labelsize=7)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes.ravel()[len(studies) :]:
        ax.set_visible(False)
    figure.supxlabel(
        "Rank of the truth, as a share. Grey: 99% band of all quantities at once. Blue: range of all quantities. "
        "Orange: the one named, nearest to its band.",
        fontsize=8,
    )
    figure.supylabel("ECDF of the ranks less that of uniform ranks", fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
