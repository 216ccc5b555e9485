"""A drafted claims file names what can be recomputed, leaves what only the paper knows, and tells nobody's labels."""

import tomllib

import pandas as pd
import pytest

import casepool as cp
from casepool.claims.registry import STATISTICS
from casepool.claims.verdicts import REPRODUCES
from casepool.cli import main
from casepool.errors import CasepoolError

from .folders import REMISSION, claim_text, folder_of, remission

ANY = {"number": "0.000", "pair": "0.000, 0.000", "limited": "0.000 (0.000, 0.000)"}
RESPONSE = '[columns.best_response]\ntype = "ordered"\nlevels = ["PD", "SD", "PR", "CR"]\n'


@pytest.fixture
def folder(tmp_path):
    frame = remission().assign(best_response=["PR", "SD", "CR", "PD", "PR", "SD"] * 7)
    return folder_of(tmp_path / "d", frame, [], codebook=REMISSION + RESPONSE)


def drafted(folder):
    return tomllib.loads(cp.draft_claims(folder))["claim"]


def filled(claims, printed):
    written = zip(claims, printed, strict=True)
    return "\n".join(claim_text(one["id"], text, one["statistic"], one.get("arguments", {})) for one, text in written)


def test_a_draft_filled_with_what_is_recomputed_reproduces(folder):
    claims = drafted(folder)
    assert {one["printed"] for one in claims} == {one["where"] for one in claims} == {"?"}
    assert {"hazard_ratio", "odds_ratio", "survival_test", "rate", "average"} <= {one["statistic"] for one in claims}
    path = folder / "published.toml"
    path.write_text(filled(claims, [ANY[STATISTICS[one["statistic"]].shape] for one in claims]), encoding="utf-8")
    path.write_text(filled(claims, cp.audit(folder)["recomputed"]), encoding="utf-8")
    again = cp.audit(folder)
    bad = again[again["verdict"] != REPRODUCES]
    assert bad.empty, bad[["claim", "printed", "recomputed"]].to_string()


def test_no_audit_takes_a_draft_as_it_is(folder, capsys):
    with pytest.raises(SystemExit):
        main(["claims", "draft", str(folder), "--out", str(folder / "mine.toml")])
    assert "fill in" in capsys.readouterr().out
    (folder / "published.toml").write_text((folder / "mine.toml").read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.raises(CasepoolError, match=r"published\.toml.*'patients'.*still to be filled in"):
        cp.audit(folder)
    with pytest.raises(CasepoolError):
        cp.draft_claims(folder, path=folder / "mine.toml")  # never replaced
    with pytest.raises(SystemExit) as left:
        main(["claims", "check", str(folder)])
    assert left.value.code == 2
    assert "choose one of draft" in capsys.readouterr().err


def test_a_private_table_tells_no_label_that_its_codebook_does_not_list(tmp_path):
    frame = pd.DataFrame({"centre": ["Ulm", "Bonn"] * 3, "sex": ["F", "M"] * 3, "note": list("abcdef")})
    book = '[columns.sex]\ntype = "category"\nlevels = ["F", "M"]\n[columns.centre]\ntype = "category"\n'
    text = cp.draft_claims(folder_of(tmp_path / "d", frame, [], codebook=book, public=False))
    assert "sex_F" in text
    assert not {"Ulm", "Bonn", "P1", "note"} & set(text.replace('"', " ").split())
    public = cp.draft_claims(folder_of(tmp_path / "e", frame, [], codebook=book))
    assert "Ulm" in public


def test_a_private_outcome_tells_no_code_that_its_codebook_does_not_list(tmp_path):
    frame = pd.DataFrame({"os_months": range(1, 7), "status": ["alive", "dead of Ulm"] * 3})
    book = '[columns.os_months]\ntype = "number"\n[columns.status]\ntype = "category"\n'
    listed = f'{book}levels = ["alive", "dead of Ulm"]\n'
    texts = [
        cp.draft_claims(folder_of(tmp_path / name, frame, [], codebook=own, public=public))
        for name, own, public in (("a", book, False), ("b", listed, False), ("c", book, True))
    ]
    assert ["Ulm" in text for text in texts] == ['"median_survival"' in text for text in texts] == [False, True, True]


def test_labels_that_look_like_toml_stay_labels(tmp_path):
    odd = 'a" } #\\ ä'
    frame = pd.DataFrame({"kind of": [odd, "b"] * 3})
    claims = drafted(folder_of(tmp_path / "d", frame, [], codebook='[columns."kind of"]\ntype = "category"\n'))
    assert {"kind of": odd} in [one["arguments"]["where"] for one in claims if one["statistic"] == "fraction"]
