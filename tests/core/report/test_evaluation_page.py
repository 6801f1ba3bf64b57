"""The page of an evaluation: what is in it, and how it behaves in a browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.browser import open_browser
from tests.builders import draw_clip, read_labels, write_data_set, write_labels
from tests.conftest import Run
from tests.core.metrics.test_scores import make_report, make_sequence
from visorvos.core.report.evaluation_page import parts_of, random_masks, worst_masks
from visorvos.core.report.mask_pictures import MaskPair, crop_window
from visorvos.core.report.overlay import Style, draw_overlay

SEEDS = {1: 5, 2: 6, 9: 7}
"""Of videos whose objects all stay in sight."""
BLUE = Style(bytes(3) + bytes((0, 0, 255)) * 255, opacity=0.4)
HOSTILE = "</script><b onmouseover=alert(1)>bowl & 'cup'"

browsers = pytest.fixture(open_browser)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three sequences of six frames, one of them from an unseen kitchen."""
    root = write_data_set(
        tmp_path / "VISOR", {f"P0{n}_seq": draw_clip(6, 48, 80, seed=seed) for n, seed in SEEDS.items()}
    )
    names = {f"P0{n}_seq": {"1": "disc", "2": HOSTILE, "3": "triangle"} for n in (1, 2, 9)}
    (root / "val_data_mapping.json").write_text(json.dumps(names))
    (root / "ImageSets" / "2022" / "val_unseen.txt").write_text("P09_seq")
    return root


@pytest.fixture
def predictions(data: Path, tmp_path: Path) -> Path:
    """The truth; in P02 object 1 is lost from the fourth frame on, in P09 all is shifted."""
    folder = tmp_path / "masks"
    for path in (data / "Annotations" / "480p").rglob("*.png"):
        labels = read_labels(path)
        if path.parent.name == "P02_seq" and path.stem >= "00003":
            labels[labels == 1] = 0
        if path.parent.name == "P09_seq":
            labels = np.roll(labels, 4, axis=1)
        write_labels(folder / path.parent.name / path.name, labels)
    return folder


@pytest.fixture
def page(run: Run, data: Path, predictions: Path, tmp_path: Path) -> Path:
    output = tmp_path / "scores"
    done = run("evaluate", "--data", data, "--predictions", predictions, "--output", output, "--workers", 1)
    assert done.code == 0, done.err
    return output / "report.html"


def test_nothing_of_the_data_becomes_markup(page: Path) -> None:
    text = page.read_text()
    assert "</script><b" not in text
    assert "<b onmouseover" not in text
    assert "&lt;b onmouseover" in text
    assert text.count("data:image/jpeg;base64,") == 2 * 48


def test_kitchens_have_their_own_scores(run: Run, data: Path, predictions: Path, page: Path) -> None:
    scores = json.loads((page.parent / "scores-val.json").read_text())
    parts = {part["label"]: part for part in scores["parts"]}
    assert list(parts) == ["All", "Seen kitchens", "Unseen kitchens"]
    assert parts["All"]["figures"]["J&F"]["value"] == pytest.approx(scores["J&F"])
    by_name = {item["sequence"]: item for item in scores["sequences"]}
    assert parts["Unseen kitchens"]["figures"]["J&F"]["value"] == pytest.approx(by_name["P09_seq"]["J&F"])
    seen = (by_name["P01_seq"]["J&F"] + by_name["P02_seq"]["J&F"]) / 2
    assert parts["Seen kitchens"]["figures"]["J&F"]["value"] == pytest.approx(seen)
    assert parts["Unseen kitchens"]["figures"]["J&F"]["interval"] is None
    low, high = parts["All"]["figures"]["J&F"]["interval"]
    assert low < scores["J&F"] < high


def test_the_page_does_without_frames_and_says_so(run: Run, data: Path, predictions: Path, tmp_path: Path) -> None:
    for name in ("P01_seq", "P02_seq"):
        shutil.rmtree(data / "JPEGImages" / "480p" / name)
    done = run("evaluate", "--data", data, "--predictions", predictions, "--output", tmp_path / "o", "--workers", 1)
    assert done.code == 0, done.err
    text = (tmp_path / "o" / "report.html").read_text()
    lacking = 48 - text.count("data:image/jpeg") // 2
    assert 0 < lacking < 48
    assert f"{lacking} of 48 frames or masks are missing." in text

    shutil.rmtree(data / "JPEGImages")
    done = run("evaluate", "--data", data, "--predictions", predictions, "--output", tmp_path / "o", "--workers", 1)
    assert done.code == 0, done.err
    text = (tmp_path / "o" / "report.html").read_text()
    assert "No pictures: their frames are not in JPEGImages." in text
    assert "data:image/jpeg" not in text


