"""Getting ready to forget: what an algorithm needs for it is made before the writer's turn.

Forgetting happens in the transaction of a person's no, which others wait for. Whatever takes long
and is the same whoever is forgotten, such as the inverse of a matrix, is made before that.
"""

from collections.abc import Sequence

from knowingly.errors import PluginError
from knowingly.recommend import guard
from knowingly.recommend.interface.algorithms import CountingAlgorithm
from knowingly.recommend.registry.serving import Registry, options_of
from knowingly.recommend.registry.signed import Signed
from knowingly.recommend.training.forgetting import Algorithms, StoredCounts
from knowingly.store import models as stored
from knowingly.store import subjects
from knowingly.store.doors import Snapshot
from knowingly.tenancy import Tenancy


def prepare(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, lookups: Sequence[bytes]
) -> None:
    """Let the models in service get ready, where they have learned from any of these people.

    Whatever goes wrong here is found again in the transaction, where it has its effect.
    """

    def look(snapshot: Snapshot) -> None:
        known = subjects.find_many(snapshot, list(lookups))
        people = [one.subject for one in known.values()]
        _get_ready(tenancy, registry, algorithms, snapshot, people)

    tenancy.ask(look)


def prepare_for(
    tenancy: Tenancy, registry: Registry, algorithms: Algorithms, people: Sequence[int]
) -> bool:
    """The same for people by their numbers; whether models have learned from any of them."""
    return tenancy.ask(lambda snapshot: _get_ready(tenancy, registry, algorithms, snapshot, people))


def _get_ready(
    tenancy: Tenancy,
    registry: Registry,
    algorithms: Algorithms,
    snapshot: Snapshot,
    people: Sequence[int],
) -> bool:
    # What is served is loaded here, too, and stays loaded for the transaction.
    serving = registry.at(snapshot)
    if serving is None or not any(_taught(snapshot, one) for one in people):
        return False
    signed = Signed(tenancy.keyring, serving.training)
    for name, model in serving.models.items():
        row, found = serving.known[name], algorithms.get(name)
        if row.forgets != "exact" or found is None:
            continue
        try:
            algorithm = guard.make(found, options_of(row))
            if isinstance(algorithm, CountingAlgorithm):
                counts = StoredCounts(snapshot, serving, row, signed)
                guard.prepare(algorithm, model, counts)
        except PluginError:
            continue
    return True


def _taught(snapshot: Snapshot, subject: int) -> bool:
    return any(
        version == snapshot.head.training for version, _ in stored.manifest(snapshot, subject)
    )
