"""The arrows between the rooms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "visorvos"


def imports(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it, save what is for type checkers alone."""
    tree = ast.parse(path.read_text())
    tree.body = [node for node in tree.body if not _is_for_type_checkers(node)]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def offenders(room: str, *forbidden: str) -> list[str]:
    files = (PACKAGE / room).rglob("*.py") if (PACKAGE / room).is_dir() else [PACKAGE / room]
    return [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in files
        for name in sorted(imports(path))
        if any(name == module or name.startswith(f"{module}.") for module in forbidden)
    ]


CORE = "visorvos.core"
ROOMS = ("datasets", "inference", "jobs", "metrics", "network", "report", "runtime", "training", "weights", "io")


@pytest.mark.parametrize(
    ("room", "forbidden"),
    [
        ("core", ("visorvos.cli", "typer", "rich")),
        ("settings", ("visorvos.cli", CORE, "torch", "typer", "rich", "cv2")),
        ("cli/app.py", ("torch", "cv2", CORE)),
        ("cli/tables", ("torch", "cv2", CORE)),
        ("core/io", ("visorvos.settings", *(f"{CORE}.{room}" for room in ROOMS if room != "io"))),
        ("core/network", ("visorvos.settings", *(f"{CORE}.{room}" for room in ROOMS if room != "network"))),
        ("core/metrics", ("visorvos.settings", f"{CORE}.jobs", f"{CORE}.network", "torch")),
        ("core/report", ("visorvos.settings", f"{CORE}.jobs", f"{CORE}.network", "torch")),
    ],
)
def test_a_room_does_not_know(room: str, forbidden: tuple[str, ...]) -> None:
    assert offenders(room, *forbidden) == []


def test_errors_import_nothing() -> None:
    assert imports(PACKAGE / "errors.py") == {"__future__", "__future__.annotations"}


def test_the_arrows_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "room.py"
    file.write_text("def late():\n    from visorvos.cli import app\n")
    assert "visorvos.cli.app" in imports(file)
