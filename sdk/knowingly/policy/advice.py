"""What a policy may say and its shop will hardly want: warnings, each with its place and cure."""

from knowingly.policy.controller import Controller
from knowingly.policy.fits import Misfits
from knowingly.policy.model import Policy
from knowingly.policy.slots import BUILT_IN, Blend, default_slots

_KEPT = ("behaviour", "purchase")


def advice(policy: Policy) -> Misfits:
    """Everything worth a warning, with its place."""
    yield from _on_the_controller(policy.controller)
    for name in policy.purposes:
        yield from _on_a_purpose(policy, name)
    yield from _on_slots(policy)
    used = {one for purpose in policy.purposes.values() for one in purpose.recipients}
    for name in policy.recipients.keys() - used:
        yield ("recipients", name), "no purpose names this recipient: name it there, or remove it"
    for place, notice in enumerate(policy.notices):
        if notice.language == "und":
            what = 'the language is not said: add language = "en", or what it is'
            yield ("notices", place, "language"), what
        if not any(notice.id in policy.covering(name) for name in policy.purposes):
            what = "covers no purpose as it is today: nobody can agree to anything with it"
            yield ("notices", place), what


def _on_the_controller(controller: Controller) -> Misfits:
    if controller.name == Controller().name:
        yield ("controller", "name"), "is not filled in: certificates and exports will say this"
    if not controller.contact.strip():
        yield ("controller", "contact"), "is empty: say where people can write to about their data"
    if controller.jurisdiction is None:
        yield ("controller", "jurisdiction"), 'is not said: add jurisdiction = "DE", or where it is'


def _on_slots(policy: Policy) -> Misfits:
    known, shipped = BUILT_IN | policy.models.algorithms.keys(), default_slots()
    for name, slot in policy.slots.items():
        if slot == shipped.get(name):
            continue
        # A blend that ships names what a shop may train beside another, and need not.
        ours = shipped[name].algorithms if name in shipped else ()
        spare = {
            asked
            for step in slot.algorithms
            if isinstance(step, Blend) and step in ours and known & step.blend.keys()
            for asked in step.blend
        }
        for asked in slot.algorithm_names:
            if asked not in known | spare:
                what = f"{asked} is not trained: add {asked} = {{}} to [models.algorithms]"
                yield ("slots", name, "algorithms"), what
        bought = "bought" in slot.exclude and slot.bought_within_days is None
        if "buy_again" in slot.algorithm_names and (bought or "seen" in slot.exclude):
            what = "leaves out what buy_again would show: take out bought and seen"
            yield ("slots", name, "exclude"), what


def _on_a_purpose(policy: Policy, name: str) -> Misfits:
    purpose, loc = policy.purposes[name], ("purposes", name)
    if purpose.enabled and purpose.basis == "consent" and not policy.covering(name):
        yield loc, "no notice covers it: nobody can agree to it; add a notice that does"
    if not purpose.dpv:
        yield (
            loc,
            'has no term of the Data Privacy Vocabulary: add dpv, such as ["Personalisation"]',
        )
    if purpose.valid_days is None and purpose.basis == "consent":
        yield (*loc, "valid_days"), "a yes never ages: nobody will be asked whether it still holds"
    if name == "share" and purpose.enabled and not purpose.recipients:
        yield (*loc, "recipients"), "names nobody: say in [recipients] who is given the data"
    if unsaid := [category for category in _KEPT if category not in purpose.data]:
        what = " and ".join(unsaid)
        yield (*loc, "data"), f"leaves out {what}, which events kept for any purpose are: add it"
