"""The door: what ``import knowingly`` gives, and what it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import knowingly
from knowingly import errors

SOURCE = Path(knowingly.__file__)


def test_the_door_holds_imports_and_all_only():
    """No logic lives in it."""
    body = ast.parse(SOURCE.read_text(encoding="utf-8")).body
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)
    for part in body[1:-1]:
        assert isinstance(part, ast.ImportFrom), ast.unparse(part)
    assert isinstance(body[-1], ast.Assign)
    assert ast.unparse(body[-1].targets[0]) == "__all__"


def test_all_is_sorted_complete_and_there():
    """What is imported is exported, and nothing else."""
    imported = {
        name.asname or name.name
        for part in ast.parse(SOURCE.read_text(encoding="utf-8")).body
        if isinstance(part, ast.ImportFrom)
        for name in part.names
    }
    assert set(knowingly.__all__) == imported
    assert list(knowingly.__all__) == sorted(knowingly.__all__)
    for name in knowingly.__all__:
        assert getattr(knowingly, name) is not None


def test_every_public_error_is_on_the_door_and_in_the_tree():
    """And the drawing at the top of errors.py has each of them."""
    tree = errors.__doc__ or ""
    for name, found in vars(errors).items():
        if isinstance(found, type) and issubclass(found, Exception):
            assert name in knowingly.__all__
            assert name in tree
            assert issubclass(found, knowingly.KnowinglyError)
            assert name.endswith("Error")


def test_every_name_on_the_door_says_how_stable_it_is():
    """Errors apart: they are explained by their tree."""
    for name in knowingly.__all__:
        found = getattr(knowingly, name)
        is_error = isinstance(found, type) and issubclass(found, Exception)
        if is_error or name in {"Action", "Basis", "EventKind", "hookimpl"}:
            continue
        assert "Stability:" in (found.__doc__ or ""), name


def modules_after(statement):
    done = subprocess.run(
        [sys.executable, "-c", f"{statement}; import sys; print(*sorted(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def test_importing_it_imports_nothing_big_and_no_plugin():
    """OpenDP, Alembic, pandas and plugins wait until they are used."""
    loaded = modules_after("import knowingly")
    assert "knowingly.shop" in loaded
    heavy = {"opendp", "alembic", "pandas", "pyarrow", "polars", "sklearn", "typer", "rich"}
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith("knowingly_plugins")}
    assert not {name for name in loaded if name.startswith(("knowingly.cli", "knowingly.testing"))}


def test_the_core_names_no_plugin():
    """Nor a web framework: plugins are found through their entry points."""
    forbidden = {"knowingly_plugins", "lightfm", "pyspark", "flask", "django", "fastapi"}
    for path in SOURCE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.split(".")[0] for name in names} & forbidden, path


def imports_of(package):
    """``(file, module)`` of every import under the core."""
    for path in SOURCE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                found = [node.module or ""]
            else:
                continue
            for name in found:
                if name.split(".")[0] == package:
                    yield path.relative_to(SOURCE.parent).as_posix()


def test_ciphers_noise_and_sql_each_have_their_room():
    """The first in vault and ledger, OpenDP in governance, SQLAlchemy in the store (and a URL)."""
    assert {name.split("/")[0] for name in imports_of("cryptography")} <= {"vault", "ledger"}
    assert set(imports_of("opendp")) == {"governance/noise.py"}
    assert {name.split("/")[0] for name in imports_of("sqlalchemy")} <= {"store", "opening.py"}


def test_nothing_pickles_or_evaluates():
    """Saved state is JSON and arrays."""
    assert not set(imports_of("pickle")) | set(imports_of("marshal")) | set(imports_of("shelve"))
    for path in SOURCE.parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in {"eval", "exec"}, path
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path