def named(pair: MaskPair) -> tuple[str, int, str]:
    return pair.item.sequence, pair.item.object_id, pair.item.frames[pair.number]


def test_the_worst_masks_are_the_lowest_of_different_objects() -> None:
    report = make_report(make_sequence("a", [0.2, 0.1, 0.1], [0.9, 0.3, 0.5]), make_sequence("b", [0.05, 0.0]))
    found = [named(pair) for pair in worst_masks(report, 2)]
    assert found == [("b", 1, "frame_1"), ("a", 1, "frame_1")]
    several = [named(pair) for pair in worst_masks(report, 5)]
    assert several == [
        ("b", 1, "frame_1"),
        ("b", 1, "frame_0"),
        ("a", 1, "frame_1"),
        ("a", 1, "frame_2"),
        ("a", 2, "frame_1"),
    ]


def test_random_masks_are_drawn_from_all_alike() -> None:
    report = make_report(make_sequence("a", [0.1] * 3, [0.1]), make_sequence("b", [0.1] * 4))
    drawn = [named(pair) for seed in range(400) for pair in random_masks(report, 2, seed)]
    assert random_masks(report, 2, 1) == random_masks(report, 2, 1)
    assert len(random_masks(report, 99)) == 8
    counts = {key: drawn.count(key) for key in drawn}
    assert len(counts) == 8
    assert all(60 < count < 140 for count in counts.values())


def test_sequences_without_a_scored_object_make_no_part() -> None:
    report = make_report(make_sequence("a", [1]), make_sequence("b", [0]))
    assert [part.label for part in parts_of(report, {"c"})] == ["All", "Seen kitchens"]
    assert [part.label for part in parts_of(report, None)] == ["All"]


@pytest.mark.parametrize("at", [(0, 0), (40, 70), (20, 30)])
def test_the_window_holds_the_object_in_the_frames_shape(at: tuple[int, int]) -> None:
    mask = np.zeros((60, 100), bool)
    mask[at[0] : at[0] + 10, at[1] : at[1] + 12] = True
    rows, columns = crop_window([mask, ~mask & False])
    assert mask[rows, columns].sum() == mask.sum()
    shape = mask[rows, columns].shape
    assert shape[1] / shape[0] == pytest.approx(100 / 60, rel=0.05)
    assert shape[0] < 30
    assert mask[crop_window([mask & False])].shape == mask.shape
    drawn = draw_overlay(np.full((*shape, 3), 9, np.uint8), mask[rows, columns].astype(np.uint8), BLUE, 50)
    assert drawn.shape == (30, 50, 3)
    assert (drawn != 9).any()


def test_a_tiny_mask_is_enlarged() -> None:
    mask = np.zeros((480, 854), bool)
    mask[470:472, 850:852] = True
    window = crop_window([mask])
    assert mask[window].sum() == mask.sum()
    assert mask[window].shape == (58, 102)
    drawn = draw_overlay(np.full((58, 102, 3), 9, np.uint8), mask[window].astype(np.uint8), BLUE, 420)
    assert 50 < (drawn != 9).any(axis=2).sum() < 200


