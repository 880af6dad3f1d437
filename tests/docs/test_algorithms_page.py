"""The page of algorithms says what their options say; run this file to write it anew."""

import json
import typing
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from knowingly import Algorithm
from knowingly_plugins.bought_together import BoughtTogether
from knowingly_plugins.content import Content
from knowingly_plugins.item_item import AlsoBought, AlsoViewed, ItemItem
from knowingly_plugins.popularity import PopularInCategory, Popularity
from knowingly_plugins.spectral import Spectral
from knowingly_plugins.trending import Trending

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "algorithms.md"
ON_THE_PAGE: dict[type[Algorithm[typing.Any]], str] = {
    Popularity: "popularity",
    PopularInCategory: "popular_in_category",
    Trending: "trending",
    ItemItem: "item_item",
    AlsoViewed: "also_viewed",
    AlsoBought: "also_bought",
    BoughtTogether: "bought_together",
    Content: "content",
    Spectral: "spectral",
}
with suppress(ModuleNotFoundError):  # an extra, whose tests are an environment of their own
    from knowingly_plugins.lightfm_hybrid import LightFMHybrid

    ON_THE_PAGE[LightFMHybrid] = "lightfm_hybrid"


def page() -> str:
    """The page with the tables of options written anew; all other words stay."""
    lines, table = [], ""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("## "):
            named = [kind for kind, name in ON_THE_PAGE.items() if line == f"## `{name}`"]
            table = _table(named[0].options_type) if named else ""
        if table and line == "| option | left out | means |":
            lines.append(table)
        elif not (table and line.startswith("|")):
            lines.append(line)
    return "\n".join(lines) + "\n"


def _table(options: type[BaseModel]) -> str:
    rows = ["| option | left out | means |", "|---|---|---|"]
    for name, field in options.model_fields.items():
        default = json.dumps(field.get_default(), default=str)
        shown = "nothing" if default == "null" else f"`{default}`"
        rows.append(f"| `{name}` | {shown} | {field.description} |")
    return "\n".join(rows)


def test_every_algorithm_has_its_place():
    """A heading of its own, with a table of its options."""
    text = PAGE.read_text("utf-8")
    for kind, name in ON_THE_PAGE.items():
        assert kind.name == name
        assert f"\n## `{name}`\n" in text


def test_the_page_says_what_the_options_say():
    """Names, defaults and meanings."""
    assert PAGE.read_text("utf-8") == page()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
