"""Policies come and go, and nobody's yes counts for more than they were told."""

import hashlib
import json
from datetime import timedelta

import pytest

import knowingly
from knowingly.activation import policy_at, policy_of
from knowingly.domain.moments import to_us
from knowingly.store.doors import Store

MAILER = {"name": "Mail Ltd", "role": "processor", "country": "IE"}
NARROW = knowingly.load_policy()


def wider(policy, **changes):
    """The policy with a recipient more for ``personalize``, and a notice that says so."""
    said = policy.purposes["personalize"].model_dump()
    old = policy.notices[0].model_dump()
    return policy.model_copy(
        update={
            "recipients": {"mailer": MAILER},
            "purposes": {**policy.purposes, "personalize": {**said, "recipients": ["mailer"]}},
            "notices": [old, {**old, "id": "2026-02/en", "text": "We also tell Mail Ltd."}],
            **changes,
        }
    )


WIDE = wider(NARROW)


@pytest.fixture
def ann(house, agree):
    """A shop in which Ann agreed to the shipped policy's notice, and looked at a cup; closed."""
    shop = house.open()
    shop.items.upsert([{"id": "cup"}, {"id": "pot"}])
    agree(shop, "ann")
    shop.track("ann", "view", "cup")
    house.close()
    house.clock.forward(hours=1)
    return house


def reason(shop, purpose="personalize", who="ann"):
    return shop.consent.status(who)[purpose].reason


def test_a_purpose_that_widens_asks_again(ann, agree):
    """Nobody raised a version: the recipient is enough; stored events are out of reach."""
    shop = ann.open(policy=WIDE)
    assert reason(shop) == "reconsent"
    assert reason(shop, "train") == "granted"
    view = shop.profiles.view("ann", "personalize")
    assert (view.events, view.decision.reason) == ((), "reconsent")
    assert shop.recommend("ann").basis != "personal"
    dropped = shop.track("ann", "view", "pot")
    assert dropped.kept == 1  # for the purposes that did not widen
    with pytest.raises(knowingly.ConsentError, match="does not cover today's") as caught:
        agree(shop, "ann", ["personalize"])
    assert caught.value.reason == "reconsent"
    ann.clock.forward(hours=1)
    shop.consent.grant("ann", ["personalize"], notice="2026-02/en")
    assert reason(shop) == "granted"
    shop.track("ann", "view", "pot")
    assert len(shop.profiles.view("ann", "personalize").events) == 1
    assert shop.audit.verify().size


def test_retention_takes_what_the_wider_purpose_may_not_use(ann):
    """As for any yes that lapsed."""
    shop = ann.open(policy=WIDE)
    assert shop.retain(apply=True).expired["events"] == {"lapsed": 1}
    ann.close()
    back = ann.open(policy=NARROW)
    assert reason(back) == "granted"
    assert back.profiles.view("ann", "personalize").events == ()


def test_a_purpose_that_narrows_asks_nobody(ann):
    """Neither who agreed to the wide one, nor who agreed before it was wide."""
    shop = ann.open(policy=WIDE)
    shop.consent.grant("bob", ["personalize"], notice="2026-02/en")
    ann.close()
    ann.clock.forward(hours=1)
    back = WIDE.model_copy(update={"purposes": NARROW.purposes})
    shop = ann.open(policy=back)
    assert (reason(shop), reason(shop, who="bob")) == ("granted", "granted")


def test_narrow_in_between_and_wide_again_asks_again(ann):
    """Cat agreed to the notice while the purpose was narrow: nobody can tell her from Bob."""
    shop = ann.open(policy=WIDE)
    shop.consent.grant("bob", ["personalize"], notice="2026-02/en")
    ann.close()
    shop = ann.open(policy=WIDE.model_copy(update={"purposes": NARROW.purposes}))
    ann.clock.forward(hours=1)
    shop.consent.grant("cat", ["personalize"], notice="2026-02/en")
    ann.close()
    shop = ann.open(policy=WIDE)
    assert [reason(shop, who=who) for who in ("ann", "bob", "cat")] == ["reconsent"] * 3


def test_two_policies_take_turns_and_nothing_is_lost(ann):
    """Old and new processes of a deploy, each started anew: every yes counts where it was given."""
    ann.open(policy=WIDE).consent.grant("bob", ["personalize"], notice="2026-02/en")
    for _ in range(2):
        old, new = ann.open(policy=NARROW), ann.open(policy=WIDE)
        assert (reason(old), reason(old, who="bob")) == ("granted", "reconsent")
        assert (reason(new), reason(new, who="bob")) == ("reconsent", "granted")
    assert ann.count("policies") == 2
    found = new.audit.policies()
    assert [one.digest for one in found] == [
        one.digest for one in (NARROW, WIDE, NARROW, WIDE, NARROW, WIDE)
    ]
    assert new.audit.verify().size


def test_processes_that_open_at_once_corrupt_nothing(ann, child, wait):
    """Each with its own policy, again and again."""

    def reopen(policy):
        for _ in range(4):
            knowingly.open(ann.url, policy=policy, keys=ann.key, clock=ann.clock).close()

    children = [child(lambda policy=policy: reopen(policy)) for policy in (NARROW, WIDE, WIDE)]
    assert [wait(one) for one in children] == [0, 0, 0]
    shop = ann.open(policy=WIDE)
    assert ann.count("policies") == 2
    assert reason(shop) == "reconsent"
    shop.audit.verify()


