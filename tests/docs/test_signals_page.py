"""The page of signals says what the cross-walk and the policy say; run this file to write it."""

from pathlib import Path

from knowingly.consent.signals.desk import CORE
from knowingly.domain.signal import MAX_RAW_CHARS, Signal
from knowingly.policy import crosswalk
from knowingly.policy.crosswalk import Cell
from knowingly.policy.signals import GpcRule, Signals
from knowingly_plugins.gpp import Gpp
from knowingly_plugins.tcf import Tcf

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "signals.md"
WALK = crosswalk(1)
PURPOSES = ("personalize", "train", "measure", "marketing", "share", "contextual")
GIVEN = {
    "gpc": ("`headers=`", "Global Privacy Control, the header `Sec-GPC`"),
    "shopify": ("`shopify=`", "Shopify's Customer Privacy API"),
    "shopify_email": ("`shopify_customer=`", "a customer's consent to e-mail marketing"),
    "shopify_sms": ("`shopify_customer=`", "a customer's consent to SMS marketing"),
    "consent_mode": ("`consent_mode=`", "Google Consent Mode v2, the commands in their order"),
    "tcf": ("`tcf=`", "IAB Europe's TC string, version 2 (plugin `tcf`)"),
    "gpp": ("`gpp=`", "the IAB's GPP string (plugin `gpp`)"),
}
HEAD = f"""# Signals and the cross-walk

What a banner or a browser said comes in two steps. A *decoder* says what a raw value says in its
standard's own terms, each with `yes`, `no` or nothing. The *cross-walk* says what those answers
count for. It is data with a version, and `[signals] crosswalk` in the policy file names the one
the policy was written for.

`shop.signals.read(…)` does both and returns values of `Signal`:

| field | holds |
|---|---|
| `source`, `decoder` | which standard it came in, and the decoder with its version |
| `allows`, `refuses` | purposes; one in neither is silent |
| `objects` | purposes of which it is an opt-out, each refused too; it outranks an earlier yes |
| `at` | when the person said so, if the value tells, else when it was read |
| `problem` | why it could not be understood; such a signal denies |
| `scope` | `device`, or `account` for what a customer's account says |
| `raw` | the value as it came, up to {MAX_RAW_CHARS:,} characters; in no `repr`, stored sealed |

A signal allows only what `[signals.accept]` accepts from its source. It is heard where the person
has chosen nothing in the shop; an objection is heard over a yes that was given without knowing of
it. Of several signals the gravest holds: an objection, then one that cannot be understood, one of
the future, one too old, a refusal, and only then a yes.
"""
GPC = """
## Global Privacy Control

`gpc = "yes"`, from whichever standard, always objects to `share`; no map changes that. To other
purposes it objects by the rule of `[signals.gpc]`: those it names, while their lawful basis is
one it names, where the person is in a place it names. A place is a country (`"DE"`), a part of
one (`"US-CA"`), `"gdpr"` (the EEA and the United Kingdom) or `"everywhere"`. Where nobody knows
the place, the rule holds.
"""
TAIL = """
## Own decoders

A plugin adds standards through the hook `knowingly_signals`. A decoder is a class with a
`source`, a `version` and `decode(raw, context)`, which returns `Said` or raises `SignalError`. It
says what a value says and nothing of what that counts for: that is written in `[signals.map]`.
`examples/signal_plugin.py` is a whole one.
"""


def words(cell: Cell) -> str:
    """A cell as a table shows it."""

    def one(condition: dict[str, str]) -> str:
        return " and ".join(f"`{term}` {answer}" for term, answer in condition.items())

    said = [f"allowed by {'; or by '.join(map(one, cell.allow))}"] if cell.allow else []
    if cell.object:
        said.append(f"objected to by any of: {', '.join(map(one, cell.object))}")
    return "; ".join(said)


def page() -> str:
    """The page, in Markdown."""
    decoders = {**CORE, "tcf": Tcf, "gpp": Gpp}
    parts = [HEAD, "## Sources\n\n| source | version | given as | what it is |\n|---|---|---|---|"]
    parts += [
        f"| `{source}` | {decoders[source].version} | {place} | {title} |"
        for source, (place, title) in GIVEN.items()
    ]
    parts.append(
        f"\n## What counts for what\n\nCross-walk {WALK.version}. What is not in the table is "
        "silent. A purpose is refused\nwhere a term that would have to agree says the contrary "
        "(of alternatives: where each does).\n\n| source | purpose | |\n|---|---|---|"
    )
    parts += [
        f"| `{source}` | `{purpose}` | {words(WALK.signals[source][purpose])} |"
        for source in GIVEN
        for purpose in PURPOSES
        if purpose in WALK.signals.get(source, {})
    ]
    parts.append("\n| source | its terms |\n|---|---|")
    for source in GIVEN:
        stated = WALK.sources[source]
        terms = [*stated.terms, *(f"{name}-1 …" for name in stated.numbered)]
        parts.append(f"| `{source}` | {', '.join(f'`{term}`' for term in terms)} |")
    parts.append("\n## In other vocabularies\n\n| purpose | DPV | fideslang |\n|---|---|---|")
    for purpose in PURPOSES:
        terms = WALK.purposes[purpose]
        parts.append(f"| `{purpose}` | {', '.join(terms.dpv)} | {', '.join(terms.fideslang)} |")
    parts += [GPC.rstrip(), settings(), TAIL.rstrip(), ""]
    return "\n".join(parts)


SETTINGS = {
    "stale_after_days": "an older signal denies",
    "accept": "by source, the purposes it may allow",
    "crosswalk": "the version of the cross-walk",
    "map": "by source and purpose, cells that replace those of the cross-walk: `allow` lists "
    "alternatives, `object` opt-outs",
    "vendors": "IAB ids of those you share data with; a TC string must agree to each",
    "gpc.purposes": "what GPC objects to beside `share`",
    "gpc.bases": "while it rests on one of these",
    "gpc.jurisdictions": "where the person is",
}


def settings() -> str:
    """The keys of ``[signals]``, with what holds when they are left out."""
    empty = {"accept": "nothing", "map": "nothing", "vendors": "none"}
    rows = []
    for key, title in SETTINGS.items():
        name, _, inner = key.partition(".")
        field = (GpcRule if inner else Signals).model_fields[inner or name]
        default = field.default if not isinstance(field.default, tuple) else list(field.default)
        said = empty.get(key) or f"`{default}`".replace("'", '"')
        rows.append(f"| `{key}` | {title} | {said} |")
    return "\n".join(["\n## `[signals]`\n\n| key | says | left out |\n|---|---|---|", *rows])


def test_the_page_is_the_cross_walk():
    """Nobody has to remember to update it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_the_page_has_every_source_field_and_key():
    """A new one fails here until it is written about."""
    assert set(GIVEN) == {*CORE, "tcf", "gpp"} == set(WALK.sources)
    for field in Signal.__dataclass_fields__:
        assert f"`{field}`" in HEAD
    keys = {key.partition(".")[0] for key in SETTINGS}
    assert keys == set(Signals.model_fields)
    inner = {key.partition(".")[2] for key in SETTINGS if "." in key}
    assert inner == set(GpcRule.model_fields)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
