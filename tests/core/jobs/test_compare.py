"""Comparisons: figures against plain ones, refusals, and the page in a browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.browser import open_browser
from tests.builders import draw_clip, read_labels, write_data_set, write_labels
from tests.conftest import Run
from visorvos.core.jobs.evaluate import evaluate as score
from visorvos.settings.evaluate import EvaluateSettings

browsers = pytest.fixture(open_browser)


def shifted(data: Path, folder: Path, sequence_shifts: dict[str, int]) -> Path:
    """The truth with each sequence's masks moved to the right."""
    for path in (data / "Annotations" / "480p").rglob("*.png"):
        moved = np.roll(read_labels(path), sequence_shifts[path.parent.name], axis=1)
        write_labels(folder / path.parent.name / path.name, moved)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of three sequences and the masks of two runs."""
    root = tmp_path_factory.mktemp("compare")
    data = write_data_set(root / "data", {name: draw_clip(4, 48, 80, seed=n) for n, name in enumerate("pqr")})
    (data / "ImageSets" / "2022" / "small.txt").write_text("p")
    (data / "val_data_mapping.json").write_text(json.dumps({"q": {"1": "<i>cup"}}))
    shifted(data, root / "one", {"p": 3, "q": 2, "r": 1})
    shifted(data, root / "two", {"p": 0, "q": 2, "r": 4})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        for name in ("one", "two"):
            score(EvaluateSettings(data="data", predictions=name, output=f"scores-{name}", workers=1))
    return root


@pytest.fixture
def scores(made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Evaluations of both runs, made from their common folder."""
    monkeypatch.chdir(made)
    for name in ("one", "two"):
        shutil.copytree(made / f"scores-{name}", tmp_path / name)
    return tmp_path


def evaluate(run: Run, predictions: str, output: Path, *more: str) -> Path:
    done = run("evaluate", "--data", "data", "--predictions", predictions, "--output", output, "--workers", 1, *more)
    assert done.code == 0, done.err
    return output


def test_differences_are_those_of_the_scores(run: Run, scores: Path) -> None:
    done = run("compare", scores / "one", scores / "two" / "scores-val.json", "--json")
    assert done.code == 0, done.err
    one, two = (json.loads((scores / name / "scores-val.json").read_text()) for name in ("one", "two"))
    (found,) = json.loads(done.out)["differences"]
    assert found["figures"]["J&F"]["value"] == pytest.approx(two["J&F"] - one["J&F"])
    assert found["figures"]["F decay"]["value"] == pytest.approx(two["F"]["decay"] - one["F"]["decay"])
    low, high = found["figures"]["J"]["interval"]
    assert low < two["J"]["mean"] - one["J"]["mean"] < high
    assert [item["sequence"] for item in found["sequences"]] == ["p", "q", "r"]
    expected = [b["J&F"] - a["J&F"] for a, b in zip(one["sequences"], two["sequences"], strict=True)]
    assert [item["difference"] for item in found["sequences"]] == pytest.approx(expected)
    assert expected[0] > expected[1] == 0 > expected[2]


def test_a_run_against_itself_differs_in_nothing(run: Run, scores: Path) -> None:
    done = run("compare", scores / "one", scores / "one", "--json")
    (found,) = json.loads(done.out)["differences"]
    assert all(figure == {"value": 0.0, "interval": [0.0, 0.0]} for figure in found["figures"].values())


