"""The one object an app holds. It wires the parts and decides nothing."""

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, Unpack, overload

from knowingly.consent.desk import Consent
from knowingly.consent.past import PastChoices
from knowingly.consent.signals.desk import Signals
from knowingly.counters import Counters
from knowingly.domain.actor import ActorKind, check_actor
from knowingly.domain.event import Event, EventKind
from knowingly.domain.intake import Intake
from knowingly.domain.moments import from_us, to_us
from knowingly.domain.order import Order
from knowingly.domain.page import Hit, Page
from knowingly.domain.progress import Progress
from knowingly.domain.signal import Signal
from knowingly.domain.validate import check_id, one_or_many
from knowingly.errors import InputError
from knowingly.evaluate.consent_rate import RATES
from knowingly.evaluate.results import Evaluation
from knowingly.evaluate.runner import Asked, evaluate
from knowingly.governance.aggregates import Aggregates
from knowingly.governance.audit import Audit
from knowingly.governance.checkpoints import Checkpoints
from knowingly.governance.effects import ChoiceEffects
from knowingly.governance.erasure import Erasures
from knowingly.governance.export import Exporter
from knowingly.governance.keys import Keys
from knowingly.governance.merge import Merges
from knowingly.governance.recipients import Recipients
from knowingly.governance.retention.job import Retention
from knowingly.governance.retention.tally import Retained
from knowingly.governance.rights import Rights
from knowingly.governance.upkeep import Maintained, Upkeep
from knowingly.importing.report import ImportReport
from knowingly.importing.running import Importer
from knowingly.items.shelf import Items
from knowingly.opening.databases import Files
from knowingly.opening.tenants import check_tenant, open_as_it_is, open_tenancy
from knowingly.plugins.host import PluginHost
from knowingly.policy import Policy
from knowingly.profiles.desk import Profiles
from knowingly.profiles.fields import Fields
from knowingly.profiles.intake.tracking import track
from knowingly.profiles.people import People
from knowingly.recommend.desk import Models
from knowingly.recommend.pages.desk import Around, Asking, Pages
from knowingly.recommend.pages.explaining import HitExplanation
from knowingly.recommend.pages.parameters import Slots
from knowingly.recommend.pages.visit import Reader
from knowingly.recommend.registry.serving import Registry, Serving
from knowingly.recommend.registry.standing import figures
from knowingly.recommend.training.publishing import Trained, train
from knowingly.recommend.training.undoing import Undoing
from knowingly.store import kept, notifications, subjects
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy
from knowingly.vault.wrapping import Wrapping


