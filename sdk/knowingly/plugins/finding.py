"""Which plugins are installed, and the import of one."""

from importlib.metadata import EntryPoint, entry_points

from knowingly.errors import MissingExtraError, PluginLoadError

GROUP = "knowingly"
_OURS = "knowingly"  # the distribution


def installed() -> list[EntryPoint]:
    """Those that ship with the SDK first: of two algorithms with one name, the first one counts."""
    return sorted(entry_points(group=GROUP), key=lambda point: (not _is_ours(point), point.name))


def _is_ours(point: EntryPoint) -> bool:
    return point.dist is not None and point.dist.name == _OURS


def load(point: EntryPoint) -> object:
    """Import a plugin.

    Raises:
        MissingExtraError: It needs an extra that is not installed.
        PluginLoadError: Its import failed.
    """
    try:
        return point.load()
    except ModuleNotFoundError as error:
        if point.extras:
            raise MissingExtraError(plugin=point.name, extra=point.extras[0]) from error
        raise PluginLoadError(
            f"could not be imported: no module {error.name}", plugin=point.name
        ) from error
    except (Exception, SystemExit) as error:
        # Its words may hold anything, and whoever wrote it needs them.
        statement = f"import {point.module}"
        if point.attr:
            statement += f"; {point.module}.{point.attr}"
        raise PluginLoadError(
            f"could not be imported ({type(error).__name__}): python -c '{statement}' says why",
            plugin=point.name,
        ) from error
