"""Chromium without a window: what a reader of a page sees, measured by a script inside frames of several widths."""

import html
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome")
SCRIPT = Path(__file__).with_name("measure.js")
"""What runs in a frame's place and returns what is seen there."""


def browser() -> str:
    """Return the path of a Chromium, or "" where there is none."""
    return next((found for name in NAMES if (found := shutil.which(name))), "")


def run(folder: Path, *arguments: str) -> str:
    """Run it without a window, with a profile of its own."""
    own = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={folder / 'profile'}"]
    environment = {**os.environ, "HOME": str(folder)}
    found = subprocess.run(
        [browser(), *own, *arguments], capture_output=True, text=True, timeout=120, env=environment, check=True
    )
    return found.stdout


def measured(
    page: Path, widths: tuple[int, ...], *, script: bool = True, dark: bool = False
) -> dict[int, dict[str, Any]]:
    """Measure a page in frames of several widths, 800 px high; `script`: whether its own scripts run."""
    source = page.read_text(encoding="utf-8")
    if not script:
        source = re.sub(r"<script>.*?</script>", "", source, flags=re.DOTALL)
    frames = "".join(
        f'<iframe id="w{w}" style="width:{w}px;height:800px;border:0" srcdoc="{html.escape(source)}"></iframe>'
        for w in widths
    )
    measure = SCRIPT.read_text(encoding="utf-8").replace("WIDTHS", str(list(widths)))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        whole = f"<!DOCTYPE html><meta charset=utf-8><body>{frames}<script>{measure}</script>"
        (folder / "frames.html").write_text(whole, encoding="utf-8")
        scheme = ["--force-dark-mode", "--blink-settings=preferredColorScheme=0"] if dark else []
        dom = run(folder, *scheme, "--window-size=1500,900", "--dump-dom", f"file://{folder / 'frames.html'}")
    [text] = re.findall(r'<pre id="out">(.*?)</pre>', dom, flags=re.DOTALL)
    return {int(width): found for width, found in json.loads(html.unescape(text)).items()}


def printed(page: Path, pdf: Path) -> int:
    """Print a page as PDF and return its number of sheets."""
    with tempfile.TemporaryDirectory() as scratch:
        run(Path(scratch), f"--print-to-pdf={pdf}", "--no-pdf-header-footer", f"file://{page}")
    return len(re.findall(rb"/Type\s*/Page[^s]", pdf.read_bytes()))
