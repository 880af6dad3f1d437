"""Every cell of the cross-walk, and what a policy may make of it."""

from datetime import UTC, datetime

import pytest

from knowingly.domain.signal import Said, Signal, SignalContext
from knowingly.policy import crosswalk, load_policy, normalise, parse_policy
from knowingly.policy.purposes import DPV
from knowingly.policy.signals import GDPR_COUNTRIES, GpcRule, Signals

WALK = crosswalk(1)
PURPOSES = ("personalize", "contextual", "train", "measure", "marketing", "share")
AT = datetime(2026, 3, 1, tzinfo=UTC)
CONSENT = dict.fromkeys(PURPOSES, "consent")


def meaning(source, answers, *, signals=None, basis_of=CONSENT, place=None, at=None):
    return normalise(
        Said(answers, at),
        Signal(source, at=AT),
        SignalContext(AT, place),
        signals=signals or Signals(),
        basis_of=basis_of,
    )


CELLS = {
    # source, purpose: the answers that allow, each of which refuses when it is the other one
    ("shopify", "personalize"): ["preferences", "analytics"],
    ("shopify", "train"): ["analytics"],
    ("shopify", "measure"): ["analytics"],
    ("shopify", "share"): ["marketing", "sale_of_data"],
    ("shopify_email", "marketing"): ["email"],
    ("consent_mode", "personalize"): ["personalization_storage"],
    ("consent_mode", "train"): ["analytics_storage"],
    ("consent_mode", "measure"): ["analytics_storage"],
    ("consent_mode", "share"): ["ad_storage", "ad_user_data", "ad_personalization"],
    ("tcf", "personalize"): [f"publisher-consent-{number}" for number in (1, 5, 6)],
    ("tcf", "train"): ["publisher-consent-10"],
    ("tcf", "measure"): [f"publisher-consent-{number}" for number in (8, 9, 10)],
    ("tcf", "share"): ["purpose-1", "purpose-3", "purpose-4", "vendors"],
}
EITHER = {("tcf", "contextual"): ["publisher-consent-11", "publisher-li-11"]}
OPT_OUTS = {
    ("gpc", "share"): {"gpc": "yes"},
    ("gpp", "share"): {
        "gpc": "yes",
        "uspv1-sale-opt-out": "yes",
        "usnat-sale-opt-out": "yes",
        "usnat-sharing-opt-out": "yes",
        "usnat-targeted-advertising-opt-out": "yes",
        "usnat-child-consent": "no",
        "usnat-personal-data-consent": "no",
        "usca-sale-opt-out": "yes",
        "usca-sharing-opt-out": "yes",
        "usca-child-consent": "no",
        "usca-personal-data-consent": "no",
    },
}
EMPTY = {
    ("shopify", "contextual"),
    ("shopify", "marketing"),
    *(("shopify_email", purpose) for purpose in PURPOSES if purpose != "marketing"),
    *(("shopify_sms", purpose) for purpose in PURPOSES),
    ("consent_mode", "contextual"),
    ("consent_mode", "marketing"),
    ("tcf", "marketing"),
    *(("gpc", purpose) for purpose in PURPOSES if purpose != "share"),
    *(("gpp", purpose) for purpose in PURPOSES if purpose != "share"),
}


def test_every_cell_is_tested_here():
    """Each source beside each purpose: it has a cell above, or is empty and said to be."""
    tested = {*CELLS, *EITHER, *OPT_OUTS}
    stated = {(source, purpose) for source, cells in WALK.signals.items() for purpose in cells}
    assert stated == tested
    assert tested | EMPTY == {(source, purpose) for source in WALK.sources for purpose in PURPOSES}
    assert not tested & EMPTY


@pytest.mark.parametrize(("source", "purpose"), CELLS, ids="-".join)
def test_a_cell_allows_when_every_term_agrees(source, purpose):
    """A missing one is silence, and a contrary one a refusal."""
    terms = CELLS[source, purpose]
    yes = dict.fromkeys(terms, "yes")
    assert purpose in meaning(source, yes).allows
    for term in terms:
        for silence in ({**yes, term: ""}, {name: "yes" for name in terms if name != term}):
            found = meaning(source, silence)
            assert purpose not in found.allows | found.refuses | found.objects
        refused = meaning(source, {**yes, term: "no"})
        assert purpose in refused.refuses - refused.allows - refused.objects
    assert purpose in meaning(source, dict.fromkeys(terms, "no")).refuses
    assert purpose not in meaning(source, {}).allows | meaning(source, {}).refuses


@pytest.mark.parametrize(("source", "purpose"), EITHER, ids="-".join)
def test_of_alternatives_one_is_enough(source, purpose):
    """It is refused when both are, and silent until then."""
    one, other = EITHER[source, purpose]
    assert purpose in meaning(source, {one: "yes"}).allows
    assert purpose in meaning(source, {one: "no", other: "yes"}).allows
    assert purpose in meaning(source, {one: "no", other: "no"}).refuses
    half = meaning(source, {one: "no"})
    assert purpose not in half.allows | half.refuses


@pytest.mark.parametrize(
    ("source", "purpose", "term"),
    [(source, purpose, term) for (source, purpose), said in OPT_OUTS.items() for term in said],
    ids="-".join,
)
def test_an_opt_out_objects_and_its_contrary_says_nothing(source, purpose, term):
    """Each alone; that nobody opted out is no agreement."""
    answer = OPT_OUTS[source, purpose][term]
    found = meaning(source, {term: answer})
    assert found.objects == found.refuses == {purpose}
    contrary = "no" if answer == "yes" else "yes"
    for other in (contrary, ""):
        found = meaning(source, {term: other})
        assert not found.allows | found.refuses | found.objects


