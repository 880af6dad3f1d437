"""Whether data and a key store belong together, by the shop's id that each of them has."""

from knowingly.errors import StoreError
from knowingly.store.shop import RESTORING


def same_shop(data: str | None, keys: str | None) -> None:
    """Refuse data and a key store that do not belong together.

    Raises:
        StoreError: They belong to different shops, the key store of existing data is gone, or
            the data are being restored.
    """
    if any(one is not None and one.startswith(RESTORING) for one in (data, keys)):
        raise StoreError(
            "a backup was restored here and the erasures since it are not done: run "
            "'knowingly backup restore' again, to the same place"
        )
    if data is not None and keys is None:
        raise StoreError(
            "the key store of this shop is missing: restore it from its own backup, "
            "or pass key_store=; without it nothing that is sealed can be read"
        )
    if data is not None and data != keys:
        raise StoreError("this key store belongs to another shop: pass the right key_store=")
