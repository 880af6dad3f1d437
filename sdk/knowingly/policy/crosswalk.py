"""The cross-walk: what a standard's answers count for, as versioned data and two pure functions."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import Field

from knowingly.policy.section import Section, Slug, Whole

Condition = Annotated[dict[Slug, Literal["yes", "no"]], Field(min_length=1, max_length=20)]
"""Terms with the answers they must all have. Silence is no answer to wait for."""
Conditions = Annotated[tuple[Condition, ...], Field(max_length=50)]


class Cell(Section):
    """What counts for one purpose in the words of one standard.

    ``allow``: any of these, each whole. ``object``: any of these is an opt-out.
    """

    allow: Conditions = ()
    object: Conditions = ()

    def meaning(self, answers: Mapping[str, str]) -> Literal["allows", "refuses", "objects", ""]:
        """What the answers come to; the gravest holds."""
        if any(_is_met(condition, answers) for condition in self.object):
            return "objects"
        if any(_is_met(condition, answers) for condition in self.allow):
            return "allows"
        if self.allow and all(_is_contradicted(one, answers) for one in self.allow):
            return "refuses"
        return ""

    @property
    def terms(self) -> frozenset[str]:
        """Every term it asks for."""
        return frozenset(term for one in (*self.allow, *self.object) for term in one)


def _is_met(condition: Mapping[str, str], answers: Mapping[str, str]) -> bool:
    return all(answers.get(term, "") == answer for term, answer in condition.items())


def _is_contradicted(condition: Mapping[str, str], answers: Mapping[str, str]) -> bool:
    return any(answers.get(term, "") not in {"", answer} for term, answer in condition.items())


Cells = Mapping[str, Mapping[str, Cell]]
"""By source, then by purpose."""


class Terms(Section):
    """A purpose in other vocabularies."""

    dpv: tuple[str, ...]
    fideslang: tuple[str, ...]


class Source(Section):
    """The terms of one standard; those of ``marketing`` never personalize by themselves."""

    terms: tuple[Slug, ...]
    numbered: tuple[Slug, ...] = ()
    marketing: tuple[Slug, ...] = ()

    def has(self, term: str) -> bool:
        """Whether the standard has such a term."""
        name, _, number = term.rpartition("-")
        is_numbered = number.isdigit() and not number.startswith("0")
        return term in self.terms or (name in self.numbered and is_numbered)


class Crosswalk(Section):
    """One version of the cross-walk, as its file has it."""

    version: Whole
    purposes: dict[Slug, Terms]
    sources: dict[Slug, Source]
    signals: dict[Slug, dict[Slug, Cell]]


@cache
def crosswalk(version: int) -> Crosswalk:
    """The cross-walk of a version that ships; older ones stay, for policies that name them."""
    text = resources.files(__package__).joinpath(f"crosswalk_{version}.toml").read_text("utf-8")
    return Crosswalk.model_validate(tomllib.loads(text))


@dataclass(frozen=True, slots=True)
class Meaning:
    """Which purposes a signal allows, refuses, and objects to; the last are refused as well."""

    allows: frozenset[str] = frozenset()
    refuses: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()


def read_answers(
    answers: Mapping[str, str],
    cells: Mapping[str, Cell],
    *,
    objects: frozenset[str] = frozenset(),
) -> Meaning:
    """What a standard's answers mean for the shop's purposes.

    Args:
        answers: Each term of the standard, with its answer.
        cells: By purpose, what counts for it in this standard's words.
        objects: Purposes objected to for another reason.
    """
    found = {purpose: cell.meaning(answers) for purpose, cell in cells.items()}
    objects |= {purpose for purpose, meaning in found.items() if meaning == "objects"}
    refused = {purpose for purpose, meaning in found.items() if meaning == "refuses"}
    allowed = {purpose for purpose, meaning in found.items() if meaning == "allows"}
    return Meaning(frozenset(allowed - objects), frozenset(refused | objects), objects)