@pytest.mark.parametrize(("source", "purpose"), sorted(EMPTY), ids="-".join)
def test_an_empty_cell_is_silent_whatever_is_said(source, purpose):
    """All of its source's terms with one answer change nothing."""
    stated = WALK.sources[source]
    terms = [*stated.terms, *(f"{name}-{n}" for name in stated.numbered for n in range(1, 25))]
    for answer in ("yes", "no", ""):
        found = meaning(source, dict.fromkeys(terms, answer))
        assert purpose not in found.allows | found.refuses | found.objects


def test_every_term_of_a_cell_is_one_of_its_source():
    """No cell waits for a word that nobody says."""
    for source, cells in WALK.signals.items():
        for cell in cells.values():
            assert all(WALK.sources[source].has(term) for term in cell.terms)


def test_each_purpose_has_its_names_in_other_vocabularies():
    """The five that people are asked, and the contextual page."""
    assert set(WALK.purposes) == set(PURPOSES)
    assert set(load_policy().purposes) <= set(PURPOSES)
    for name, terms in WALK.purposes.items():
        assert set(terms.dpv) == set(DPV.get(name, terms.dpv))
        assert terms.fideslang


def test_the_time_of_a_signal_is_its_own_if_it_tells():
    """Else when it was read."""
    own = datetime(2026, 1, 1, tzinfo=UTC)
    assert meaning("shopify", {}).at == AT
    assert meaning("tcf", {}, at=own).at == own


INTEREST = {**CONSENT, "personalize": "legitimate_interest"}


@pytest.mark.parametrize(
    ("place", "basis_of", "objects"),
    [
        ("DE", INTEREST, {"share", "personalize"}),
        ("GB", INTEREST, {"share", "personalize"}),
        ("DE-BY", INTEREST, {"share", "personalize"}),
        (None, INTEREST, {"share", "personalize"}),
        ("US-CA", INTEREST, {"share"}),
        ("CH", INTEREST, {"share"}),
        ("DE", CONSENT, {"share"}),
        (None, CONSENT, {"share"}),
        ("DE", {}, {"share"}),
    ],
)
def test_gpc_objects_to_personalize_where_the_policy_says(place, basis_of, objects):
    """By default under the GDPR, on a legitimate interest; in California never. Share always."""
    for source in ("gpc", "gpp"):
        found = meaning(source, {"gpc": "yes"}, basis_of=basis_of, place=place)
        assert found.objects == objects
        assert found.refuses == objects


def test_a_shop_can_say_where_gpc_counts():
    """For its own purposes, bases and places; it cannot say that GPC spares share."""
    rule = GpcRule(purposes=("train",), bases=("consent",), jurisdictions=("US-CA",))
    signals = Signals(gpc=rule, map={"gpc": {"share": {}}})
    for place, objects in (
        ("US-CA", {"share", "train"}),
        ("US", {"share", "train"}),
        ("US-NY", {"share"}),
        ("DE", {"share"}),
    ):
        found = meaning("gpc", {"gpc": "yes"}, signals=signals, place=place)
        assert found.objects == objects
    everywhere = GpcRule(bases=("consent",), jurisdictions=("everywhere",))
    found = meaning("gpc", {"gpc": "yes"}, signals=Signals(gpc=everywhere), place="JP")
    assert found.objects == {"share", "personalize"}
    nowhere = Signals(gpc=GpcRule(jurisdictions=()))
    assert meaning("gpc", {"gpc": "yes"}, signals=nowhere, basis_of=INTEREST).objects == {"share"}


def test_the_countries_of_the_gdpr_are_all_there():
    """27 of the union and the union itself, three of the EEA, and the United Kingdom."""
    assert len(GDPR_COUNTRIES) == 27 + 1 + 3 + 1


def test_a_shops_own_cell_replaces_the_shipped_one():
    """Of that source and purpose, and no other."""
    signals = Signals(map={"shopify": {"personalize": {"allow": [{"preferences": "yes"}]}}})
    found = meaning("shopify", {"preferences": "yes", "analytics": "no"}, signals=signals)
    assert found.allows == {"personalize"}
    assert found.refuses == {"train", "measure"}
    own = Signals(map={"shopify": {"share": {"object": [{"sale_of_data": "no"}]}}})
    assert meaning("shopify", {"sale_of_data": "no"}, signals=own).objects == {"share"}


def test_what_is_opted_out_of_is_not_allowed_by_the_same_signal():
    """The objection holds where a cell says both."""
    cell = {"allow": [{"analytics": "yes"}], "object": [{"marketing": "no"}]}
    signals = Signals(map={"shopify": {"measure": cell}})
    found = meaning("shopify", {"analytics": "yes", "marketing": "no"}, signals=signals)
    assert "measure" in found.objects & found.refuses - found.allows
    own = Signals(map={"gpp": {"personalize": {"allow": [{"usnat-sale-opt-out": "no"}]}}})
    both = {"gpc": "yes", "usnat-sale-opt-out": "no"}
    found = meaning("gpp", both, signals=own, basis_of=INTEREST, place="DE")
    assert "personalize" in found.objects & found.refuses - found.allows


def test_the_policys_hash_tells_one_map_from_another():
    """What counts for what is part of what a decision rested on."""
    text = '[purposes.personalize]\ntitle = "x"\ndescription = "x"\n'
    own = text + '[signals.map.shopify]\npersonalize.allow = [{ preferences = "yes" }]\n'
    assert parse_policy(text).digest != parse_policy(own).digest
