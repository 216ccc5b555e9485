"""What the ranks of a calibration say: verdicts against the bands, by study and by engine, and the dated result."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import results
from benchmarks.bands import Band, band, excess
from benchmarks.calibration_picture import draw
from benchmarks.calibration_ranks import NOBODY, RANKED, SEEDS, Journal, Kept, read_journal
from benchmarks.fingerprints import fingerprint
from benchmarks.study import Study

FAMILYWISE = 0.99
FOUND = (
    "What calibration has found before there were several engines: chains of a Gompertz model that nuts started up to "
    "1 a month from the centre of the shape's prior (sd 0.05), about 4 in 100 of which never moved; they start at the "
    "centre of that prior since."
)
NAME, TITLE = "calibration", "Simulation-based calibration of every family, borrowing, exposure and kind of term"
TABLE, PRINTS = results.FOLDER / f"{NAME}_ranks.csv", results.FOLDER / f"{NAME}.json"
PICTURE = Path(__file__).parent.parent / "docs" / f"{NAME}.svg"
Run = Mapping[str, Kept]
"""What is finished under one seed, by study."""


def band_of(ranks: Mapping[str, np.ndarray]) -> Band:
    """Return the band that holds all quantities of a study at once (Bonferroni over them)."""
    tables = len(next(iter(ranks.values())))
    return band(tables, RANKED, 1.0 - (1.0 - FAMILYWISE) / len(ranks))


def verdicts(kept: Kept) -> pd.DataFrame:
    """Judge every quantity: the largest deviation of its ECDF, and that as a share of the band (inside: up to 1)."""
    rows = []
    for name, own in kept.ranks.items() if kept.ranked else ():
        deviation, share = excess(own, RANKED, band_of(kept.ranks))
        rows.append(
            {"study": kept.study.name, "seed": kept.seed, "quantity": name, "tables": len(own),
             "largest deviation": deviation, "share of band": share, "inside": "yes" if share <= 1 else "NO"}
        )  # fmt: skip
    return pd.DataFrame(rows)


def failing(run: Run) -> list[Study]:
    """Return the studies whose tables are all there, of which some quantity leaves its band."""
    whole = [own for own in run.values() if len(own.entries) >= own.study.tables]
    return [own.study for own in whole if (verdicts(own)["inside"] == "NO").any()]


def _judged(kept: Kept) -> dict[str, Any]:
    """Return how many quantities leave their band, and the one nearest to it."""
    table = verdicts(kept)
    worst = table.loc[table["share of band"].idxmax()]
    outside = int((table["inside"] == "NO").sum())
    return {"tables": len(kept.ranked), "quantities": len(table), "outside": outside,
            "nearest the band": worst["quantity"], "share of band": worst["share of band"],
            "not converged": sum(entry["verdict"] == "fail" for entry in kept.ranked),
            "CPU s": float(np.median([entry["seconds"] for entry in kept.ranked])),
            "verdict": "outside" if outside else "inside"}  # fmt: skip


def summary(runs: Sequence[Run]) -> pd.DataFrame:
    """Summarise every study and run: tables, the quantity nearest to its band, what did not converge."""
    rows = []
    for own in _ranked(runs):
        judged = _judged(own)
        told = {"study": own.study.name, "seed": own.seed, "tables": judged.pop("tables")}
        rows.append({**told, "promised": own.study.tables, **judged})
    return pd.DataFrame(rows)


def by_engine(runs: Sequence[Run]) -> pd.DataFrame:
    """Summarise every engine in every study that several drew for, against a band of its tables alone."""
    rows = []
    for own in _ranked(runs):
        for engine in own.engines if len(own.engines) > 1 else ():
            rows.append({"study": own.study.name, "seed": own.seed, "engine": engine, **_judged(own.by(engine))})
    return pd.DataFrame(rows)


def engines(runs: Sequence[Run]) -> pd.DataFrame:
    """Count by engine the studies it drew for, its tables, and the quantities of these that leave a band of theirs."""
    rows = []
    for engine in sorted({engine for own in _ranked(runs) for engine in own.engines}):
        each = [_judged(own.by(engine)) for own in _ranked(runs) if engine in own.engines]
        total = {key: sum(one[key] for one in each) for key in ("tables", "quantities", "outside", "not converged")}
        worst = max(one["share of band"] for one in each)
        rows.append({"engine": engine, "studies": len(each), **total, "largest share of band": worst})
    return pd.DataFrame(rows)


def gates(runs: Sequence[Run]) -> pd.DataFrame:
    """Count by study the tables that engines declined, by gate, and those nobody could draw for."""
    rows = []
    for own in _ranked(runs):
        count = Counter((engine, gate) for entry in own.entries for engine, gate in entry["refused"].items())
        count[NOBODY, "gave up"] = sum(entry["engine"] == NOBODY for entry in own.entries)
        rows += [
            {"study": own.study.name, "seed": own.seed, "engine": engine, "gate": gate, "tables": tables,
             "of": len(own.entries)} for (engine, gate), tables in sorted(count.items()) if tables
        ]  # fmt: skip
    return pd.DataFrame(rows)


def _ranked(runs: Iterable[Run]) -> list[Kept]:
    """Return what has ranks, the runs of a study beside each other."""
    found = [own for run in runs for own in run.values() if own.ranked]
    order = {own.study.name: place for place, own in reversed(list(enumerate(found)))}
    return sorted(found, key=lambda own: order[own.study.name])


def earlier(journal: Journal) -> pd.DataFrame:
    """Count what the journal holds of other engines, code or priors than those in force."""
    lines = [entry for entry in read_journal(journal.path) if "table" in entry]
    old = [e for e in lines if journal.prints.get(e["study"], e["fingerprint"]) != e["fingerprint"]]
    count = Counter((e["study"], e["seed"], e["fingerprint"]) for e in old)
    return pd.DataFrame([(*key, tables) for key, tables in count.items()],
                        columns=["study", "seed", "fingerprint", "tables"])  # fmt: skip


def shapes(studies: Iterable[Study]) -> pd.DataFrame:
    """Say of every study what its tables hold."""
    rows = []
    for study in studies:
        model, own = study.model, study.exposure
        terms = [f"{t.name} ({getattr(t, 'borrowing', t.kind)}{', by category' * t.each_step})"
                 for t in model.terms.values()]  # fmt: skip
        way = "" if own is None else f"{own.as_.replace('_', ' ')}, {'known' if own.start else own.dating}"
        seen = ["counts by histology"] * study.counted + ["a third enters late"] * study.late
        seen += ["deaths between visits 3 months apart"] * study.visits
        seen += [f"{name} missing for some" for name, t in study.design.terms.items()
                 if t.coded.missing.any() and t.coded.term.missing == "model"]  # fmt: skip
        rows.append(
            {"study": study.name, "family": model.family, "form": model.form or "logit",
             "terms": ", ".join(terms) or "none", "surgery": way or "none", "copies": study.copies,
             "tables hold": "; ".join(seen) or "nothing else"}
        )  # fmt: skip
    return pd.DataFrame(rows)


def write(runs: Sequence[Run], journal: Journal) -> Path:
    """Write the dated result, every quantity's verdict, the fingerprints and the picture."""
    everything = pd.concat([verdicts(own) for own in _ranked(runs)], ignore_index=True)
    everything.round(4).to_csv(TABLE, index=False, lineterminator="\n")
    first = {name: own for name, own in runs[0].items() if own.ranked}
    prints = {name: fingerprint(own.study) for name, own in first.items()}
    PRINTS.write_text(json.dumps(prints, indent=1) + "\n", encoding="utf-8")
    draw([(own, band_of(own.ranks)) for own in first.values()], PICTURE)
    what = shapes(own.study for own in first.values())
    tables = {"Verdicts": summary(runs), "Engines": engines(runs), "Where several engines drew": by_engine(runs),
              "Tables that engines declined": gates(runs), "What is calibrated": what,
              "Tables of earlier engines, code or priors, by fingerprint": earlier(journal),
              "Quantities outside their band": everything[everything["inside"] == "NO"]}  # fmt: skip
    return results.write(NAME, TITLE, _said(runs[0]), {name: own for name, own in tables.items() if len(own)})


