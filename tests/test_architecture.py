"""Which part of the package may import which. Imports inside functions count; those for type checkers alone do not."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "visorvos"
CORE = "visorvos.core"

LAYERS = (
    "labels",
    "spread",
    "io",
    "runtime",
    "network",
    "weights",
    "datasets",
    "metrics",
    "report",
    "inference",
    "training",
    "annotation",
    "jobs",
)
"""The parts of core, from the ground up. Each imports only parts before it, so there is no import cycle, and whoever
changes a part knows that those before it cannot notice."""

RULES = [
    (
        "core",
        ("visorvos.cli", "typer", "rich"),
        "The library works without the command line: it prints nothing and raises VisorVosError.",
    ),
    (
        "core/network",
        ("visorvos.settings", *(f"{CORE}.{part}" for part in LAYERS if part != "network")),
        "The network is tensors in, tensors out: it can be copied into another project as it is.",
    ),
    (
        "core/metrics",
        ("visorvos.settings", f"{CORE}.network", "torch"),
        "Scores follow from masks alone, wherever these come from.",
    ),
    (
        "core/report",
        ("visorvos.settings", f"{CORE}.network", "torch"),
        "Reports show scores and masks, and can be written again without a network.",
    ),
    (
        "core/io",
        ("visorvos.settings", "torch"),
        "Reading and writing a file depends on the file, not on a command's options.",
    ),
    (
        "settings",
        ("visorvos.cli", "torch", "typer", "rich", "cv2"),
        "Settings are the ground floor: every part may take a section of them, so they need no library of a part.",
    ),
]


@cache
def imports(path: Path) -> set[str]:
    """Returns every module and name that a file imports while it runs."""
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


def offenders(folder: str, *forbidden: str) -> list[str]:
    """Returns a line for each import of a forbidden module, or of a module inside it."""
    place = PACKAGE / folder
    return [
        f"{path.relative_to(PACKAGE)} imports {name}"
        for path in (sorted(place.rglob("*.py")) if place.is_dir() else place.parent.glob(f"{place.name}.py"))
        for name in sorted(imports(path))
        if any(name == module or name.startswith(f"{module}.") for module in forbidden)
    ]


@pytest.mark.parametrize("part", LAYERS)
def test_a_part_imports_only_parts_below_it(part: str) -> None:
    above = LAYERS[LAYERS.index(part) + 1 :]
    assert offenders(f"core/{part}", *(f"{CORE}.{name}" for name in above)) == []


def test_every_part_of_core_has_its_layer() -> None:
    parts = {path.stem for path in (PACKAGE / "core").iterdir() if not path.name.startswith("__")}
    # benchmark is on its way to tests/plain.
    assert parts - {"benchmark"} <= set(LAYERS)


@pytest.mark.parametrize(("folder", "forbidden", "why"), RULES, ids=[rule[0] for rule in RULES])
def test_a_folder_does_not_import(folder: str, forbidden: tuple[str, ...], why: str) -> None:
    assert offenders(folder, *forbidden) == [], why


def test_settings_take_only_two_tables_from_core() -> None:
    """Every part may take a section of the settings, so they import no part; these tables import nothing but errors."""
    tables = {"network.backbones": ("BackboneName",), "inference.policy": ("MemoryName", "POLICIES")}
    found = {name for path in (PACKAGE / "settings").rglob("*.py") for name in imports(path) if name.startswith(CORE)}
    allowed = {f"{CORE}.{table}.{name}" for table, names in tables.items() for name in names}
    assert found <= allowed | {f"{CORE}.{table}" for table in tables}
    for table in tables:
        for name in imports(PACKAGE / "core" / f"{table.replace('.', '/')}.py"):
            assert name.startswith("visorvos.errors") or not name.startswith(("visorvos", "torch", "numpy"))


def test_nothing_inside_imports_the_package_root() -> None:
    """The root imports everything, so importing it from inside is a cycle."""
    inside = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "visorvos"]
    assert [str(path.relative_to(PACKAGE)) for path in inside if "visorvos" in imports(path)] == []


def test_errors_and_version_import_nothing_of_ours_or_of_others() -> None:
    """Everything imports them. The standard library is free."""
    for name in ("errors.py", "_version.py"):
        assert {module.split(".")[0] for module in imports(PACKAGE / name)} <= sys.stdlib_module_names


def test_imports_inside_functions_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "part.py"
    file.write_text("def late():\n    from visorvos.cli import app\n")
    assert "visorvos.cli.app" in imports(file)
