"""The command line mirrors the Python names, refuses in one line, and leaves with the right status."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import casepool as cp
from casepool._resources import bundled
from casepool.cli import main


def run(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    out, err = capsys.readouterr()
    return left.value.code or 0, out, err


def test_lists_and_shows(capsys) -> None:
    status, out, _ = run("datasets", capsys=capsys)
    assert status == 0
    assert [line.split("  ")[0] for line in out.splitlines()] == cp.list_datasets()
    status, out, _ = run("models", capsys=capsys)
    assert [line.split("  ")[0] for line in out.splitlines()] == cp.list_models()
    status, out, _ = run("show", "objective_response", capsys=capsys)
    assert status == 0
    assert out == f"{cp.model('objective_response')}\n"


def test_help_takes_no_sampler_along() -> None:
    code = (
        "import sys, casepool.cli; sys.exit(bool({'pymc', 'pytensor', 'nutpie', 'arviz', 'pandas'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fit_then_estimates(capsys, tmp_path: Path) -> None:
    out_file = tmp_path / "fit.nc"
    arguments = ["--data", "alk_crizotinib", "--out", str(out_file), "--seed", "1", "--quiet"]
    status, out, _ = run("fit", "objective_response_by_age_group", *arguments, capsys=capsys)
    assert status == 0
    assert "seed 1" in out
    status, out, _ = run("estimates", str(out_file), "--by", "age", "--csv", capsys=capsys)
    assert status == 0
    printed = pd.read_csv(pd.io.common.StringIO(out))
    there = cp.estimates(cp.open_fit(out_file), "age")
    assert printed["estimate"].tolist() == pytest.approx(there["estimate"].tolist())
    status, out, _ = run("check", str(out_file), capsys=capsys)
    assert status == 0
    verdicts = cp.check(cp.open_fit(out_file))["verdict"]
    assert all(line.startswith(verdict) for line, verdict in zip(out.splitlines(), verdicts, strict=True))


def test_a_fit_that_did_not_converge_leaves_with_3(capsys, tmp_path: Path) -> None:
    arguments = [
        "--data",
        "alk_crizotinib",
        "--out",
        str(tmp_path / "bad.nc"),
        "--draws",
        "20",
        "--tune",
        "5",
        "--quiet",
    ]
    status, _, err = run("fit", "objective_response_by_age_group", *arguments, capsys=capsys)
    assert status == 3
    assert "did not converge" in err
    status, out, _ = run("estimates", str(tmp_path / "bad.nc"), "--by", "age", capsys=capsys)
    assert status == 3
    assert out.count("fail") == 2


def test_audit_in_every_format(capsys) -> None:
    table = cp.audit("alk_crizotinib")
    status, out, _ = run("audit", "alk_crizotinib", "--format", "json", capsys=capsys)
    assert status == 0
    assert [row["claim"] for row in json.loads(out)] == table["claim"].tolist()
    _, out, _ = run("audit", "alk_crizotinib", "--format", "markdown", capsys=capsys)
    assert len(out.splitlines()) == len(table) + 2
    assert {line.replace("\\|", "").count("|") for line in out.splitlines()} == {len(table.columns) + 1}
    _, out, _ = run("audit", "alk_crizotinib", "--format", "html", capsys=capsys)
    assert out.count("<tr") == len(table) + 1
    _, out, _ = run("audit", "alk_crizotinib", capsys=capsys)
    assert out.splitlines()[-1].startswith(f"{len(table)} claims")


def corrupted(tmp_path: Path, change) -> str:
    table = pd.read_csv(bundled("data") / "alk_crizotinib" / "cases.csv", dtype=str, keep_default_na=False)
    change(table)
    path = tmp_path / "mine.csv"
    table.to_csv(path, index=False)
    return str(path)


def put(who: int, **cells: str):
    def change(table: pd.DataFrame) -> None:
        for column, value in cells.items():
            table.loc[table["patient"] == str(who), column] = value

    return change


@pytest.mark.parametrize(
    ("model", "change", "said"),
    [
        (
            "objective_response",
            lambda t: t.__setattr__("columns", [c.replace("histology", "histlogy") for c in t.columns]),
            ["histology", "did you mean"],
        ),
        ("objective_response", put(3, best_response="XX"), ["row 3", "best_response", "XX", "use one of"]),
        ("objective_response", put(7, age="-5"), ["row 7", "age", "-5", "bounds"]),
        ("overall_survival", put(13, os_months=""), ["row 13", "os_months", "event without a time"]),
        ("overall_survival", put(14, surgery_latest="99"), ["row 14", "surgery_latest", "99", "last follow-up"]),
        ("objective_response", put(4, patient="3"), ["row 4", "patient", "appears twice", "row 3"]),
        ("objective_respons", put(1), ["objective_respons", "did you mean 'objective_response'"]),
    ],
)
def test_bad_input_is_one_line_and_status_2(capsys, tmp_path: Path, model: str, change, said: list[str]) -> None:
    path = corrupted(tmp_path, change)
    status, _, err = run("fit", model, "--data", path, "--out", str(tmp_path / "x.nc"), "--quiet", capsys=capsys)
    assert status == 2
    refusals = [line for line in err.splitlines() if line.startswith("casepool: ")]
    assert len(refusals) == 1
    assert all(word in refusals[0] for word in said), refusals[0]
    assert "Traceback" not in err
    assert not (tmp_path / "x.nc").exists()


def test_a_missing_folder_is_refused_before_the_work(capsys, tmp_path: Path) -> None:
    status, _, err = run("report", "--out", str(tmp_path / "no" / "r.html"), capsys=capsys)
    assert status == 2
    assert "folder" in err
