"""Two random histories, merged: no permission widens, no no is lost, and the log adds up."""

import tempfile
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import knowingly
from knowingly.domain.moments import EPOCH
from knowingly.profiles.datamap import tables_to_export
from knowingly.vault.root import write_root_key

NOTICE = "2026-01/en"
PURPOSES = ("personalize", "train", "measure")
SAID_NO = ("refuse", "withdraw", "object")
FIELDS = {
    "size": {"title": "Size", "purposes": ["personalize", "measure"]},
    "tone": {"title": "Tone", "purposes": ["train"]},
}

sides = st.sampled_from(["session", "account"])
purposes = st.sets(st.sampled_from(PURPOSES), min_size=1).map(sorted)
ACTS = st.one_of(
    st.tuples(st.just("grant"), sides, purposes),
    st.tuples(st.sampled_from(SAID_NO), sides, purposes),
    st.tuples(st.sampled_from(["restrict", "lift_restriction"]), sides, st.just(())),
    st.tuples(st.just("track"), sides, st.sampled_from(["i0", "i1"])),
    st.tuples(st.just("set"), sides, st.sampled_from(["size", "tone"])),
)


class Two:
    """A shop with a session and an account, both known and allowing nothing yet."""

    def __init__(self, folder: Path, basis: str) -> None:
        self.now = EPOCH.replace(year=2026)
        policy = knowingly.load_policy()
        based = {**policy.purposes["measure"].model_dump(), "basis": basis}
        policy = policy.model_copy(
            update={"data": FIELDS, "purposes": {**policy.purposes, "measure": based}}
        )
        write_root_key(folder / "key")
        self.shop = knowingly.open(
            f"sqlite:///{folder}/shop.db",
            policy=policy,
            keys=folder / "key",
            clock=lambda: self.now,
        )
        self.shop.items.upsert([{"id": "i0"}, {"id": "i1"}])
        self.refused: set[str] = set()
        self.is_restricted = False
        for side in ("session", "account"):
            self.shop.consent.refuse(side, ["share"])

    def do(self, act: tuple[str, str, object]) -> None:
        self.now += timedelta(minutes=1)
        verb, side, what = act
        if verb == "grant":
            self.shop.consent.grant(side, what, notice=NOTICE)
        elif verb in SAID_NO:
            getattr(self.shop.consent, verb)(side, what)
        elif verb == "track":
            self.shop.track(side, "view", what)
        elif verb == "set":
            self.shop.profiles.set(side, {what: f"{side} at {self.now}"})
        else:
            getattr(self.shop.rights, verb)(side)
        if side == "session":
            self.refused |= set(what) if verb in SAID_NO else set()
            self.refused -= set(what) if verb == "grant" else set()
            self.is_restricted = verb == "restrict" or (
                self.is_restricted and verb != "lift_restriction"
            )

    def allowed(self, side: str) -> set[str]:
        return {name for name, one in self.shop.consent.status(side).items() if one.allowed}

    def seen(self, side: str, purpose: str) -> set[tuple[object, ...]]:
        view = self.shop.profiles.view(side, purpose)
        events = {(event.item, event.at_us) for event in view.events}
        return events | {(trait.field, trait.value) for trait in view.traits.values()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ACTS, max_size=14), st.sampled_from(["consent", "legitimate_interest"]))
def test_a_merge_never_widens(acts, basis):
    """Allowed after: only what the account allowed before and the session had not refused.

    Seen after: only what its side showed that purpose before. And what is exported is what an
    erasure then removes.
    """
    with tempfile.TemporaryDirectory() as folder:
        two = Two(Path(folder), basis)
        for act in acts:
            two.do(act)
        two.now += timedelta(minutes=1)
        before = two.allowed("account")
        shown = {
            purpose: two.seen("account", purpose) | two.seen("session", purpose)
            for purpose in PURPOSES
        }
        records = sum(
            len(two.shop.rights.export(side)["consent_records"]) for side in ("session", "account")
        )
        two.shop.profiles.merge("session", into="account")
        after = two.allowed("account")
        assert after == (set() if two.is_restricted else before - two.refused)
        for purpose in PURPOSES:
            assert two.seen("account", purpose) <= shown[purpose]
            if purpose not in after:
                assert not two.seen("account", purpose)
        assert not two.shop.knows("session")
        two.shop.audit.verify()
        document = two.shop.rights.export("account")
        assert len(document["consent_records"]) >= records
        removed = two.shop.rights.erase("account").statement["removed"]
        for table in tables_to_export():
            if table not in removed:
                # What outlives an erasure for claims: there is none yet.
                assert (table, document[table]) == ("claims", [])
                continue
            # The export's own entry is written after the document.
            own = 1 if table == "ledger_details" else 0
            # So is a mark for the training to come, which says nothing of them.
            marks = {0, 1} if table == "manifests" else {0}
            assert removed[table] - len(document[table]) - own in marks, table
        two.shop.audit.verify()
        two.shop.close()
