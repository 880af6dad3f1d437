"""An evaluation as one HTML file: it asks nothing of any other host, and runs no script."""

from collections.abc import Callable, Iterable, Sequence
from html import escape
from importlib import resources

from knowingly.evaluate.charts import SERIES, Series, bars, dots, lines
from knowingly.evaluate.intervals import SAMPLES, SHUFFLES
from knowingly.evaluate.metrics import ACCURACY, METRICS, Metric
from knowingly.evaluate.results import Evaluation, Figure, Score
from knowingly.evaluate.words import interval, p_value, shown

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_BASELINE = ' <span class="tag">baseline</span>'


def to_html(found: Evaluation) -> str:
    """The whole page."""
    style = (resources.files("knowingly.evaluate") / "report.css").read_text("utf-8")
    body = [_head(found), _ndcg(found), *_figures(found), _buckets(found)]
    if found.by_consent_rate:
        body.append(_consent(found))
    if found.tests:
        body.append(_tests(found))
    body.append(_meanings(found))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>How well recommendations foretell purchases</title><style>\n{style}</style>"
        f"</head>\n<body><main>\n{chr(10).join(body)}\n</main></body></html>\n"
    )


def _head(found: Evaluation) -> str:
    what = "The served models" if found.served else "Algorithms fitted for this"
    bought = "bought, repeats included" if found.repeats else "bought that was new to them"
    facts = [
        (f"{found.people:,}", "people learned from"),
        (f"{found.tested:,}", "people tested"),
        (f"{found.bought:,}", f"things they {bought}"),
        (f"{found.items:,}", "items, all ranked for everyone"),
        (f"{found.out_of_reach:,}", "purchases of other items, not counted"),
    ]
    cells = "".join(f"<div><b>{number}</b><span>{words}</span></div>" for number, words in facts)
    notes = "".join(f'<p class="note">Note: {escape(note)}.</p>' for note in found.notes)
    return (
        "<h1>How well recommendations foretell purchases</h1>"
        f'<p class="lead">{what} learned from what people who agree to <b>train</b> did up to '
        f"{found.split:%-d %B %Y, %H:%M} UTC. Their first {found.k} recommendations are held "
        f"against what the same people bought from then to {found.until:%-d %B %Y}.</p>"
        f'{notes}<div class="facts">{cells}</div>'
    )


def _ndcg(found: Evaluation) -> str:
    rows = _series(found.scores, lambda score: [score.figures["ndcg"]])
    return _section(
        f"NDCG@{found.k}",
        "Right items, and right ones first. The line is the 95 % interval: would the figure be "
        "another with other people like these?",
        f"<figure>{dots(rows, label='NDCG of each algorithm, with intervals')}</figure>",
    )


def _figures(found: Evaluation) -> list[str]:
    return [
        _section(
            f"Were the lists right? At {found.k}",
            "With 95 % intervals; in bold the best.",
            _figures_of(found.scores, [one for one in METRICS if one.name in ACCURACY]),
        ),
        _section(
            f"What are the lists like? At {found.k}",
            "With 95 % intervals where a figure is a mean over people; in bold the best, where one "
            "direction is better.",
            _figures_of(found.scores, [one for one in METRICS if one.name not in ACCURACY]),
        ),
    ]


def _figures_of(scores: Sequence[Score], metrics: Sequence[Metric]) -> str:
    best = {metric.name: _best(scores, metric) for metric in metrics}
    rows = [
        [
            escape(score.algorithm) + (_BASELINE if score.baseline else ""),
            *(
                _cell(score.figures[metric.name], best=best[metric.name] == score.algorithm)
                for metric in metrics
            ),
        ]
        for score in scores
    ]
    return _table(["algorithm", *(metric.label for metric in metrics)], rows)


def _buckets(found: Evaluation) -> str:
    first = found.scores[0]
    popular = _series(
        found.scores, lambda score: [Figure(one.recall) for one in score.by_popularity]
    )
    known = _series(found.scores, lambda score: [Figure(one.ndcg) for one in score.by_history])
    of_items = [f"{one.name} ({one.items:,})" for one in first.by_popularity]
    of_people = [f"{one.name} ({one.people:,})" for one in first.by_history]
    legend = _legend(found.scores)
    left = _section(
        f"Recall@{found.k} by popularity",
        "The most bought items that make up a third of all choices are the head, and so on; cold "
        "ones too few people chose before. In brackets: items.",
        f"<figure>{bars(of_items, popular, label='Recall by popularity')}</figure>{legend}",
    )
    right = _section(
        f"NDCG@{found.k} by length of history",
        "Distinct items in a person's history; 0 are cold people, in no other figure. In brackets: "
        "people; a dash where there are too few.",
        f"<figure>{bars(of_people, known, label='NDCG by length of history')}</figure>{legend}",
    )
    return f'<div class="pair">{left}{right}</div>'


