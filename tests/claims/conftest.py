import csv
import shutil
from pathlib import Path

import pytest

from casepool.claims import audit

FOLDER = Path(__file__).parents[2] / "data" / "alk_crizotinib"


@pytest.fixture(scope="session")
def claims():
    return audit("alk_crizotinib").set_index("claim")


@pytest.fixture
def copy(tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(FOLDER, folder)
    return folder


def change_cell(path, key, column, value):
    with path.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    (hit,) = [row for row in rows if all(row[k] == v for k, v in key.items())]
    assert hit[column] != value
    hit[column] = value
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.DictWriter(lines, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
