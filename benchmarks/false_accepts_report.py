"""What the count of false accepts found: a dated page, and the record that ships with the package."""

from __future__ import annotations

import datetime
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import tomli_w
from scipy import stats

import casepool
from benchmarks import results
from casepool.inference.evidence import RECORD, Count, fingerprint

LEVEL = 0.95
Entries = Sequence[dict[str, Any]]


def upper_limit(false: int, accepted: int) -> float:
    """Return the one-sided 95% upper limit of a share (Clopper and Pearson 1934); 1 where nothing was accepted."""
    return float(stats.beta.ppf(LEVEL, false + 1, accepted - false)) if accepted > false else 1.0


def counted(entries: Entries) -> Count:
    """Count accepted tables and false ones among them."""
    outcomes = Counter(entry["outcome"] for entry in entries)
    all_accepted = outcomes["agrees"] + outcomes["false"]
    return Count(all_accepted, outcomes["false"], round(upper_limit(outcomes["false"], all_accepted), 6))


def _row(name: str, entries: Entries) -> dict[str, Any]:
    found, outcomes = counted(entries), Counter(entry["outcome"] for entry in entries)
    judged = [entry for entry in entries if entry["outcome"] in ("agrees", "false")]
    seconds = sum(entry["seconds"] for entry in entries)
    return {
        "of": name, "tables": len(entries), "accepted": found.accepted,
        "from the prior": sum(entry["half"] == "prior" for entry in judged), "false": found.false,
        "upper limit": found.upper, "suspect": sum(entry["suspect"] for entry in judged),
        "most off": max((entry.get("off_again", entry["off"]) for entry in judged), default=float("nan")),
        "refused": outcomes["refused"], "set aside": outcomes["no reference"], "unusable": outcomes["unusable"],
        "CPU s a table": seconds / max(len(entries), 1),
    }  # fmt: skip


def _by(entries: Entries, key: str) -> list[dict[str, Any]]:
    names = sorted({str(entry[key]) for entry in entries if entry.get(key)})
    return [_row(name, [entry for entry in entries if entry.get(key) == name]) for name in names]


def tables_of(entries: Entries) -> dict[str, pd.DataFrame]:
    """Return the tables of the page: in all, by engine, by structure, by what made a table hard, gates, false ones."""
    gates = Counter((engine, gate, entry["structure"]) for entry in entries for engine, gate in
                    entry.get("refused", {}).items())  # fmt: skip
    refused = [{"engine": e, "gate": g, "structure": s, "tables": n} for (e, g, s), n in sorted(gates.items())]
    shown = ("structure", "half", "how", "number", "engine", "off", "what", "off_again", "what_again")
    suspects = [{key: entry.get(key, "") for key in shown} for entry in entries if entry.get("suspect")]
    return {
        "In all": pd.DataFrame([_row("all", entries)]),
        "By engine": pd.DataFrame(_by(entries, "engine")),
        "By structure": pd.DataFrame(_by(entries, "structure")),
        "By what made a table hard": pd.DataFrame(_by(entries, "how")),
        "Refused, by gate": pd.DataFrame(refused),
        "Suspect tables": pd.DataFrame(suspects, columns=list(shown)),
    }


def write(entries: Entries, seed: int, record: Path = RECORD) -> Path:
    """Write ``results/false_accepts.md`` and the record that ships; return the page's path."""
    found = counted(entries)
    said = (
        f"Seed {seed}, drawn once after the last change of a gate; engines of fingerprint {fingerprint()}. "
        f"{found.accepted} accepted tables, {found.false} of them false: the one-sided 95% Clopper-Pearson upper limit "
        f"of the share is {found.upper:.3%}. Half of the tables are drawn from the models' priors, half made hard. "
        "`most off` is in units of what is allowed (0.15 sd and 4 combined Monte Carlo errors; the same in the log "
        "of an sd), after ten times the draws where a table was suspect; above 1 is false. `set aside` are accepted "
        "tables for which no run of nuts passed its own checks with 4,000 effective draws. Refused ones were replaced. "
        "A structure needs 598 accepted tables without a false one for an upper limit of 1 in 200 of its own."
    )
    record.write_text(tomli_w.dumps(record_of(entries, seed)), encoding="utf-8")
    return results.write("false_accepts", "False accepts of the engines without a compiler", said, tables_of(entries))


def record_of(entries: Entries, seed: int) -> dict[str, Any]:
    """Return what `casepool.inference.evidence` reads, as plain mappings."""
    grouped = {
        key: {name: asdict(counted([e for e in entries if e.get(key) == name]))
              for name in sorted({e[key] for e in entries if e.get(key)})}
        for key in ("engine", "structure")
    }  # fmt: skip
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": datetime.date.today().isoformat(), "version": casepool.__version__,
        "commit": commit.stdout.strip() or "unknown", "draw_seed": seed, "fingerprint": fingerprint(), "level": LEVEL,
        "all": asdict(counted(entries)), **grouped,
    }  # fmt: skip
