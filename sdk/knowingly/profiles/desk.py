"""``shop.profiles``: what is known of a person, purpose by purpose."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from knowingly.domain.consent import Decision
from knowingly.domain.intake import Intake
from knowingly.domain.merged import Merged
from knowingly.domain.validate import check_id
from knowingly.errors import InputError
from knowingly.profiles import identities, traits, views
from knowingly.profiles.fields import Fields, Value, check_origin
from knowingly.profiles.views import KeyReplacedError, PastEvent, Profile
from knowingly.store import events
from knowingly.tenancy import Tenancy


class Merger(Protocol):
    """Merges two people; it reaches into models, so it comes from above."""

    def __call__(self, session: str, account: str) -> Merged:
        """Make the session's data the account's where both allow it, and erase the session."""


class Profiles:
    """What is known of people, read for a purpose.

    Stability: stable.
    """

    def __init__(
        self, tenancy: Tenancy, fields: Fields, merger: Merger, corrected: traits.Corrected
    ) -> None:
        self._tenancy = tenancy
        self._fields = fields
        self._merger = merger
        self._corrected = corrected

    def view(self, subject: str, purpose: str) -> Profile:
        """What ``purpose`` may see of a person now; nothing, where it may see nothing.

        Args:
            subject: The app's id of the person.
            purpose: A purpose of the policy.

        Returns:
            The traits and events kept for that purpose and still allowed to it, and how many are
            withheld.

        Raises:
            InputError: An argument is not text, or no id.
        """
        if not isinstance(purpose, str):
            raise InputError("purpose", "the name of a purpose")
        try:
            return self._view(subject, purpose)
        except KeyReplacedError:
            return self._view(subject, purpose)

    def _view(self, subject: str, purpose: str) -> Profile:
        tenancy = self._tenancy
        with tenancy.read() as snapshot:
            person, decision = views.decide_for(
                tenancy, snapshot, subject, purpose, at_us=tenancy.now_us()
            )
            if person is not None and decision.allowed and views.cipher_of(tenancy, person) is None:
                person, decision = None, Decision(purpose, False, "erased", decision.at_us)
            if person is None:
                return Profile(decision)
            stored = events.of(snapshot, person.subject)
            past = tenancy.past_mask(purpose)
            mask = tenancy.masks.get(purpose, 0) | past
            done: list[PastEvent] = []
            marks = 0
            known: dict[str, traits.Trait] = {}
            if decision.allowed:
                oldest_us = views.first_us(tenancy, decision)
                meant = [row for row in stored if row.purposes & mask]
                for is_past in (True, False):
                    rows = [row for row in meant if bool(row.purposes & past) is is_past]
                    opened = views.open_events(tenancy, snapshot, person, rows)
                    marks += len(rows) - len(opened)
                    from_us = views.kept_from_us(tenancy, decision) if is_past else oldest_us
                    done += [event for event in opened if event.at_us >= from_us]
                known, withheld = traits.shown(
                    tenancy,
                    snapshot,
                    self._fields,
                    person,
                    decision=decision,
                    oldest_us=oldest_us,
                )
            else:
                withheld = traits.withheld_from_all(snapshot, person, decision)
        withheld += views.withheld_events(decision, stored, mask, len(done) + marks)
        return Profile(decision, tuple(done), known, dict(withheld))

    def set(
        self,
        subject: str,
        values: Mapping[str, Value],
        *,
        source: str | None = None,
        origin: str = "",
        at: datetime | None = None,
    ) -> Intake:
        """Keep values of fields of the data map, each only for what the person allows now.

        Of two values of a field the one of the newer moment stays, whichever comes first.

        Args:
            subject: The app's id of the person.
            values: By field name; text, a number, a flag or a date, as the field says.
            source: Where the values come from; must be what the data map says of the fields.
            origin: In words of your own, such as ``"checkout form"``; sealed with the value.
            at: When the values were so (aware), now when left out.

        Returns:
            How many were kept, and why others were dropped.

        Raises:
            InputError: A field is not in the data map, or a value does not fit; nothing was kept.
        """
        setting = self._setting(values, source, origin, at)
        return traits.keep(self._tenancy, self._fields, check_id(subject), setting)

    def rectify(self, subject: str, values: Mapping[str, Value], *, origin: str = "") -> Intake:
        """Put stored values right (GDPR art. 16): no old value survives; the log notes it.

        Whoever was given the person's data for a purpose of such a field is told which fields.

        Raises:
            InputError: As ``set``.
            UnknownSubjectError: No such person is known.
            HoldError: A legal hold is in force.
        """
        setting = self._setting(values, None, origin, None)
        rectify, tell = traits.rectify, self._corrected
        return rectify(self._tenancy, self._fields, check_id(subject), setting, tell=tell)

    def remove(self, subject: str, fields: Sequence[str]) -> int:
        """Delete a person's values of some fields; how many there were. The log notes it.

        Whoever was given the person's data for a purpose of such a field is told which fields.

        Raises:
            InputError: ``fields`` is no list of names.
            UnknownSubjectError: No such person is known.
            HoldError: A legal hold is in force.
        """
        if isinstance(fields, str):
            fields = (fields,)
        is_list = isinstance(fields, Sequence) and not isinstance(fields, bytes | bytearray)
        if not is_list or not all(isinstance(field, str) for field in fields):
            raise InputError("fields", "a field's name, or a list of them")
        remove, tell = traits.remove, self._corrected
        return remove(self._tenancy, self._fields, check_id(subject), fields, tell=tell)

    def link(self, subject: str, kind: str, value: str) -> None:
        """Let a person be found by an e-mail address, a phone number or the like.

        Raises:
            InputError: The kind is not in the policy, the value is none, or is another person's.
            UnknownSubjectError: No such person is known.
        """
        identities.link(self._tenancy, subject, kind, value)

    def unlink(self, subject: str, kind: str, value: str) -> bool:
        """Take an identity of a person away; false where it was not theirs.

        Raises:
            InputError: The kind is not in the policy, or the value is none.
            UnknownSubjectError: No such person is known.
            HoldError: A legal hold is in force.
        """
        return identities.unlink(self._tenancy, subject, kind, value)

    def find(self, kind: str, value: str) -> str | None:
        """The app's id of the person with an identity, or None. A staff read: the log notes it.

        Raises:
            InputError: The kind is not in the policy, or the value is none.
        """
        return identities.find(self._tenancy, kind, value)

    def merge(self, session: str, *, into: str) -> Merged:
        """Make a session's data the account's that signed in, where both sides allow it.

        A no of either side holds for the account. A yes of the session alone is no yes: those
        purposes are in ``needs_confirmation``. The session is erased in the same step.

        Args:
            session: The app's id of the anonymous session.
            into: The app's id of the account.

        Raises:
            InputError: Both are the same person.
            UnknownSubjectError: One of them is not known, or was erased.
            HoldError: One of them is under a legal hold.
        """
        return self._merger(check_id(session), check_id(into))

    def _setting(
        self,
        values: Mapping[str, Value],
        source: str | None,
        origin: str,
        at: datetime | None,
    ) -> traits.Setting:
        at_us = traits.checked_moment(self._tenancy, at)
        return traits.Setting(self._fields.checked(values, source), at_us, check_origin(origin))
