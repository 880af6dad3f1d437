"""What an algorithm is, which authors write, and what a model is. Only the host calls them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, Literal, TypeVar, cast, final, get_args, get_origin

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from knowingly.errors import ContractError
from knowingly.recommend.interface.arrays import Floats, Matrix, Rows
from knowingly.recommend.interface.block import Block, FitData, larger
from knowingly.recommend.interface.counts import Counts, MemoryCounts
from knowingly.recommend.interface.query import History, Query

__all__ = [
    "Algorithm",
    "Block",
    "CountingAlgorithm",
    "Counts",
    "FitData",
    "History",
    "MemoryCounts",
    "Model",
    "NoOptions",
    "Options",
    "Query",
]

INTERFACE = 1
"""The version of this interface. A change that breaks authors raises it."""
MAX_TOLERANCE = 1e-6
"""How far a figure of a counting algorithm may be off, at most."""


class Model(ABC):
    """What fitting gave: item-side parameters only, nothing of any person.

    ``kind`` names how the arrays are read again (see ``MODEL_KINDS``). ``uses_history`` is false
    for a model that scores the same whatever the person did: its pages are not personal.
    ``floor_of`` says in words which people a figure in it is of, for the model card.

    Stability: plugin.
    """

    kind: ClassVar[str]
    uses_history: ClassVar[bool] = True
    floor_of: ClassVar[str] = "the people who chose an item"

    @property
    @abstractmethod
    def n_items(self) -> int:
        """The number of model rows."""

    @abstractmethod
    def score(self, query: Query) -> Floats:
        """Scores of all items for one query, shape ``(n_items,)``.

        Higher is better, 0 is nothing to say, ``-inf`` is never; no NaN, and nothing else beyond
        1e100 or -1e100. The answer is only read,
        so a model may return its own array.
        """

    def similar(self, item: int) -> Floats:
        """Scores of all items as company for ``item``, shape ``(n_items,)``; 0 by default."""
        del item
        return np.zeros(self.n_items)

    def company(self, items: Rows) -> Floats:
        """The sum of ``similar`` of each of ``items``, distinct rows, shape ``(n_items,)``."""
        told = np.zeros(self.n_items)
        for item in items:
            told = told + self.similar(int(item))
        return told

    def closest(self, items: Rows, others: Rows) -> Rows:
        """The place in ``items`` of the one that each of ``others`` goes with best."""
        told = np.array([self.similar(int(item))[others] for item in items])
        places: Rows = told.argmax(axis=0)
        return places

    def because(self, query: Query, item: int) -> int:
        """The position in ``query.history`` that counted most for ``item``, or -1."""
        del query, item
        return -1

    def because_many(self, query: Query, items: Rows) -> Rows:
        """``because`` for each of ``items``, shape ``(len(items),)``."""
        return np.array([self.because(query, int(item)) for item in items], np.intp)

    @abstractmethod
    def arrays(self) -> dict[str, NDArray[Any]]:
        """All parameters by name; the first axis of every array is ``n_items``."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Model":
        """The model whose ``arrays()`` these are.

        Raises:
            ValueError: A name, shape, dtype or value is off.
        """


class NoOptions(BaseModel, frozen=True, extra="forbid"):
    """The options of an algorithm that has none."""


Options = TypeVar("Options", bound=BaseModel)


class Algorithm(ABC, Generic[Options]):
    """Code with options that can be fitted; subclass ``Algorithm[YourOptions]``.

    ``name`` is a slug (``[a-z][a-z0-9_]*``). ``forgets`` says what happens when a person is to be
    forgotten: ``"exact"`` (subtracted, only for ``CountingAlgorithm``), ``"refit"`` (fitted again
    by the policy's deadline, or out of service) or ``"stateless"`` (the model learns from nobody,
    and ``fit`` is handed nobody's events).
    ``explains`` says in one sentence, to the person who sees a page, what the algorithm goes by.
    ``reason`` is said of a hit that no event of theirs led to, in a few words such as ``"trending
    now"``: an algorithm whose scores are the same for everybody needs one.
    ``needs_items`` asks for ``FitData.items``, what the items are. ``interface`` is the version of
    this interface that the algorithm was written for.

    Args:
        options: Options, or a mapping to make them from; the defaults when left out.

    Raises:
        pydantic.ValidationError: The mapping does not fit the options.
        TypeError: The options are of another class.

    Stability: plugin.
    """

    name: ClassVar[str]
    forgets: ClassVar[Literal["exact", "refit", "stateless"]]
    explains: ClassVar[str] = ""
    reason: ClassVar[str] = "recommended by the shop"
    needs_items: ClassVar[bool] = False
    interface: ClassVar[int] = INTERFACE
    options_type: ClassVar[type[BaseModel]] = NoOptions
    options: Options

    def __init_subclass__(cls, **kwargs: Any) -> None:  # noqa: ANN401  # passed on as they come
        super().__init_subclass__(**kwargs)
        for base in cls.__dict__.get("__orig_bases__", ()):
            origin = get_origin(base)
            if not (isinstance(origin, type) and issubclass(origin, Algorithm)):
                continue
            found = get_args(base)[0]
            if isinstance(found, TypeVar):
                continue
            config = getattr(found, "model_config", {})
            if not config.get("frozen") or config.get("extra") != "forbid":
                name = getattr(found, "__name__", found)
                raise TypeError(f'{name} needs frozen=True and extra="forbid", as a pydantic model')
            cls.options_type = found

    def __init__(self, options: Options | Mapping[str, Any] | None = None) -> None:
        if not isinstance(options, BaseModel):
            checked = self.options_type.model_validate(dict(options or {}))
        elif isinstance(options, self.options_type):
            checked = options
        else:
            raise TypeError(f"expected options of {self.options_type.__name__}")
        self.options = cast("Options", checked)

    @abstractmethod
    def fit(self, data: FitData) -> Model:
        """Learn from ``data``; the same data and seed give the same arrays."""