class Shop:
    """One merchant's shop.

    Thread-safe; several processes may share one database. The daily verbs stand here, the rooms
    hang on it: ``items``, ``consent``, ``signals``, ``profiles``, ``models``, ``slots``,
    ``aggregates``, ``rights``, ``audit``, ``keys``. Make one with ``knowingly.open``.

    Stability: stable.
    """

    def __init__(
        self,
        files: Files,
        tenancy: Tenancy,
        host: PluginHost,
        roots: Wrapping,
        *,
        policy_is_chosen: bool = True,
    ) -> None:
        self._files, self._host, self._roots = files, host, roots
        self._policy_is_chosen = policy_is_chosen
        self._counters = Counters()
        self._people = People()
        # Opened once and shared: a request handler may ask for its merchant on every page.
        self._tenants: dict[str, Shop] = {tenancy.name: self}
        self._opening = threading.Lock()
        self._registry = Registry(tenancy.keyring, tenancy.policy.models.min_subjects)
        self._reader = Reader(tenancy, self._registry, self._host.algorithms)
        self._wire(tenancy).resume()

    def _wire(self, tenancy: Tenancy) -> Erasures:
        """Hang the rooms on one tenant's parts."""
        self._tenancy = tenancy
        registry, algorithms = self._registry, self._host.algorithms
        recipients = Recipients(tenancy, self._host.destinations)
        erasures = Erasures(tenancy, registry, algorithms, recipients)
        self.items = Items(tenancy)
        effects = ChoiceEffects(tenancy, registry, algorithms)
        fields = Fields(tenancy.policy, self._host.data_fields)
        self.consent = Consent(tenancy, effects)
        self.signals = Signals(tenancy, self._host.decoders, self._host.skipped)
        past = PastChoices(tenancy, effects)
        self._undone = Undoing(tenancy, registry, algorithms)
        self._importer = Importer(tenancy, self._people, self._undone, self._counters, past)
        merges = Merges(tenancy, fields, effects, erasures, self._undone)
        self.profiles = Profiles(tenancy, fields, merges, recipients.corrected)
        self.models = Models(tenancy, registry, algorithms)
        self.slots = Slots(tenancy.policy, algorithms)
        self._pages = Pages(tenancy, self._reader, self._counters)
        self.aggregates = Aggregates(tenancy)
        exporter = Exporter(tenancy, fields)
        self.rights = Rights(
            tenancy, exporter, erasures=erasures, recipients=recipients, consent=self.consent
        )
        checkpoints = Checkpoints(tenancy, self._host.send_checkpoint)
        self.audit = Audit(tenancy, checkpoints)
        self.keys = Keys(tenancy, self._tenancy_of)
        self._retention = Retention(tenancy, algorithms, fields)
        self._train = partial(
            train, tenancy, algorithms, counters=self._counters, skipped=self._host.skipped
        )
        self._upkeep = Upkeep(
            tenancy,
            registry,
            self._train,
            erasures=erasures,
            recipients=recipients,
            aggregates=self.aggregates,
            retention=self._retention,
            checkpoints=checkpoints,
        )
        return erasures

    def __repr__(self) -> str:
        return f"Shop(tenant={self._tenancy.name!r})"

    @property
    def name(self) -> str:
        """The tenant's name."""
        return self._tenancy.name

    def now(self) -> datetime:
        """The time by the shop's clock, in UTC."""
        return from_us(self._tenancy.now_us())

    @property
    def policy(self) -> Policy:
        """The policy this shop was opened with."""
        return self._tenancy.policy

    @property
    def plugins(self) -> PluginHost:
        """The plugins found, and why others were skipped."""
        return self._host

    def tenant(self, name: str) -> "Shop":
        """Another merchant in the same databases: nothing crosses between the two.

        Raises:
            InputError: The name is no tenant name.
            PolicyError: Nobody chose this shop's policy, and that merchant has one of their own.
        """
        check_tenant(name)
        with self._opening:
            if name not in self._tenants:
                policy, clock = self._tenancy.policy, self._tenancy.clock
                chosen = {"policy_is_chosen": self._policy_is_chosen}
                tenancy = open_tenancy(self._files, self._roots, policy, clock, name, **chosen)
                shop = Shop(self._files, tenancy, self._host, self._roots, **chosen)
                shop._tenants, shop._opening = self._tenants, self._opening
                self._tenants[name] = shop
            found = self._tenants[name]
        actor = self._tenancy.actor
        return found if actor is None else found.acting_as(actor.id, kind=actor.kind)

    def _tenancy_of(self, name: str) -> Tenancy:
        """A merchant's parts, for what is done to the keys of all: their policy stays theirs."""
        known = self._tenants.get(name)
        policy, clock = self._tenancy.policy, self._tenancy.clock
        parts = (
            open_as_it_is(self._files, self._roots, clock, name, otherwise=policy)
            if known is None
            else known._tenancy  # noqa: SLF001 - a Shop's
        )
        return replace(parts, actor=self._tenancy.actor)

    def acting_as(self, name: str, *, kind: ActorKind = "operator") -> "Shop":
        """The same shop, as used by somebody: every entry made through it says who, sealed.

        Args:
            name: The app's id of who acts, such as an address of staff. It is a personal value:
                no leaf, message or ``repr`` holds it, and the export of a person leaves it out.
            kind: What they are: operator, agent, guardian, subject, importer, signal or system.

        Raises:
            InputError: ``name`` is no id, or ``kind`` is none of these.
        """
        view = copy(self)
        view._wire(replace(self._tenancy, actor=check_actor(name, kind)))  # noqa: SLF001 - a Shop's
        return view

    def knows(self, subject: str) -> bool:
        """Whether anything is stored of a person; says nothing about what they allow."""
        lookup = self._tenancy.keyring.lookup(check_id(subject))
        return self._tenancy.ask(lambda snapshot: subjects.find(snapshot, lookup)) is not None

    @overload
    def track(
        self,
        subject: str,
        kind: str | EventKind,
        item: str,
        *,
        at: datetime | None = None,
        event_id: str | None = None,
        quantity: int = 1,
        price: float | None = None,
        order: str | None = None,
        agent: str | None = None,
        device: str | None = None,
        decision: str | None = None,
    ) -> Intake: ...

    @overload
    def track(
        self,
        subject: Event | Order | Mapping[str, Any] | Iterable[Event | Order | Mapping[str, Any]],
        *,
        strict: bool = False,
    ) -> Intake: ...

    def track(
        self,
        subject: str
        | Event
        | Order
        | Mapping[str, Any]
        | Iterable[Event | Order | Mapping[str, Any]],
        kind: str | EventKind | None = None,
        item: str | None = None,
        *,
        strict: bool = False,
        **fields: Any,
    ) -> Intake:
        """Record what someone did, or a batch of events; kept only for what they agreed to.

        Args:
            subject: The app's id of the person; or one or many events or orders, as values or as
                mappings of the fields of ``Event`` or ``Order``. One call is one transaction: feed
                a large file in parts.
            kind: What was done: view, cart, purchase, return, like, hide or cancel.
            item: The id of the item, or of one of its variants.
            strict: For a batch: refuse the whole of it when one row is bad.
            **fields: Of a single event: ``at`` (aware, now when left out), ``event_id`` (a second
                event with the same id is ignored), ``quantity``, ``price``, ``order``, ``agent``
                (the browser's user agent: known bots are dropped, and it is never stored),
                ``device`` (the app's id of it: choices made on it alone count, as on a page; it
                is not stored with the event), ``decision`` (of the page after which it was done:
                the page's slot and model version are kept with the event).

        Returns:
            What was kept, was there already, was dropped (by consent reason), and was refused. An
            order counts as its lines.

        Raises:
            InputError: A single event is bad, or a row of a ``strict`` batch; nothing was written.
        """
        if isinstance(subject, str):
            rows: Iterable[Event | Order | Mapping[str, Any]] = [
                {"subject": subject, "kind": kind, "item": item, **fields}
            ]
            strict = True
        else:
            rows = one_or_many((Event, Order), subject, "subject")
            if fields or kind is not None or item is not None:
                raise InputError("subject", "a person's id, where the fields of an event follow")
        intake = track(self._tenancy, self._people, rows, self._undone, strict=strict)
        self._counters.intake(intake)
        return intake

    def import_file(
        self,
        path: str | Path,
        *,
        mapping: str | Path | None = None,
        strict: bool = False,
        dry_run: bool = False,
        restart: bool = False,
        progress: Progress | None = None,
    ) -> ImportReport:
        """Take in a file of items, events, orders or old choices: CSV, JSON lines or Parquet.

        An import that was stopped, by a crash too, goes on behind the last row that is in when it
        is called again for the same file; the report then is of the whole file.

        Args:
            path: The file; its columns are fields of ``Item``, ``Event`` or ``Order``, or are
                mapped to them.
            mapping: A mapping file, or the name of one that ships, such as ``shopify-orders``.
            strict: Refuse the whole file when one of its rows is bad.
            dry_run: Check every row and write nothing.
            restart: Read from the start what an earlier import began.
            progress: Told the file's name, the bytes read and the bytes in all.

        Raises:
            FileError: The file or the mapping cannot be read, or the file was changed since its
                import was stopped. A note on the error says what is in already.
        """
        if dry_run:
            return self._importer.rehearse(path, mapping, progress)
        return self._importer.run(path, mapping, progress, strict=strict, restart=restart)

    def train(self, *, until: datetime | None = None, progress: Progress | None = None) -> Trained:
        """Fit the policy's algorithms on those who agreed to ``train``, and publish.

        Args:
            until: Learn only from events up to then (aware); all of them when left out.
            progress: Told what is being done.

        Raises:
            PluginError: A plugin is missing or failed; nothing was published.
        """
        until_us = None if until is None else to_us(until, "until")
        return self._train(until_us=until_us, progress=progress)

    def recommend(
        self,
        subject: str | None = None,
        *,
        slot: str = "home",
        item: str | None = None,
        basket: Sequence[str] = (),
        signals: Sequence[Signal] = (),
        device: str | None = None,
        market: str | None = None,
        k: int | None = None,
        agent: str | None = None,
        profiling: Literal["on", "off"] = "on",
    ) -> Page:
        """A page for a slot, from no more than the person's consent allows at this moment.

        Reads one snapshot and writes nothing. An unknown person, an empty shop or a failing
        plugin gives a page with less on it, never an error.

        Args:
            subject: The app's id of the person, or None.
            slot: A slot of the policy file.
            item: The item of the page, if it has one.
            basket: Item ids in the basket in hand, at most 500; an item counts once.
            signals: What the browser or a banner said with this request: see ``signals.read``.
            device: The app's id of the device: choices made on it alone count here.
            market: The market of the request, such as ``"DE"``: what is not sold there is left
                out, and prices are those of it.
            k: How many hits, 1 to 100; as many as the slot says when left out.
            agent: The browser's user agent, never stored. A known bot is no person: its page is
                made without looking for one, and ``page.why`` is ``bot``.
            profiling: ``"off"`` makes the same slot without any profile (DSA art. 38): the person
                is not looked for, whatever they agreed to, and ``page.why`` is ``profiling_off``.

        Raises:
            InputError: The slot is unknown, or an argument is out of bounds.
        """
        return self._pages.one(
            subject,
            slot,
            item=item,
            basket=basket,
            signals=signals,
            device=device,
            market=market,
            k=k,
            agent=agent,
            profiling=profiling,
        )

    def recommend_many(
        self, subject: str | None = None, *, slots: Sequence[str], **asking: Unpack[Asking]
    ) -> dict[str, Page]:
        """Pages of several slots, from top to bottom, with no item in two of them.

        Consent is asked once and the history opened once, from one snapshot. A row leaves out what
        the rows above it show, so its basis is at least as personal as theirs.

        Args:
            subject: As for ``recommend``.
            slots: Slots of the policy file, each once, at most 20.
            **asking: As for ``recommend``, of all of them: ``item``, ``basket``, ``signals``,
                ``device``, ``market``, ``k`` (as many as each slot says when left out), ``agent``,
                ``profiling``.

        Raises:
            InputError: As there.
        """
        return self._pages.many(subject, slots, **asking)

    def explain(
        self,
        subject: str,
        hit: Hit | str,
        *,
        slot: str | Sequence[str] = "home",
        k: int | None = None,
        **around: Unpack[Around],
    ) -> HitExplanation:
        """Which of a person's events a hit of their page rests on, and how much each counted.

        Exact: the page as it is now is made again without each event, twice. That takes as long as
        so many pages, and is an entry of the log like any look at a person; where they
        ask for it themselves, ``acting_as(…, kind="subject")`` says so in the entry.

        Args:
            subject: The app's id of the person.
            hit: A hit of the page, or its item's id.
            slot: As the page was asked for, like all that follows; of ``recommend_many`` its list
                of slots, of which the one that shows the hit is found.
            k: As there.
            **around: As there: ``item``, ``basket``, ``signals``, ``device``, ``market``.

        Raises:
            InputError: The item is not on that page as it is now, or an argument is out of bounds.
        """
        return self._pages.explain(subject, hit, slot, k, **around)

    def evaluate(
        self,
        *,
        k: int = 10,
        split: datetime | None = None,
        served: bool = False,
        repeats: bool = False,
        consent_rates: Sequence[float] = RATES,
        seed: int = 0,
        slots: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> Evaluation:
        """How well algorithms and slots foretell what those who agree to ``train`` buy.

        Learns from what came before a moment, ranks all items for everybody, and looks at what they
        bought after it. Publishes and writes nothing.

        Args:
            k: How many items each list has, 1 to 100.
            split: That moment (aware); 28 days ago when left out.
            served: Test the served models, on what came after the events they learned from
                (``train(until=…)``), in place of algorithms fitted for this.
            repeats: Count what people buy again too; otherwise what they had is not ranked.
            consent_rates: Also fit as if only these shares of people had agreed; none if empty.
            seed: What intervals and p-values are drawn from.
            slots: Slots of the policy whose algorithms are tested together; ``home`` if left out.
            progress: Told what is being done.

        Raises:
            NotFittedError: There is nothing to learn from, or nobody to test on.
            PluginError: A plugin is missing, failed, or gave scores that are not numbers.
            InputError: An argument is out of bounds.
        """
        asked = Asked(k, split, served, repeats, consent_rates, seed, slots)
        return evaluate(
            self._tenancy,
            self._registry,
            self._host.algorithms,
            asked,
            progress,
            skipped=self._host.skipped,
        )

    def maintain(
        self, *, skip: Collection[str] = (), progress: Progress | None = None
    ) -> Maintained:
        """Do what a cron line should: finish erasures, train, release, delete, sweep, sign.

        Args:
            skip: Steps to leave out: erasures, train, release, retention, sweep, checkpoint.
            progress: Told what is being done.

        Raises:
            InputError: ``skip`` is no list of steps.
        """
        done = self._upkeep.run(skip=skip, progress=progress)
        self.stats()
        return done

    def retain(self, *, apply: bool = False) -> Retained:
        """Delete what is past its time; without ``apply``, only say what that would be.

        ``maintain`` does it too, after a training, so that models have left expired events out.
        """
        return self._retention.run(self._registry) if apply else self._retention.rehearse()

    def stats(self) -> dict[str, Any]:
        """This process's counters, the shop's size, what waits for deletion, and its models.

        ``model_age_seconds`` has the models in service. ``model_refit_due_seconds`` has those that
        still have what somebody taught them who is to be forgotten: the seconds until they leave
        service unless they are fitted again, negative once they have. ``models_out_of_service``
        names those that pages do without. The cards of ``shop.models`` say the same, and more.
        ``people_unreadable`` are those whom this process's last training left out, since their key
        is lost or an event of theirs does not open.
        """
        stats = self._counters.as_dict()
        now_us = self._tenancy.now_us()

        def look(snapshot: Snapshot) -> Serving | None:
            stats["items"] = len(self._tenancy.catalogue.at(snapshot))
            stats["people"] = subjects.count(snapshot)
            stats["ledger_entries"] = snapshot.head.ledger_size
            stats["recipients_to_tell"] = notifications.count(snapshot)
            for table in kept.TABLES:
                waiting = kept.count_unusable(snapshot, table)
                stats[f"{table}_waiting_for_deletion"] = waiting
            return self._registry.at(snapshot)

        stats |= figures(self._tenancy.ask(look), now_us)
        self._host.send_stats(self._tenancy.name, stats)
        return stats

    def close(self) -> None:
        """Close the databases, for every tenant of this shop."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