def test_it_refuses_what_cannot_be_compared(run: Run, made: Path, scores: Path, tmp_path: Path) -> None:
    def refusal(*paths: Path) -> str:
        done = run("compare", *paths)
        assert (done.code, done.out) == (1, "")
        return done.err

    small = evaluate(run, "one", tmp_path / "small", "--split", "small")
    davis = evaluate(run, "one", tmp_path / "davis", "--protocol", "davis")
    assert "evaluate different splits" in refusal(scores / "one", small)
    assert "protocol: visor and davis" in refusal(scores / "one", davis)

    content = json.loads((scores / "two" / "scores-val.json").read_text())

    def altered(name: str, change: object) -> Path:
        path = tmp_path / f"scores-{name}.json"
        path.write_text(json.dumps(change))
        return path

    moved = json.loads(json.dumps(content))
    moved["sequences"][0]["ground_truth"] = "00000000"
    assert "Sequence p: the runs score different objects, frames or ground truth" in refusal(
        scores / "one", altered("moved", moved)
    )
    (tmp_path / "scores-moved.json").unlink()
    fewer = altered("fewer", {**content, "sequences": content["sequences"][:2]})
    assert "only one has r" in refusal(scores / "one", fewer)
    content["sequences"][1]["objects"][0]["frames"][0]["size"] += 0.01
    assert "Sequence q: the runs score different objects, frames or ground truth" in refusal(
        scores / "one", altered("other", content)
    )
    del content["sequences"][0]["objects"][0]["frames"][0]["size"]
    assert "size is missing" in refusal(scores / "one", altered("old", content))
    assert "holds several score files: scores-fewer.json" in refusal(scores / "one", tmp_path)
    assert "No scores-SPLIT.json in" in refusal(scores / "one", made)
    assert "does not exist" in refusal(scores / "one", tmp_path / "none.json")


def test_ground_truth_of_the_same_areas_elsewhere_is_other_ground_truth(run: Run, made: Path, tmp_path: Path) -> None:
    data = shutil.copytree(made / "data", tmp_path / "data")
    for path in (data / "Annotations" / "480p" / "q").iterdir():
        write_labels(path, np.roll(read_labels(path), 10, axis=1))
    outputs = []
    for name, root in (("before", made / "data"), ("after", data)):
        outputs.append(tmp_path / name)
        score(EvaluateSettings(data=root, predictions=made / "one", output=outputs[-1], num_workers=1))
    done = run("compare", *outputs)
    assert (done.code, done.out) == (1, "")
    assert "Sequence q: the runs score different objects, frames or ground truth" in done.err


def test_calls_that_make_no_sense(run: Run) -> None:
    assert "RUNS must be two or more evaluations, got 'a'" in run("compare", "a").err
    assert run("compare", "a", "b", "--output", "page.pdf").code == 2


def test_the_page_in_a_browser(run: Run, scores: Path, browsers: Iterator) -> None:
    page = scores / "page.html"
    done = run("compare", scores / "one", scores / "two", "--output", page)
    assert done.code == 0, done.err
    assert "<i>cup" not in page.read_text()
    assert page.read_text().count("data:image/jpeg;base64,") == 3 * 2

    browser = browsers(390)
    browser.open(page)
    names = "#sequence-table tbody tr:not([hidden]) td:first-child"
    assert [name.split()[0] for name in browser.texts(names)] == ["r", "q", "p"]
    browser.find("#sequence-table th:last-child button").click()
    assert [name.split()[0] for name in browser.texts(names)] == ["p", "q", "r"]
    changes = browser.texts("#sequence-table tbody td:nth-child(4)")
    assert changes[0].startswith("+")
    assert changes[1] == "+0.0"
    assert changes[2].startswith("\u2212")
    browser.find("input[type=search]").send_keys("<I>CUP")
    assert browser.texts(names) == ["q\n1 \u2068<i>cup\u2069, 2, 3"]
    assert browser.run("return document.documentElement.scrollWidth") == 390
    assert browser.complaints() == []


def test_a_page_without_pictures_says_why(run: Run, made: Path, scores: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = scores / "page.html"
    monkeypatch.chdir(scores)
    assert run("compare", scores / "one", scores / "two", "--output", page).code == 0
    assert "No pictures: data set not found: data. Give --data." in page.read_text()
    assert run("compare", scores / "one", scores / "two", "--output", page, "--data", made / "data").code == 0
    assert f"No pictures: the masks of {scores / 'one'} are no longer where they were scored." in page.read_text()
    for name in ("one", "two"):
        shutil.copytree(made / name, scores / name, dirs_exist_ok=True)
    assert run("compare", scores / "one", scores / "two", "--output", page, "--data", made / "data").code == 0
    assert page.read_text().count("data:image/jpeg;base64,") == 3 * 2
