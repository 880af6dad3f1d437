"""``[signals]``: what banners and browsers may decide, and which answer counts for what."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from knowingly.domain.signal import Said, Signal, SignalContext
from knowingly.policy.crosswalk import Cell, Cells, Source, crosswalk, read_answers
from knowingly.policy.purposes import Basis
from knowingly.policy.section import (
    Days,
    Section,
    Slug,
    Whole,
    no_such_purpose,
    without_repeats,
)

SHARE = "share"
GPC = "gpc"
"""The term by which a standard says that Global Privacy Control is on."""
PERSONAL = ("personalize", "train")
"""What an agreement to marketing or advertising never stands for."""
GDPR_COUNTRIES = frozenset(
    [
        *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "EU", "FI", "FR", "GB", "GR", "HR"),
        *("HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE"),
        *("SI", "SK"),
    ]
)
"""The European Economic Area, as a whole or one by one, and the United Kingdom with its GDPR."""

Loc = tuple[str | int, ...]
Place = Annotated[str, StringConstraints(pattern=r"^([A-Z]{2}(-[A-Z0-9]{1,3})?|gdpr|everywhere)$")]
Places = Annotated[tuple[Place, ...], Field(max_length=300), AfterValidator(without_repeats)]
Purposes = Annotated[tuple[Slug, ...], AfterValidator(without_repeats)]
VendorIds = Annotated[tuple[Annotated[Whole, Field(ge=1, le=65_535)], ...], Field(max_length=500)]


class GpcRule(Section):
    """What Global Privacy Control objects to beside ``share``: these purposes, where both hold."""

    purposes: Purposes = ("personalize",)
    """What Global Privacy Control objects to; it refuses `share` whatever this says."""
    bases: Annotated[tuple[Basis, ...], AfterValidator(without_repeats)] = ("legitimate_interest",)
    """While they rest on one of these lawful bases."""
    jurisdictions: Places = ("gdpr",)
    """Where the person is: a jurisdiction, `"gdpr"` for all where it holds, or `"everywhere"`."""

    def objected(self, basis_of: Mapping[str, str], jurisdiction: str | None) -> frozenset[str]:
        """The purposes that GPC objects to; where nobody knows the place, as in the strictest."""
        if not any(_is_in(jurisdiction, place) for place in self.jurisdictions):
            return frozenset()
        return frozenset(name for name in self.purposes if basis_of.get(name) in self.bases)


def _is_in(jurisdiction: str | None, place: str) -> bool:
    if jurisdiction is None or place in ("everywhere", jurisdiction):
        return True
    if place == "gdpr":
        return jurisdiction.partition("-")[0] in GDPR_COUNTRIES
    # Somebody in the US may be in California.
    return jurisdiction.startswith(f"{place}-") or place.startswith(f"{jurisdiction}-")


class Signals(Section):
    """What a banner or browser may decide; nothing unless it is named here."""

    stale_after_days: Days = 395
    """An older signal denies."""
    accept: dict[Slug, Purposes] = Field(default_factory=dict)
    """Which source may allow which purposes; any may refuse."""
    crosswalk: Literal[1] = 1
    """The version of the shipped cross-walk, which says which answers count for which purpose."""
    map: dict[Slug, dict[Slug, Cell]] = Field(default_factory=dict, max_length=50)
    """Cells that replace those of the cross-walk, by source and purpose."""
    vendors: VendorIds = ()
    """The IAB vendor ids of those the shop shares data with: TCF must agree to each."""
    gpc: GpcRule = GpcRule()
    """When Global Privacy Control is an objection to more than `share`."""

    @cached_property
    def cells(self) -> Cells:
        """What counts for each purpose, by source: the shipped cells, and the shop's over them."""
        shipped = crosswalk(self.crosswalk).signals
        return {
            source: {**shipped.get(source, {}), **self.map.get(source, {})}
            for source in {*shipped, *self.map}
        }


def normalise(
    said: Said,
    evidence: Signal,
    context: SignalContext,
    *,
    signals: Signals,
    basis_of: Mapping[str, str],
) -> Signal:
    """What a source said, as purposes of the shop: pure, like all of this file.

    Args:
        said: What was decoded.
        evidence: The signal it came as: from which source, when it was sent, how it was read.
        context: The request it came with.
        signals: The policy's section.
        basis_of: The lawful basis of each purpose of the policy.
    """
    objects: frozenset[str] = frozenset()
    if said.answers.get(GPC) == "yes":
        # Whatever a shop's own map says, and whichever standard it came in.
        objects = frozenset({SHARE}) | signals.gpc.objected(basis_of, context.jurisdiction)
    meaning = read_answers(said.answers, signals.cells.get(evidence.source, {}), objects=objects)
    return replace(
        evidence,
        allows=meaning.allows,
        refuses=meaning.refuses,
        objects=meaning.objects,
        at=said.at or evidence.at,
    )


def signal_misfits(signals: Signals, purposes: Mapping[str, object]) -> Iterator[tuple[Loc, str]]:
    """Where the section does not fit the purposes or the cross-walk: the place, and the cure."""
    for source, names in signals.accept.items():
        yield from _undeclared(names, purposes, ("signals", "accept", source))
    if "purposes" in signals.gpc.model_fields_set:
        yield from _undeclared(signals.gpc.purposes, purposes, ("signals", "gpc", "purposes"))
    known = crosswalk(signals.crosswalk).sources
    for source, cells in signals.map.items():
        for purpose, cell in cells.items():
            loc = ("signals", "map", source, purpose)
            yield from _undeclared((purpose,), purposes, loc)
            if source in known:
                yield from _misfits_of(cell, purpose, source, known[source], loc)


def _undeclared(
    names: tuple[str, ...], purposes: Mapping[str, object], loc: Loc
) -> Iterator[tuple[Loc, str]]:
    for name in names:
        if name not in purposes:
            yield loc, no_such_purpose(name)


def _misfits_of(
    cell: Cell, purpose: str, source: str, stated: Source, loc: Loc
) -> Iterator[tuple[Loc, str]]:
    for term in sorted(cell.terms):
        if not stated.has(term):
            numbered = (f"{name}-1 …" for name in stated.numbered)
            there_are = ", ".join((*stated.terms, *numbered))
            yield loc, f"{source} has no {term!r}: its terms are {there_are}"
    if purpose in PERSONAL and any(set(one) <= set(stated.marketing) for one in cell.allow):
        yield loc, "agreeing to marketing is not agreeing to this: name another term beside it"