def test_a_second_opening_writes_nothing(ann, monkeypatch):
    """Not even a transaction that could."""
    ann.open()
    monkeypatch.setattr(Store, "write", None)
    shop = ann.open()
    assert len(shop.audit.policies()) == 1


def test_a_notice_whose_words_changed_is_refused_and_nothing_is_written(ann):
    """Also when it was taken out in between: an id stands for its words for ever."""
    ann.open(policy=WIDE.model_copy(update={"notices": WIDE.notices[1:]}))
    ann.close()
    before = ann.rows("SELECT * FROM tenants"), ann.count("policies"), ann.count("ledger_entries")
    other = {**NARROW.notices[0].model_dump(), "text": "Other words."}
    edited = NARROW.model_copy(update={"notices": [other]})
    with pytest.raises(knowingly.PolicyError, match="give the new words a new id") as caught:
        ann.open(policy=edited)
    assert caught.value.path == "notices[0].text"
    assert "Other words" not in str(caught.value)
    now = ann.rows("SELECT * FROM tenants"), ann.count("policies"), ann.count("ledger_entries")
    assert now == before
    ann.open(policy=NARROW.model_copy(update={"notices": [{**other, "id": "2026-03/en"}]}))


def test_the_policy_that_ships_never_takes_the_place_of_another(ann, tmp_path, monkeypatch):
    """As when a command is run in a folder that has no policy.toml."""
    monkeypatch.chdir(tmp_path)
    ann.open(policy=None).close()
    ann.open(policy=WIDE)
    before = ann.count("ledger_entries")
    with pytest.raises(knowingly.PolicyError, match="name its file with --policy") as caught:
        ann.open(policy=None)
    assert caught.value.path == "policy.toml"
    assert ann.count("ledger_entries") == before
    assert ann.open(policy=None, tenant="acme").policy.digest == NARROW.digest
    assert ann.open(policy=NARROW).policy.digest == NARROW.digest


def test_the_policy_that_ships_takes_the_place_of_an_older_releases(ann, tmp_path, monkeypatch):
    """Which said the same, but for keys that are new."""
    monkeypatch.chdir(tmp_path)
    said = json.loads(NARROW.body)
    del said["evidence"]
    body = json.dumps(said, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    ann.run("UPDATE policies SET digest = ?, body = ?", digest, body)
    ann.run("UPDATE policy_activations SET digest = ?", digest)
    ann.run("UPDATE tenants SET policy_digest = ?", digest)
    shop = ann.open(policy=None)
    assert [one.digest for one in shop.audit.policies()] == [digest, NARROW.digest]
    assert shop.audit.policies()[1].asks == ()
    assert reason(shop) == "granted"


def test_merchants_have_histories_of_their_own(ann):
    """One that begins with the wide policy has nobody to ask again."""
    shop = ann.open(policy=WIDE, tenant="acme")
    shop.consent.grant("ann", ["personalize"], notice="2026-01/en")
    assert reason(shop) == "granted"
    assert len(shop.audit.policies()) == 1


def test_the_policy_of_a_past_moment_answers_as_it_did(ann):
    """With the notices that counted then, whatever came after."""
    first = ann.clock()
    shop = ann.open(policy=WIDE)
    second = ann.clock.forward(hours=1)
    narrower = {**WIDE.purposes["personalize"].model_dump(), "keep_days": 30}
    last = WIDE.model_copy(update={"purposes": {**WIDE.purposes, "personalize": narrower}})
    shop = ann.open(policy=last)
    ann.clock.forward(hours=1)
    assert shop.audit.policy(first - timedelta(days=1)) is None
    assert shop.audit.policy(first - timedelta(minutes=1)).digest == NARROW.digest
    then = shop.audit.policy(second - timedelta(minutes=1))
    assert then.digest == WIDE.digest
    assert then.covering("personalize") == {"2026-02/en"}
    assert shop.audit.policy().digest == last.digest
    assert [one.asks for one in shop.audit.policies()] == [(), ("personalize",), ()]
    with shop._tenancy.read() as snapshot:
        assert policy_at(snapshot, to_us(second)).digest == last.digest
        named = policy_of(snapshot, WIDE.digest[:16], log_size=3)
        assert named.covering("personalize") == {"2026-02/en"}
        # Since it stood beside the notice for shorter, the notice tells of no more than that.
        assert policy_of(snapshot, WIDE.digest).covering("personalize") == frozenset()
        assert policy_of(snapshot, WIDE.digest, log_size=2) is None
        assert policy_of(snapshot, "") is None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("DELETE FROM policies", "is not as it was"),
        ("UPDATE policies SET body = '{}'", "is not as it was"),
        ("UPDATE policies SET digest = 'x' || digest", "is not as it was"),
        ("DELETE FROM policy_activations", "is not as it states"),
        ("UPDATE policy_activations SET at_us = at_us + 1", "is not as it states"),
        ("INSERT INTO policies VALUES (1, 'x', '{}')", "no entry put into force"),
    ],
)
def test_a_history_that_was_edited_is_found(ann, change, says):
    """A notice told what these say: they are as safe as the log."""
    shop = ann.open()
    shop.audit.verify()
    ann.run(change)
    with pytest.raises(knowingly.TamperedError, match=says):
        shop.audit.verify()


def test_a_shop_does_not_open_on_a_history_that_was_edited(ann):
    """What people were told can no longer be known."""
    ann.run("UPDATE policies SET body = replace(body, '730', '999')")
    with pytest.raises(knowingly.LedgerError, match="knowingly audit verify"):
        ann.open(policy=WIDE)