def _consent(found: Evaluation) -> str:
    rates = sorted({one.rate for one in found.by_consent_rate})
    by_both = {(one.algorithm, one.rate): one.ndcg for one in found.by_consent_rate}
    every = _series(
        found.scores,
        lambda score: [by_both.get((score.algorithm, rate), Figure(None)) for rate in rates],
    )
    rows = [row for row in every if any(figure.value is not None for figure in row.figures)]
    chart = lines(rates, [f"{rate:.0%}" for rate in rates], rows, label="NDCG by consent rate")
    heads = ["algorithm", "agreed", "people", "items", "NDCG", "recall"]
    cells = [
        [
            escape(one.algorithm),
            f"{one.rate:.0%}",
            f"{one.people:,}",
            f"{one.items:,}",
            _cell(one.ndcg),
            shown(one.recall.value),
        ]
        for one in found.by_consent_rate
    ]
    return _section(
        f"NDCG@{found.k} by consent rate",
        "Had only this share of those who agreed to train agreed, chosen by a fixed hash: the same "
        "people and purchases are tested each time.",
        f'<div class="pair"><figure>{chart}{_legend(found.scores)}</figure>'
        f"<div>{_table(heads, cells)}</div></div>",
    )


def _tests(found: Evaluation) -> str:
    heads = ["pair", "difference in NDCG", "p", "p, corrected"]
    rows = [
        [
            f"{escape(one.first)} less {escape(one.second)}",
            _cell(one.difference),
            p_value(one.p),
            p_value(one.p_holm),
        ]
        for one in found.tests
    ]
    return _section(
        "Is one better than another?",
        f"Paired permutation test over people, {SHUFFLES:,} random signs; corrected by Holm's "
        "method for the number of pairs. Where the corrected p is small, the gap is no accident of "
        "who was tested.",
        _table(heads, rows),
    )


def _meanings(found: Evaluation) -> str:
    meanings = "".join(
        f"<dt>{escape(metric.label)}</dt><dd>{escape(metric.meaning)}</dd>" for metric in METRICS
    )
    return _section(
        "What the words mean",
        f"Everything is at k = {found.k}. Ties break by the order of the catalogue. Who bought "
        "nothing after the split is not tested. Intervals are bootstrap percentiles over people, "
        f"{SAMPLES:,} draws from seed {found.seed}.",
        f"<dl>{meanings}</dl>",
    )


def _series(scores: Sequence[Score], figures: Callable[[Score], Sequence[Figure]]) -> list[Series]:
    """A row for each score; an algorithm has the same colour all over the page."""
    return [Series(score.algorithm, place, figures(score)) for place, score in enumerate(scores)]


def _best(scores: Sequence[Score], metric: Metric) -> str | None:
    """The algorithm with the best figure, where one direction is better and there are several."""
    values = {
        score.algorithm: value
        for score in scores
        if (value := score.figures[metric.name].value) is not None
    }
    if metric.better == "neither" or len(values) < 2:
        return None
    choose = max if metric.better == "higher" else min
    return choose(values, key=lambda name: values[name])


def _cell(figure: Figure, *, best: bool = False) -> str:
    words = shown(figure.value)
    ends = interval(figure)
    return (f'<span class="best">{words}</span>' if best else words) + (
        f"<small>{ends}</small>" if ends else ""
    )


def _legend(scores: Iterable[Score]) -> str:
    names = "".join(
        f'<span class="s{place % SERIES}"><i></i>{escape(score.algorithm)}</span>'
        for place, score in enumerate(scores)
    )
    return f'<div class="legend">{names}</div>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(words)}</th>' for words in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _section(title: str, words: str, inside: str) -> str:
    return f'<section><h2>{escape(title)}</h2><p class="note">{escape(words)}</p>{inside}</section>'
