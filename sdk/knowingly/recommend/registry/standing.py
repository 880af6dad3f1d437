"""Whether pages use a model, and until when: told alike on its card and among the counters."""

from typing import Any, NamedTuple

from knowingly.recommend.registry.serving import Serving

_BELOW = "it has a lower floor than today's policy: train again"


class Standing(NamedTuple):
    """How one model of a version stands at a moment.

    Of a version that is not in service, ``in_service`` says whether pages would use the model after
    a rollback. ``refit_by_us`` is when it leaves service unless it was fitted again, ``fault`` why
    it cannot be served.
    """

    in_service: bool
    refit_by_us: int | None
    fault: str


def standing(serving: Serving, at_us: int) -> dict[str, Standing]:
    """Each model of a version, in service or not."""
    return {
        name: Standing(
            row.in_service and name not in serving.faults and serving.may_serve(name, at_us),
            row.refit_by_us,
            serving.faults.get(name, _BELOW if serving.is_below_floor(name) else ""),
        )
        for name, row in serving.known.items()
    }


def figures(serving: Serving | None, at_us: int) -> dict[str, Any]:
    """The same of the version in service, for a metrics system; see ``Shop.stats``."""
    known = {} if serving is None else standing(serving, at_us)
    age = 0.0 if serving is None else (at_us - serving.created_us) / 1e6
    return {
        "model_age_seconds": {name: age for name, one in known.items() if one.in_service},
        "model_refit_due_seconds": {
            name: (one.refit_by_us - at_us) / 1e6
            for name, one in known.items()
            if one.refit_by_us is not None
        },
        "models_out_of_service": [name for name, one in known.items() if not one.in_service],
    }
