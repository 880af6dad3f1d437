"""The report in a real browser: it draws, fits, asks nobody for anything, and shows every figure.

Run by ``tox run -e browser``. Without Chromium the tests are skipped, and say so.
"""

import json
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path

import pytest

from knowingly import Evaluation
from reports import full_report

MEASURE = """<script>
addEventListener("load", () => {
  const box = one => one.getBoundingClientRect();
  const main = box(document.querySelector("main"));
  const inside = (one, other) => one.left >= other.left - 1 && one.right <= other.right + 1 &&
    one.top >= other.top - 1 && one.bottom <= other.bottom + 1;
  const out = [...document.querySelectorAll("svg text, svg rect, svg circle, svg line")].filter(
    part => !inside(box(part), box(part.closest("svg"))));
  const names = [...document.querySelectorAll("svg")].map(svg => {
    const texts = [...svg.querySelectorAll("text")].map(box);
    return texts.some((one, n) => texts.some((two, m) => m > n && one.width && two.width &&
      one.left < two.right && two.left < one.right &&
      one.top < two.bottom && two.top < one.bottom));
  });
  document.title = JSON.stringify({
    sideways: document.documentElement.scrollWidth - innerWidth,
    cards: [...document.querySelectorAll("section")].map(one => [box(one).width, box(one).height]),
    charts: [...document.querySelectorAll("svg")].map(one => [box(one).width, box(one).height]),
    outside: out.map(one => one.outerHTML),
    overlapping: names,
    page: getComputedStyle(document.body).backgroundColor,
    ink: getComputedStyle(document.body).color,
    dot: getComputedStyle(document.querySelector("svg .dot")).fill,
    asked: performance.getEntriesByType("resource").map(one => one.name),
  });
});
</script>"""


@pytest.fixture(scope="module")
def found() -> Evaluation:
    return full_report()


@pytest.fixture(scope="module")
def browser() -> str:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("there is no Chromium here: apt-get install chromium")
    return path


def measured(browser: str, page: str, folder: Path, width: int, *flags: str) -> dict:
    """What the page comes to in a window of this width, measured from inside a copy of it."""
    path = folder / "page.html"
    # Only the copy may run a script: the page itself forbids every one.
    allowed = page.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'")
    path.write_text(allowed.replace("</body>", f"{MEASURE}</body>"), encoding="utf-8")
    done = subprocess.run(
        [
            browser,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            f"--user-data-dir={folder / 'profile'}",
            f"--window-size={width},2400",
            "--virtual-time-budget=4000",
            "--dump-dom",
            *flags,
            path.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)
    return json.loads(unescape(title[1]))


@pytest.mark.parametrize("width", [1280, 600])
def test_it_fits_and_nothing_overlaps(browser, found, tmp_path, width):
    """On a desk and in a narrow window: no sideways scrolling, no words on top of each other."""
    seen = measured(browser, found.to_html(), tmp_path, width)
    assert seen["sideways"] <= 0
    assert seen["outside"] == []
    assert seen["overlapping"] == [False] * len(seen["charts"]) == [False] * 4
    assert all(width > 200 and height > 60 for width, height in seen["cards"] + seen["charts"])


def test_it_asks_nobody_for_anything(browser, found, tmp_path):
    """Not a font, not a picture."""
    assert measured(browser, found.to_html(), tmp_path, 1280)["asked"] == []


def test_it_is_dark_where_the_reader_wants_that(browser, found, tmp_path):
    """Paper and ink change places, and the colours are others."""
    light = measured(browser, found.to_html(), tmp_path, 1280)
    dark = measured(
        browser,
        found.to_html(),
        tmp_path,
        1280,
        "--force-dark-mode",
        "--blink-settings=preferredColorScheme=0",
    )
    assert sum(numbers(light["page"])) > sum(numbers(light["ink"]))
    assert sum(numbers(dark["page"])) < sum(numbers(dark["ink"]))
    assert light["dot"] != dark["dot"]


def numbers(colour: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", colour)]
