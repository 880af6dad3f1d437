"""The report as text: whole, safe, and with every figure; ``tests/browser`` looks at it drawn."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from knowingly import Figure
from knowingly.evaluate.charts import Series, bars, dots, lines
from knowingly.evaluate.words import shown
from reports import full_report


class Words(HTMLParser):
    """What stands in the cells of tables, and whether every tag is closed in its turn."""

    VOID = frozenset({"meta", "circle", "line", "rect", "polyline"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID or tag == "rect":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Closed at once."""

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(page: str) -> str:
    reader = Words()
    reader.feed(page)
    assert reader.open == []
    return " ".join(reader.words)


def test_the_page_is_whole_and_safe():
    """Tags are closed in turn, names are text, no script and no address of another host."""
    found = full_report()
    page = found.to_html()
    words = read(page)
    for one in found.scores:
        assert one.algorithm in words
        for value in one.figures.values():
            assert shown(value.value) in words
    assert "the baseline <i>x</i> was left out" in words
    assert not re.search(r"<script|https?://|<b>ease|url\(|@import|\son\w+=", page, re.IGNORECASE)


def test_what_was_not_asked_for_is_not_there():
    """Without rates of consent, and of one algorithm alone, the page is whole all the same."""
    found = full_report()
    lone = replace(found, scores=found.scores[:1], tests=(), by_consent_rate=(), repeats=True)
    words = read(lone.to_html())
    assert "consent rate" not in words
    assert "Is one better" not in words
    assert "repeats included" in words


def numbers(chart: str, attribute: str) -> list[float]:
    return [float(one) for one in re.findall(rf'{attribute}="([\d.]+)"', chart)]


def test_dots_stand_where_their_figures_are():
    """Twice the figure is twice as far from 0; an interval reaches from end to end."""
    rows = [Series("a", 0, [Figure(0.1, 0.05, 0.2)]), Series("b", 1, [Figure(0.2)])]
    chart = dots(rows, label="x")
    first, second = numbers(chart, "cx")
    zero = numbers(chart, "x1")[0]
    assert second - zero == pytest.approx(2 * (first - zero))
    whisker = re.search(r'<line class="whisker[^>]*>', chart)[0]
    assert numbers(whisker, "x1")[0] - zero == pytest.approx((first - zero) / 2, abs=0.1)
    assert numbers(whisker, "x2")[0] == pytest.approx(second)


def test_bars_are_as_high_as_their_figures():
    """And none is drawn where nothing was measured."""
    rows = [Series("a", 0, [Figure(0.3), Figure(None), Figure(0.1)])]
    chart = bars(["x", "y", "z"], rows, label="x")
    high, low = (float(one) for one in re.findall(r'<rect[^>]* height="([\d.]+)"', chart))
    assert high == pytest.approx(3 * low, abs=0.2)


def test_a_chart_of_nothing_is_drawn():
    """All unknown, all 0, one place only."""
    nothing = [Series("a", 0, [Figure(None)]), Series("b", 1, [Figure(0.0)])]
    for chart in (
        dots(nothing, label="x"),
        bars(["x"], nothing, label="x"),
        lines([1.0], ["all"], nothing, label="x"),
    ):
        assert "nan" not in chart
        read(chart)


def test_a_long_name_has_room_beside_its_dot():
    """A policy can name a slot by forty letters, and what stands left of a picture is cut off."""
    rows = [Series(name, 0, [Figure(0.3, 0.2, 0.4)]) for name in ("ease", "slot " + "m" * 40)]
    svg = dots(rows, label="NDCG")
    ends = [float(x) for x in re.findall(r'<text class="name end" x="([0-9.]+)"', svg)]
    assert len(ends) == 2
    assert min(ends) >= 45 * 7
    assert all(float(x) > max(ends) for x in re.findall(r'cx="([0-9.]+)"', svg))
