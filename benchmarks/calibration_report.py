"""What the ranks of a calibration say: verdicts against the bands, the dated result, and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import results
from benchmarks.bands import Band, band, counts_below, excess
from benchmarks.calibrated import Study
from benchmarks.calibration_ranks import LEAST_ESS, MOST_RHAT, RANKED, SEEDS, THIN, TUNE, converged, kept, read_journal
from benchmarks.fingerprints import fingerprint, short

FAMILYWISE = 0.99
NEVER_MOVED = 5
"""Effective draws below which a chain stayed where it began."""
FOUND = (
    "What calibration has found: chains of a Gompertz model started up to 1 a month from the centre of the shape's "
    "prior (sd 0.05), and about 4 in 100 never moved; one of two runs left its bands. Its chains start at the centre "
    "of that prior since, and the study was run again under both seeds."
)
DOCS = Path(__file__).parent.parent / "docs"
TITLES = {
    "calibration": "Simulation-based calibration of every family",
    "calibration_borrowing": "Simulation-based calibration of the other ways of borrowing",
}
"""The results, by the name of their files."""


def table_of(name: str) -> Path:
    """Return the file of every quantity's verdict."""
    return results.FOLDER / f"{name}_ranks.csv"


def prints_of(name: str) -> Path:
    """Return the file of the fingerprints."""
    return results.FOLDER / f"{name}.json"


def ranks_by_quantity(
    study: Study, journal: Path, run: int, most: int | None = None
) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
    """Return the ranks of every quantity of a study, arrays (tables,), and the journal's entries."""
    found = kept(journal, study, run, short(fingerprint(study)))
    entries = [found[number] for number in sorted(found) if number < (most or study.tables)]
    names = entries[0]["ranks"] if entries else {}
    return {name: np.array([entry["ranks"][name] for entry in entries]) for name in names}, entries


def band_of(ranks: dict[str, np.ndarray]) -> Band:
    """Return the band that holds all quantities of a study at once (Bonferroni over them)."""
    tables = len(next(iter(ranks.values())))
    return band(tables, RANKED, 1.0 - (1.0 - FAMILYWISE) / len(ranks))


def verdicts(studies: Sequence[Study], journal: Path, *, run: int = 0, most: int | None = None) -> pd.DataFrame:
    """Judge every quantity: the largest deviation of its ECDF, and that as a share of the band (inside: up to 1)."""
    rows = []
    for study in studies:
        ranks, entries = ranks_by_quantity(study, journal, run, most)
        for name, own in ranks.items():
            deviation, share = excess(own, RANKED, band_of(ranks))
            rows.append(
                {"study": study.name, "seed": SEEDS[run], "quantity": name, "tables": len(entries),
                 "largest deviation": deviation, "share of band": share, "inside": "yes" if share <= 1 else "NO"}
            )  # fmt: skip
    return pd.DataFrame(rows)


def failing(studies: Sequence[Study], journal: Path) -> list[Study]:
    """Return the studies of which some quantity leaves its band."""
    table = verdicts(studies, journal)
    bad = set(table.loc[table["inside"] == "NO", "study"])
    return [study for study in studies if study.name in bad]


def summary(studies: Sequence[Study], journal: Path) -> pd.DataFrame:
    """Summarise every study and run: tables, the quantity nearest to its band, what did not converge."""
    rows = []
    for study in studies:
        for run in range(len(SEEDS)):
            ranks, entries = ranks_by_quantity(study, journal, run)
            if not entries:
                continue
            table = verdicts([study], journal, run=run)
            worst = table.loc[table["share of band"].idxmax()]
            outside = int((table["inside"] == "NO").sum())
            rows.append(
                {"study": study.name, "seed": SEEDS[run], "tables": len(entries), "promised": study.tables,
                 "quantities": len(ranks), "outside": outside, "nearest the band": worst["quantity"],
                 "share of band": worst["share of band"], "pointwise": f"{1 - band_of(ranks).gamma:.4%}",
                 "not converged": sum(not converged(e) for e in entries),
                 "never moved": sum(e["ess"] < NEVER_MOVED for e in entries),
                 "diverged twice": sum(e["diverged"] > 0 for e in entries),
                 "verdict": "outside" if outside else "inside"}
            )  # fmt: skip
    return pd.DataFrame(rows)


