"""Known bots are not people."""

import pytest

from knowingly.policy import parse_policy
from knowingly.policy.bots import MAX_AGENT_CHARS, is_bot

BOTS = [
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)",
    "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36",
    "facebookexternalhit/1.1",
    "curl/8.5.0",
    "python-requests/2.32",
    "Wget/1.21",
    "My Little Bot",
]
PEOPLE = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
    "Mozilla/5.0 (Linux; Android 12; CUBOT X70) AppleWebKit/537.36 Chrome/120.0 Mobile Safari",
    "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18",
    "",
]


@pytest.mark.parametrize("agent", BOTS)
def test_a_program_that_says_so_is_a_bot(agent):
    assert is_bot(agent)


@pytest.mark.parametrize("agent", PEOPLE)
def test_a_browser_is_no_bot(agent):
    assert not is_bot(agent)


def test_only_the_beginning_is_looked_at():
    """What anybody can send has no length of its own."""
    assert not is_bot("x" * MAX_AGENT_CHARS + "Googlebot/2.1")


def test_a_shop_names_its_own():
    """As plain text in any case: marks of a pattern mean themselves."""
    policy = parse_policy('[intake]\nbots = ["Our Monitor", "(a+)+$"]')
    assert policy.is_bot("mozilla our monitor 3")
    assert policy.is_bot("x (A+)+$ y")
    assert not policy.is_bot("a" * 900)


def test_the_event_of_a_bot_is_dropped_and_counted(shop, agree):
    """Nothing of it or its agent is stored; browsers' events are kept."""
    shop.items.upsert([{"id": "tea"}])
    agree(shop, "ada")
    rows = [
        {"subject": "ada", "kind": "view", "item": "tea", "agent": agent}
        for agent in (BOTS[0], PEOPLE[0], None)
    ]
    told = shop.track([*rows, {"subject": "ada", "kind": "view", "item": "tea"}])
    assert (told.kept, told.dropped) == (3, {"bot": 1})
    assert shop.track(rows[:1]).dropped == {"bot": 1}
    assert shop.track("ada", "view", "tea", agent=BOTS[1]).dropped == {"bot": 1}
    assert shop.stats()["events_dropped"] == {"bot": 3}


def test_a_bots_page_reads_no_profile(tea, monkeypatch):
    """It is made as for nobody, and says why."""
    assert tea.recommend("t000").basis == "personal"
    from knowingly.recommend.pages import visit  # noqa: PLC0415

    monkeypatch.setattr(visit, "read_records", None)
    page = tea.recommend("t000", agent=BOTS[0])
    assert (page.basis, page.why) == ("catalog", "bot")
    assert tea.stats()["decisions"]["bot"] == 1
    with pytest.raises(ValueError, match="agent"):
        tea.recommend("t000", agent=3)
