"""The whole story in a headless Chromium, with `visorvos annotate` and the demo's network.

For pictures to look at, and for the README's: VISORVOS_PICTURES=FOLDER, and VISORVOS_DEMO=FOLDER of a full demo.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from selenium.webdriver.common.keys import Keys

from tests.browser import Browser, open_browser
from tests.builders import draw_clip, read_labels, write_frames
from tests.conftest import Run
from tests.core.annotation.command import Start, commands
from tests.core.annotation.pages import Page
from visorvos.core.jobs.demo import Demo

pytestmark = pytest.mark.network

HEIGHT, WIDTH, FRAMES = 180, 320, 14
SIZE = ("--size", 96 if "VISORVOS_DEMO" in os.environ else 64, "--device", "cpu")
browsers = pytest.fixture(open_browser, scope="module")


@pytest.fixture(scope="module")
def browser(browsers: Callable[[int], Browser]) -> Browser:
    return browsers(1280)


@pytest.fixture(scope="module")
def truth() -> tuple[list[np.ndarray], list[np.ndarray]]:
    return draw_clip(FRAMES, HEIGHT, WIDTH, 5)


@pytest.fixture(scope="module")
def clip(truth: tuple[list[np.ndarray], list[np.ndarray]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_frames(tmp_path_factory.mktemp("story") / "clip", truth[0])


@pytest.fixture
def demo_weights(request: pytest.FixtureRequest) -> Path:
    full = os.environ.get("VISORVOS_DEMO")
    if full is not None:
        return Path(full) / "stage2" / "last.safetensors"
    made: Demo = request.getfixturevalue("quick_demo")
    return made.weights


@pytest.fixture
def serve(clip: Path, root: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts the command on the clip."""
    with commands(tmp_path, clip, root) as start:
        yield start


def open_page(browser: Browser, address: str) -> Page:
    browser.resize(1280, 720)
    browser.visit(address)
    browser.complaints()
    return Page(browser)


