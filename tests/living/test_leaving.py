"""What leaves a dataset by its history and by the command line, and what a private one keeps to itself."""

import json
from pathlib import Path

import pytest

import casepool as cp
from casepool.cli import main
from casepool.living.canonical import canonical
from casepool.living.chain import FILE, lines_of, signed
from casepool.presenting.files import table_text
from tests.living.datasets import ROWS, grown, small

CANARY = "zzcanary"
SECRET = ROWS.replace("limb", f"{CANARY}-limb").replace("one, two", f"{CANARY} remark")
SECRET = "\n".join(f"{CANARY}{line}" if i and line else line for i, line in enumerate(SECRET.split("\n")))
NEW = {"patient": f"{CANARY}i", "site": f"{CANARY}-limb", "response": "no", "months": 5, "note": f"{CANARY} again"}


def test_a_private_history_holds_nobody(tmp_path: Path) -> None:
    """Identifiers are row numbers, free text is nowhere, and estimates by labels nobody vouched for are left out."""
    folder = small(tmp_path / CANARY, public=False, rows=SECRET)
    table = grown(folder, NEW)
    assert table.attrs["public"] is False
    assert CANARY not in (folder / FILE).read_text("utf-8")
    assert lines_of(folder)[0]["rows"] == {"added": ["9"], "changed": [], "removed": []}
    assert [row["by"] for row in lines_of(folder)[0]["estimates"] if "by" in row] == []
    assert lines_of(folder)[0]["foreseen"][0]["level"] == "9"
    for told in (cp.history(folder), cp.history(folder, estimates=True)):
        assert told.attrs["public"] is False
        assert CANARY not in told.to_csv()


def test_labels_that_the_codebook_lists_may_stand_there(tmp_path: Path) -> None:
    folder = small(tmp_path / "made", public=False)
    book = (folder / "codebook.toml").read_text("utf-8")
    listed = book.replace(
        '[columns.site]\ntype = "category"', '[columns.site]\ntype = "category"\nlevels = ["limb", "trunk"]'
    )
    (folder / "codebook.toml").write_text(listed, "utf-8")
    grown(folder)
    assert {row.get("level") for row in lines_of(folder)[0]["estimates"]} == {"everyone", "limb", "trunk"}


def run(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main([str(one) for one in arguments])
    out, err = capsys.readouterr()
    return left.value.code or 0, out, err


def test_the_commands_mirror_the_functions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (small(tmp_path / name) for name in ("one", "other"))
    case, priors = tmp_path / "case.toml", tmp_path / "priors.toml"
    case.write_text('patient = "i"\nsite = "limb"\nresponse = "no"\n')
    priors.write_text('[response.site_sd]\ndist = "HalfNormal"\nsigma = 0.5\nwhy = "test"\n')
    words = ("add", one, case, "--coding", "case_b=responder", "--priors", priors, "--quiet")
    status, out, err = run(*words, "--csv", capsys=capsys)
    assert (status, err) == (0, "")
    there = cp.add(other, case, seed=1, coding={"case_b": "responder"}, priors=priors, progress=False)
    assert out.strip() == table_text(there, "csv").strip()
    for option in ((), ("--estimates",)):
        status, out, _ = run("history", one, *option, "--csv", capsys=capsys)
        assert (status, out.strip()) == (0, table_text(cp.history(one, estimates=bool(option)), "csv").strip())
    own = lines_of(one)[0]["id"]
    status, out, _ = run("verify", one, "--known", own, "--quiet", capsys=capsys)
    assert (status, out) == (0, f"{cp.verify(one, known=own, progress=False)}\n")
    (one / FILE).write_text((one / FILE).read_text("utf-8").replace('"seed":1', '"seed":2'), "utf-8")
    status, out, err = run("verify", one, "--quiet", capsys=capsys)
    assert (status, "line 1 is not as it was written" in " ".join(out.split())) == (4, True)
    status, _, err = run("add", one, "--coding", "case_b", "--quiet", capsys=capsys)
    assert (status, err.count("\n")) == (2, 1)
    assert "DECISION=CHOICE" in err


def test_verify_tells_what_is_no_longer_so(tmp_path: Path) -> None:
    """The table, a model and the codebook changed by other means, and estimates that the line does not have."""
    folder = small(tmp_path / "made")
    grown(folder)

    def verdicts() -> dict[str, str]:
        table = cp.verify(folder, progress=False)
        return dict(zip(table["part"], table["verdict"], strict=True))

    good = {"lines": "pass", "table": "pass", "models": "pass", "files": "pass", "estimates of response": "pass"}
    assert verdicts() == good
    with (folder / "codebook.toml").open("a") as book:
        book.write("# a remark\n")
    assert verdicts() == good | {"files": "concern"}
    model = (folder / "response.toml").read_text("utf-8")
    (folder / "response.toml").write_text(model.replace("sigma = 1.5", "sigma = 1.0"), "utf-8")
    assert verdicts() == good | {"files": "concern", "models": "fail"}
    with (folder / "cases.csv").open("a") as table:
        table.write("z,limb,yes,1,false,\n")
    found = verdicts()
    assert (found["table"], "estimates of response" in found) == ("fail", False)


def test_numbers_of_other_draws_are_told_from_other_numbers(tmp_path: Path) -> None:
    folder = small(tmp_path / "made")
    grown(folder)
    line = json.loads((folder / FILE).read_bytes())
    verdicts = []
    for moved in (0.5, 20.0):
        other = [row | {"estimate": row["estimate"] + moved * row["mcse"]} for row in line["estimates"]]
        (folder / FILE).write_bytes(canonical(signed(line | {"estimates": other}, "")) + b"\n")
        verdicts += (
            cp.verify(folder, progress=False).set_index("part").loc[["estimates of response"], "verdict"].tolist()
        )
    assert verdicts == ["concern", "fail"]


def test_a_page_of_other_letters_is_escaped(tmp_path: Path) -> None:
    """A label is data wherever it is told."""
    label = "<b>=1+1</b>"
    folder = small(tmp_path / "made", rows=ROWS.replace("limb", label))
    table = grown(folder, {"patient": "i", "site": label, "response": "no"})
    assert label in set(table["level"])
    assert label not in table._repr_html_()
    assert "&lt;b&gt;" in table._repr_html_()
    assert label not in table_text(cp.history(folder, estimates=True), "html")
    assert cp.read_cases(folder)["site"].iloc[-1] == label


def test_a_model_is_printed_below_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    table = grown(small(tmp_path / "made", "response", "survival"))
    text = str(table)
    assert text.index("model: response") < text.index("model: survival") < text.index("before it came")
    assert max(map(len, text.splitlines())) <= 100
    assert {"data_mcse", "prior_in_order"} < set(table.columns) - set(text.split())