class CountingAlgorithm(Algorithm[Options]):
    """An algorithm whose model follows from integer counts that add up over people.

    That is what makes forgetting exact: what a person added is subtracted, and ``rebuild`` gives
    what a fit without them would have given. ``tolerance`` is how far a figure of it may be off, at
    most; 0 is bit for bit, and what is above it is for models made of real numbers. The counts are
    exact either way.

    Stability: plugin.
    """

    forgets = "exact"
    tolerance: ClassVar[float] = 0.0

    @abstractmethod
    def count(self, block: Block) -> Matrix | NDArray[np.integer]:
        """Counts of a block: integers >= 0, shape ``(n_items, width)``, one row per item.

        Additive over people: ``count(A + B) == count(A) + count(B)``. The width is the same for
        every block of the same items, also for an empty one.

        Returns:
            A ``csr_array`` or a 2-d array.
        """

    @abstractmethod
    def build(self, counts: Counts) -> Model:
        """The model of these counts, and of nothing else.

        Figures of fewer than ``counts.floor`` people must not show in it.
        """

    def prepare(self, model: Model, counts: Counts) -> None:
        """Make what ``rebuild`` of this model will need, where that takes long; nothing by default.

        Asked for before somebody is forgotten, while others can still write. It may be asked for in
        vain, and others may be forgotten meanwhile: ``rebuild`` has to do without it.

        Args:
            model: What is being served.
            counts: Its counts.
        """

    def rebuild(
        self, model: Model, counts: Counts, touched: Rows, delta: Matrix | NDArray[np.integer]
    ) -> Model:
        """The model of ``counts`` after people were subtracted: equal to ``build(counts)``.

        Override it where not all rows need to be read again. ``model`` stays as it is. Of people
        who undo a part of what they did, what that part counted is subtracted: some of ``delta`` is
        below zero where they count for more by it, as where people are counted by how much they
        chose.

        Args:
            model: What ``build`` gave for the counts before, under the same floor.
            counts: The counts now.
            touched: The rows of counts that changed, sorted.
            delta: What was subtracted, of the shape that ``count`` gives.
        """
        del model, touched, delta
        return self.build(counts)

    def total(self, data: FitData) -> MemoryCounts:
        """The counts of all blocks; the host keeps them, to forget from."""
        counts: MemoryCounts | None = None
        for block in larger(data.blocks()):
            counts = self._added(counts, self.count(block), data)
        # An empty block gives the width of a shop where nobody did anything.
        return counts or self._added(None, self.count(Block.empty(data.n_items)), data)

    def _added(
        self, counts: MemoryCounts | None, found: Matrix | NDArray[np.integer], data: FitData
    ) -> MemoryCounts:
        try:
            total = (
                MemoryCounts(found, floor=data.floor, items=data.items)
                if counts is None
                else counts.add(found)
            )
        except (AttributeError, ValueError) as error:
            raise ContractError(
                "count: expected a csr_array or a 2-d array of integers from 0 to 2**63 - 1, of "
                "the same width for every block",
                plugin=self.name,
            ) from error
        if total.n_items != data.n_items:
            raise ContractError(
                f"count: expected {data.n_items} rows, one per item, found {total.n_items}",
                plugin=self.name,
            )
        return total

    @final
    def fit(self, data: FitData) -> Model:
        """Count, then build: what a shop does, which asks for both apart."""
        return self.build(self.total(data))