def test_many_and_right_to_left_names_in_a_browser(run: Run, tmp_path: Path, browsers: Iterator) -> None:
    labels = np.zeros((60, 120), np.uint8)
    for number in range(60):
        labels[10 * (number // 10) :, 12 * (number % 10) :] = number + 1
    data = write_data_set(tmp_path / "data", {"many": ([np.zeros((60, 120, 3), np.uint8)] * 2, [labels] * 2)})
    names = {str(number): f"\u05db\u05d5\u05e1 \u05e9\u05dc \u05ea\u05d4 {number}" for number in range(1, 61)}
    (data / "val_data_mapping.json").write_text(json.dumps({"many": names}))
    write_labels(tmp_path / "found" / "many" / "00001.png", np.roll(labels, 1, axis=1))
    output = tmp_path / "scores"
    done = run("evaluate", "--data", data, "--predictions", tmp_path / "found", "--output", output)
    assert done.code == 0, done.err
    browser = browsers(1440)
    browser.open(output / "report.html")
    assert browser.run("return document.querySelector('#sequence-table tbody tr').offsetHeight") < 90
    # Each id stands between the name before it and its own name.
    before, number, after = browser.run(
        """
        const text = document.querySelector("#sequence-table small").firstChild, range = document.createRange();
        const two = text.data.indexOf(", 2 ") + 2;
        return [[2, two - 2], [two, two + 1], [two + 3, text.data.indexOf(", 3 ")]].map(([from, to]) => {
          range.setStart(text, from); range.setEnd(text, to);
          const { left, right } = range.getBoundingClientRect();
          return [left, right];
        });
        """
    )
    assert before[1] <= number[0] < number[1] <= after[0]
    assert browser.complaints() == []


def test_in_a_browser(page: Path, browsers: Iterator) -> None:
    browser = browsers(1440)
    browser.open(page)
    names = "#sequence-table tbody tr:not([hidden]) a"
    # The lowest comes first and is the one whose curves are shown.
    lowest = browser.texts(names)
    assert sorted(lowest) == ["P01_seq", "P02_seq", "P09_seq"]
    assert lowest[-1] == "P01_seq"
    assert browser.texts("#curves h3") == [lowest[0]]
    assert [row.split("\n")[0] for row in browser.texts("tr.chosen td:first-child")] == [lowest[0]]

    def heading(label: str) -> str:
        number = browser.texts("#sequence-table thead th").index(label) + 1
        return f"#sequence-table thead th:nth-child({number})"

    browser.find(f"{heading('J')} button").click()
    assert browser.texts(names)[0] == "P01_seq"
    assert browser.find(heading("J")).get_attribute("aria-sort") == "descending"
    browser.find(f"{heading('Sequence')} button").click()
    assert browser.texts(names) == ["P01_seq", "P02_seq", "P09_seq"]

    search = browser.find("#sequences input[type=search]")
    search.send_keys("p0 BOWL 9")
    assert browser.texts(names) == ["P09_seq"]
    assert browser.texts("#sequence-table [role=status]") == ["1 of 3 sequences"]
    search.clear()
    search.send_keys(" ")
    browser.run(
        "const k = document.querySelector('#sequences select');"
        "k.value = 'seen'; k.dispatchEvent(new Event('input', {bubbles: true}))"
    )
    assert browser.texts(names) == ["P01_seq", "P02_seq"]

    # By keyboard: the second row is chosen with Enter.
    browser.run("document.querySelectorAll(arguments[0])[1].focus()", names)
    browser.driver.switch_to.active_element.send_keys("\ue007")
    browser.wait_for_texts("#curves h3", ["P02_seq"])
    rows = browser.texts("#curves tbody tr")
    assert HOSTILE in rows[1]
    assert rows[0].split()[2:] == ["40.0", "40.0", "100.0", "100.0"]
    browser.find("#curves input").send_keys("\ue010")
    assert browser.texts("#curves output") == ["Frame 00005, 5 after the first"]
    assert browser.texts("#curves tbody tr")[0].split()[2:] == ["40.0", "40.0", "0.0", "0.0"]
    lines = browser.run("return [...document.querySelectorAll('#curves polyline')].map(e => e.getAttribute('points'))")
    heights = [float(y) for y in re.split("[ ,]", lines[0])[1::2]]
    assert len(lines) == 6
    assert heights[0] == heights[1] < heights[2] == heights[3] == heights[4]

    browser.run("document.querySelector('input[value=objects]').click()")
    assert len(browser.texts("#object-table tbody tr:not([hidden])")) == 6
    assert browser.run("return document.querySelector('#sequence-table').offsetHeight") == 0
    assert browser.texts("#class-table tbody tr td:first-child") == [HOSTILE, "disc", "triangle"]
    assert browser.run("return [...document.images].every(e => e.complete ? e.naturalWidth > 0 : true)")
    assert browser.complaints() == []


def test_on_a_phone(page: Path, browsers: Iterator) -> None:
    browser = browsers(390)
    browser.open(page, "#at=P09_seq/3")
    assert browser.texts("#curves h3") == ["P09_seq"]
    assert browser.texts("#curves [aria-current=true]") == ["3 \u2068triangle\u2069"]
    browser.run("document.querySelector('#curves [aria-current=true]').click()")
    browser.wait_for_texts("#curves [aria-current=true]", [])
    assert browser.run("return document.documentElement.scrollWidth") == 390
    assert browser.complaints() == []
