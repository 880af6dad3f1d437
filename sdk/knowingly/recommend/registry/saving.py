"""Saving the models in service as files that are signed, and reading them back."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import to_jsonable_python

from knowingly.errors import NotFittedError
from knowingly.folders import new_folder
from knowingly.ledger import log
from knowingly.ledger.signing import public_key
from knowingly.recommend.registry import files
from knowingly.recommend.registry.cards import cards
from knowingly.recommend.registry.files import SavedModel
from knowingly.recommend.registry.serving import Registry
from knowingly.store import models as stored
from knowingly.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class SavedModels:
    """What ``save`` wrote: the SHA-256 of each model's arrays, hex, by its name.

    ``left_out`` are models that wait for a refit: a copy of them would never forget.

    Stability: stable.
    """

    digests: Mapping[str, str]
    left_out: tuple[str, ...]


def save(tenancy: Tenancy, registry: Registry, folder: Path) -> SavedModels:
    """See ``Models.save``."""
    with tenancy.read() as snapshot:
        serving, now_us = registry.at(snapshot), tenancy.now_us()
        models = {} if serving is None else serving.in_service(now_us)
        training = stored.training(snapshot, snapshot.head.training)
        if serving is None or training is None or not models:
            raise NotFittedError("no model is in service: call train first")
        card_of = {card.algorithm: card for card in cards(snapshot, training, serving, now_us)}
        ids = tenancy.catalogue.at(snapshot).ids
    items = tuple(ids[row] for row in serving.items.tolist())
    left_out = tuple(name for name in models if card_of[name].refit_by is not None)

    def sign(statement: Mapping[str, object]) -> tuple[str, str]:
        return tenancy.ask(lambda snapshot: tenancy.sign(snapshot, statement))

    digests = {}
    with new_folder(folder) as unfinished:
        for name in sorted(models.keys() - set(left_out)):
            saved = SavedModel(models[name], items, to_jsonable_python(card_of[name].as_dict()))
            digests[name] = files.write(unfinished, name, saved, sign)
        with tenancy.write() as tx:
            facts = {"training": serving.training, "sha256": digests}
            seal = tenancy.keyring.operator.seal
            log.append(tx, "models.saved", at_us=now_us, seal=seal, facts=facts)
    return SavedModels(digests, left_out)


def read(tenancy: Tenancy, folder: Path, name: str) -> SavedModel:
    """See ``Models.read``."""
    with tenancy.read() as snapshot:
        public = public_key(tenancy.signing_seed(snapshot))
    return files.read(folder, name, public_key=public)