def _said(run: Run) -> str:
    """Say how it was made, and what is missing."""
    done = sum(bool(own.ranked) for own in run.values())
    few = [f"{name} ({len(own.entries)} of {own.study.tables})" for name, own in run.items()
           if len(own.entries) < own.study.tables]  # fmt: skip
    return (
        f"Parameters from the prior, a table from them, a fit by the engine that auto picks, the rank of the truth "
        f"among {RANKED} of its draws. Seeds {SEEDS[0]}, and {SEEDS[1]} for the second run of a study that left its "
        "bands. The bands hold every quantity of a study at once with probability "
        f"{FAMILYWISE:.0%} or more if all is right; of {done} studies one leaves them by chance with probability "
        f"{1 - FAMILYWISE**done:.0%} or less. `share of band` is the largest deviation divided by the band's "
        "half-width there: up to 1 is inside. A fit counts as not converged if its own verdict is fail; it stays in "
        "the ranks. `CPU s` is the median of a fit. An engine is laid against bands of the tables it drew for: what "
        "makes another decline is seen in the table, so that ranks stay uniform. "
        f"{FOUND} Every quantity is in {TABLE.name}, the fingerprints in {PRINTS.name}. "
        f"Picture: [docs/{PICTURE.name}](../../docs/{PICTURE.name}). "
        + (f"Fewer tables than promised: {', '.join(few)}." if few else "All promised tables were run.")
    )