def corners(labels: np.ndarray, index: int) -> list[tuple[int, int]]:
    """A polygon around an object."""
    outlines, _ = cv2.findContours((labels == index).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = cv2.approxPolyDP(max(outlines, key=cv2.contourArea), 2, True)
    return [(int(x), int(y)) for x, y in outline[:, 0]]


def take_pictures(page: Page, name: str) -> None:
    """Writes the page at two sizes, light and dark, if asked for."""
    folder = os.environ.get("VISORVOS_PICTURES")
    if folder is None:
        return
    for width, height in ((1280, 720), (1920, 1080)):
        for dark in (False, True):
            page.browser.resize(width, height, dark=dark)
            page.wait_for_repaint()
            shot = page.browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
            picture = Image.open(io.BytesIO(base64.b64decode(shot["data"])))
            picture.save(Path(folder) / f"{name}-{width}-{'dark' if dark else 'light'}.png")
            if (name, width, dark) == ("corrected", 1280, False):
                picture.convert("RGB").resize((960, 540), Image.Resampling.LANCZOS).save(
                    Path(folder) / "annotate.jpg", quality=80
                )
    page.browser.resize(1280, 720)
    page.wait_for_repaint()


def test_the_whole_story(
    serve: Start,
    browser: Browser,
    demo_weights: Path,
    truth: tuple[list[np.ndarray], list[np.ndarray]],
    clip: Path,
    root: Path,
    tmp_path: Path,
    run: Run,
) -> None:
    """Draw, propagate, look, correct, add an object, propagate on, undo, export; then predict and evaluate."""

    def saved(frame: int, kind: str = "masks") -> np.ndarray:
        return read_labels(root / kind / f"{frame:05d}.png")

    server = serve("--weights", demo_weights, *SIZE)
    page = open_page(browser, server.address)
    page.press("n")
    page.rename("gear")
    page.press("p")
    page.click_each(*corners(truth[1][0], 1))
    take_pictures(page, "polygon")
    page.press(Keys.ENTER)
    page.wait_until_saved()
    first = saved(0)
    overlap = (first == 1) & (truth[1][0] == 1)
    assert set(np.unique(first)) == {0, 1}
    assert overlap.sum() > 0.9 * (truth[1][0] == 1).sum()

    page.press(Keys.ENTER)
    page.wait_until_propagated(0)
    assert page.state("given", "masked") == [[0], list(range(FRAMES))]
    np.testing.assert_array_equal(saved(0), first)

    page.go_to(8)
    take_pictures(page, "propagated")
    found = saved(8)
    wrong = ((found == 1) & (truth[1][8] != 1)).astype(np.uint8)
    if wrong.any():
        page.press("p", Keys.SHIFT)
        page.click_each(*corners(wrong, 1))
        page.press(Keys.ENTER)
    page.press("p")
    page.click_each(*corners(truth[1][8], 1))
    page.press(Keys.ENTER)
    page.wait_until_saved()
    corrected = saved(8)
    assert ((corrected == 1) != (truth[1][8] == 1)).sum() < ((found == 1) != (truth[1][8] == 1)).sum()
    page.wait_for_state("state.stale.size > 0")
    assert page.state("given", "stale") == [[0, 8], list(range(9, FRAMES))]

    page.press("n")
    page.rename("star")
    page.click_each(*corners(truth[1][8], 2))
    page.press(Keys.ENTER)
    page.press("b")
    page.wait_until_saved()
    assert set(np.unique(saved(8))) == {0, 1, 2}
    take_pictures(page, "corrected")

    before = saved(13)
    page.press(Keys.ENTER)
    page.wait_until_propagated(8)
    assert page.state("stale") == [[]]
    after = saved(13)
    page.press("z", Keys.CONTROL)
    page.wait_for_state("state.undo.start === 0")
    np.testing.assert_array_equal(saved(13), before)
    page.press("z", Keys.CONTROL, Keys.SHIFT)
    page.wait_for_state("state.undo.start === 8")
    np.testing.assert_array_equal(saved(13), after)
    take_pictures(page, "finished")
    page.press("?")
    take_pictures(page, "keys")
    page.press(Keys.ESCAPE)

    page.browser.find("#export").click()
    page.wait_for("document.getElementById('message').innerText.startsWith('Exported')")
    assert "star first appears after the first exported frame, 00000" in page.browser.texts("#message")[0]
    assert json.loads((root / "names.json").read_text()) == {"1": "gear", "2": "star"}
    assert page.browser.complaints() == []
    assert server.interrupt() == 0, server.log
    assert "masks of 14 frames, 2 of them drawn or confirmed" in server.printed

    used = ("--weights", demo_weights, *SIZE)
    given = ("--masks", root / "given", "--masks-are", "complete", "--names", root / "names.json")
    predicted = run("predict", clip, *given, *used, "--output", tmp_path / "predicted", "--save", "sheet")
    assert predicted.code == 0, predicted.err
    for number in (0, 8):
        np.testing.assert_array_equal(read_labels(tmp_path / "predicted" / f"{number:05d}.png"), saved(number))
    data = ("--data", root / "export", "--split", "val")
    scored = run("evaluate", *data, *used, "--num-workers", 1, "--output", tmp_path / "scores")
    assert scored.code == 0, scored.err
    scores = json.loads((tmp_path / "scores" / "scores-val.json").read_text())
    assert [item["name"] for item in scores["sequences"][0]["objects"]] == ["gear", "star"]
    small = ("--clips", 1, "--batch-size", 1, "--accumulate", 1, "--crop-size", 64, "--short-side", 96)
    options = ("--weights", demo_weights, "--device", "cpu", "--num-workers", 0, "--evaluate-every", 0, *small)
    tuned = run("finetune", "--data", root / "export", *options, "--output", tmp_path / "tuned")
    assert tuned.code == 0, tuned.err


def test_an_open_page_continues_after_a_restart(serve: Start, browser: Browser, root: Path) -> None:
    """Also with a stroke that was drawn in between; the server comes back at the same address."""
    first = serve("--port", 0)
    page = open_page(browser, first.address)
    assert page.browser.texts("#job-text") == ["No network: mask editor only"]
    page.draw((20, 20), (30, 20))
    page.wait_until_saved()
    first.kill()
    page.wait_for("document.getElementById('saving').dataset.state === 'offline'")
    assert "Start the command or the SSH tunnel again" in page.browser.texts("#message")[0]
    page.press("n")
    page.draw((60, 40), (80, 50))
    second = serve()
    assert second.address == first.address
    page.wait_until_saved()
    page.wait_for("document.getElementById('saving').dataset.state === 'saved'")
    found = read_labels(root / "given" / "00000.png")
    assert [found[20, 25], found[45, 70]] == [1, 2]
    assert [item["id"] for item in second.get_session()["objects"]] == [1, 2]
    page.draw((100, 100), (110, 100))
    page.wait_until_saved()
    assert read_labels(root / "given" / "00000.png")[100, 105] == 2
    page.browser.driver.get("about:blank")
