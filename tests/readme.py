"""README's script and what it prints: ``python -m tests.readme`` writes the printed answers into README."""

import contextlib
import io
import os
import re
import tempfile
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
COLUMNS = "100"
"""Width of the terminal that README shows."""
SHOWN = re.compile(r"(?<=```text\n).*?(?=```\n)", flags=re.DOTALL)


def script() -> str:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)[0]


def shown() -> str:
    return SHOWN.findall(README.read_text(encoding="utf-8"))[0]


def printed(folder: Path) -> str:
    """Run the script in a folder and return what it prints on a terminal of the width README shows."""
    out = io.StringIO()
    with contextlib.chdir(folder), contextlib.redirect_stdout(out):
        before = os.environ.get("COLUMNS")
        os.environ["COLUMNS"] = COLUMNS
        try:
            exec(compile(script(), "README.md", "exec"), {})
        finally:
            os.environ.pop("COLUMNS") if before is None else os.environ.update(COLUMNS=before)
    return out.getvalue()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        answers = printed(Path(made))
    README.write_text(SHOWN.sub(lambda _: answers, README.read_text(encoding="utf-8"), count=1), encoding="utf-8")