def earlier(studies: Sequence[Study], journal: Path) -> pd.DataFrame:
    """Summarise what the journal holds of other code or priors than those in force."""
    now = {study.name: short(fingerprint(study)) for study in studies}
    found: dict[tuple[str, int, str], dict[int, dict[str, Any]]] = {}
    for entry in read_journal(journal):
        if now.get(entry["study"], entry["fingerprint"]) != entry["fingerprint"]:
            key = (entry["study"], entry["seed"], entry["fingerprint"])
            found.setdefault(key, {})[entry["table"]] = entry
    rows = []
    for (name, seed, print_of), entries in found.items():
        whole = list(entries.values())
        ranks = {label: np.array([entry["ranks"][label] for entry in whole]) for label in whole[0]["ranks"]}
        shares = {label: excess(own, RANKED, band_of(ranks))[1] for label, own in ranks.items()}
        worst = max(shares, key=lambda label: shares[label])
        rows.append(
            {"study": name, "seed": seed, "fingerprint": print_of, "tables": len(whole),
             "outside": sum(share > 1 for share in shares.values()), "nearest the band": worst,
             "share of band": shares[worst], "not converged": sum(not converged(e) for e in whole),
             "never moved": sum(e["ess"] < NEVER_MOVED for e in whole)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def shapes(studies: Sequence[Study]) -> pd.DataFrame:
    """Say of every study what its tables hold."""
    rows = []
    for study in studies:
        model, seen = study.model, []
        if study.survival:
            seen.append({"hidden": "surgery at dates hidden between inspections", "known": "surgery at known dates"}
                        .get(study.dates, "no surgery"))  # fmt: skip
            seen += ["a third enters late"] * study.late + ["deaths between visits 3 months apart"] * study.visits
        else:
            seen.append("ages drawn anew, missing where the table's are")
            seen += ["sexes too"] * ("sex" in model.terms)
        rows.append(
            {"study": study.name, "model": model.name, "form": model.form or "logit",
             "terms": ", ".join(f"{t.name} ({t.kind})" for t in model.terms.values()) or "none",
             "copies of the table": study.copies, "tables hold": "; ".join(seen)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def write(studies: Sequence[Study], journal: Path, name: str) -> Path:
    """Write the dated result of this name, every quantity's verdict, the fingerprints and the picture."""
    runs = [verdicts(studies, journal, run=run) for run in range(len(SEEDS))]
    everything = pd.concat(runs, ignore_index=True)
    everything.round(4).to_csv(table_of(name), index=False, lineterminator="\n")
    short_of = summary(studies, journal)
    done = set(short_of["study"])
    prints = {study.name: fingerprint(study) for study in studies if study.name in done}
    prints_of(name).write_text(json.dumps(prints, indent=1) + "\n", encoding="utf-8")
    draw([study for study in studies if study.name in done], journal, DOCS / f"{name}.svg")
    few = short_of[(short_of["seed"] == SEEDS[0]) & (short_of["tables"] < short_of["promised"])]
    missing = [f"{row['study']} ({row['tables']} of {row['promised']})" for _, row in few.iterrows()]
    missing += [f"{study.name} (none of {study.tables})" for study in studies if study.name not in done]
    said = (
        f"Parameters from the prior, a table from them, a fit, the rank of the truth among {RANKED} draws (every "
        f"{THIN}th of one chain, {TUNE} warm-up draws, once more at a higher target where draws diverge). Seeds "
        f"{SEEDS[0]}, and {SEEDS[1]} for the second run of a study that left its bands. The bands hold every quantity "
        f"of a study at once with probability {FAMILYWISE:.0%} or more if all is right; of {len(done)} studies one "
        f"leaves them by chance with probability {1 - FAMILYWISE ** len(done):.0%} or less. `share of band` is the "
        "largest deviation divided by the band's half-width there: up to 1 is inside. A fit counts as not converged "
        f"at R-hat {MOST_RHAT} or more, an effective sample size below {LEAST_ESS}, or a divergence left after the "
        f"second try; it stays in the ranks. {FOUND + ' ' if 'gompertz' in done else ''}"
        f"Every quantity is in {table_of(name).name}, the fingerprints in {prints_of(name).name}. "
        f"Picture: [docs/{name}.svg](../../docs/{name}.svg). "
        + (f"Fewer tables than promised: {', '.join(missing)}." if missing else "All promised tables were run.")
    )
    tables = {"Verdicts": short_of, "What the tables hold": shapes([s for s in studies if s.name in done])}
    before = earlier(studies, journal)
    if len(before):
        tables["Runs of earlier code or priors, by fingerprint"] = before
    out = everything[everything["inside"] == "NO"]
    if len(out):
        tables["Quantities outside their band"] = out
    return results.write(name, TITLES[name], said, tables)


def draw(studies: Sequence[Study], journal: Path, path: Path) -> None:
    """Draw, for every study, the band, the range of all its quantities' ECDFs, and the one nearest to the band."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    columns = min(4, len(studies))
    rows = -(-len(studies) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(3 * columns, 2.5 * rows), sharex=True, layout="constrained", squeeze=False
    )
    places = np.arange(1, RANKED + 1) / (RANKED + 1)
    for ax, study in zip(axes.ravel(), studies, strict=False):
        ranks, entries = ranks_by_quantity(study, journal, 0)
        allowed, size = band_of(ranks), len(entries)
        off = {name: counts_below(own, RANKED) / size - places for name, own in ranks.items()}
        worst = max(ranks, key=lambda name: excess(ranks[name], RANKED, allowed)[1])
        ax.fill_between(places, allowed.lower / size - places, allowed.upper / size - places, color="#DDDDDD")
        whole = np.array(list(off.values()))
        ax.fill_between(places, whole.min(axis=0), whole.max(axis=0), color="#56B4E9", alpha=0.6, linewidth=0)
        ax.plot(places, off[worst], color="#D55E00", linewidth=1.2)
        ax.axhline(0.0, color="#666666", linewidth=0.6)
        ax.set_title(f"{study.name.replace('_', ' ')}, {size} tables\n{worst.replace('_', ' ')}", fontsize=8)
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
