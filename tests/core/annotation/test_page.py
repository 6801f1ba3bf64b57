"""The page in a headless Chromium, with the server of `visorvos annotate` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import Browser, open_browser
from tests.builders import draw_clip, read_labels, write_frames
from tests.conftest import Run
from tests.core.annotation import plain_drawing

HEIGHT, WIDTH, FRAMES = 90, 160, 14
browsers = pytest.fixture(open_browser)

Serve = Callable[..., str]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    frames, _ = draw_clip(FRAMES, HEIGHT, WIDTH, 3)
    return write_frames(tmp_path / "clip", frames)


@pytest.fixture
def serve(clip: Path, tmp_path: Path) -> Iterator[Serve]:
    """Starts the command on the clip and gives the address that it prints."""
    started = []

    def start(*options: object) -> str:
        command = [sys.executable, "-m", "visorvos", "annotate", clip, "--output", tmp_path / "out", "--port", 0]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [str(part) for part in (*command, "--no-browser", *options)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        assert process.stdout is not None
        return process.stdout.readline().strip()

    yield start
    for process in started:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "masks of 14 frames" in out


class Page:
    """What a person does on the page."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.wait_for("document.getElementById('view').dataset.tool && document.title.startsWith('clip')")
        self.wait_for_shown(0)

    def wait_for(self, condition: str, *arguments: object) -> None:
        WebDriverWait(self.browser.driver, 60, 0.05).until(
            lambda _: self.browser.run(f"return {condition}", *arguments)
        )

    def wait_for_state(self, condition: str) -> None:
        script = f"const {{ state }} = await load('state'); return Boolean({condition});"
        WebDriverWait(self.browser.driver, 90, 0.05).until(lambda _: self.browser.run_module(script))

    def wait_for_shown(self, frame: int) -> None:
        script = "const { shown } = await load('frames'); return shown !== null && shown.number === arguments[0];"
        script = script.replace("arguments[0]", str(frame))
        WebDriverWait(self.browser.driver, 60, 0.05).until(lambda _: self.browser.run_module(script))

    def wait_until_saved(self) -> None:
        script = "const { hasUnsaved } = await load('saving'); return !hasUnsaved();"
        WebDriverWait(self.browser.driver, 60, 0.05).until(lambda _: self.browser.run_module(script))

    def wait_until_propagated(self, start: int) -> None:
        """Waits for the end of the propagation from a frame."""
        self.wait_for_state(f"state.propagation?.from === {start} && state.propagation.state !== 'running'")

    def press(self, key: str, *modifiers: str) -> None:
        keys = ActionChains(self.browser.driver)
        for modifier in modifiers:
            keys.key_down(modifier)
        keys.send_keys(key)
        for modifier in modifiers:
            keys.key_up(modifier)
        keys.perform()

    def state(self, *names: str) -> Any:
        """Parts of the page's state; sets as sorted lists."""
        return self.browser.run_module(
            "const { state } = await load('state');"
            "const list = (v) => (v instanceof Set ? [...v].sort((a, b) => a - b) : v);"
            f"return {json.dumps(names)}.map((name) => list(state[name]));"
        )

    def client(self, x: float, y: float) -> tuple[int, int]:
        """Whole CSS pixels of the window near the center of a pixel of the frame."""
        found = self.browser.run_module(
            "const { toView } = await load('canvas');"
            "const box = document.getElementById('view').getBoundingClientRect();"
            f"const [x, y] = toView({x} + 0.5, {y} + 0.5); return [x + box.left, y + box.top];"
        )
        return round(found[0]), round(found[1])

    def draw(self, *pixels: tuple[int, int]) -> None:
        """Draws with the chosen tool through some pixels of the frame."""
        self.browser.drag(*(self.client(*pixel) for pixel in pixels))

    def click_each(self, *pixels: tuple[int, int]) -> None:
        for pixel in pixels:
            self.draw(pixel)

    def set_brush(self, size: int) -> None:
        self.browser.run_module(f"(await load('tools')).setSize({size});")

    def go_to(self, frame: int) -> None:
        box = self.browser.find("#frame")
        box.send_keys(Keys.CONTROL, "a")
        box.send_keys(str(frame), Keys.ENTER)
        self.browser.run("document.activeElement.blur()")
        self.wait_for_shown(frame)

    def rename(self, name: str) -> None:
        self.press("r")
        self.browser.driver.switch_to.active_element.send_keys(name, Keys.ENTER)


@pytest.fixture
def open_page(browsers: Callable[[int], Browser]) -> Callable[..., Page]:
    def open_at(address: str, width: int = 1280, height: int = 720) -> Page:
        browser = browsers(width)
        browser.resize(width, height)
        browser.visit(address)
        return Page(browser)

    return open_at


def saved(tmp_path: Path, frame: int, kind: str = "masks") -> np.ndarray:
    return read_labels(tmp_path / "out" / kind / f"{frame:05d}.png")


def test_the_whole_story(
    serve: Serve, open_page: Callable[..., Page], weights: Path, clip: Path, tmp_path: Path, run: Run
) -> None:
    """Draw, propagate, look, correct, add an object, propagate on, undo, export; then predict and evaluate."""
    page = open_page(serve("--weights", weights, "--size", 48, "--device", "cpu"))
    page.press("n")
    page.rename("cup")
    page.draw((60, 30), (80, 34), (96, 44))
    page.wait_until_saved()
    first = saved(tmp_path, 0)
    assert set(np.unique(first)) == {0, 1}

    page.press(Keys.ENTER)
    page.wait_until_propagated(0)
    assert page.state("given", "masked") == [[0], list(range(FRAMES))]
    np.testing.assert_array_equal(saved(tmp_path, 0), first)

    page.go_to(8)
    page.press("p")
    page.click_each((20, 20), (50, 24), (40, 60))
    page.press(Keys.ENTER)
    page.wait_until_saved()
    corrected = saved(tmp_path, 8)
    assert corrected[30, 35] == 1
    page.wait_for_state("state.stale.size > 0")
    assert page.state("given", "stale") == [[0, 8], list(range(9, FRAMES))]

    page.press("n")
    page.rename("knife")
    page.press("b")
    page.draw((120, 70), (140, 74))
    page.wait_until_saved()
    assert set(np.unique(saved(tmp_path, 8))) == {0, 1, 2}

    before = saved(tmp_path, 13)
    page.press(Keys.ENTER)
    page.wait_until_propagated(8)
    assert page.state("stale") == [[]]
    after = saved(tmp_path, 13)
    page.press("z", Keys.CONTROL)
    page.wait_for_state("state.undo.start === 0")
    np.testing.assert_array_equal(saved(tmp_path, 13), before)
    page.press("z", Keys.CONTROL, Keys.SHIFT)
    page.wait_for_state("state.undo.start === 8")
    np.testing.assert_array_equal(saved(tmp_path, 13), after)

    page.browser.find("#export").click()
    page.wait_for("document.getElementById('message').innerText.startsWith('Exported')")
    out = tmp_path / "out"
    assert json.loads((out / "names.json").read_text()) == {"1": "cup", "2": "knife"}
    assert page.browser.complaints() == []

    predicted = run(
        "predict",
        clip,
        "--masks",
        out / "given",
        "--masks-are",
        "complete",
        "--weights",
        weights,
        "--size",
        48,
        "--device",
        "cpu",
        "--output",
        tmp_path / "predicted",
        "--names",
        out / "names.json",
        "--save",
        "sheet",
    )
    assert predicted.code == 0, predicted.err
    np.testing.assert_array_equal(read_labels(tmp_path / "predicted" / "00008.png"), saved(tmp_path, 8))
    scored = run(
        "evaluate",
        "--data",
        out / "export",
        "--split",
        "val",
        "--weights",
        weights,
        "--size",
        48,
        "--device",
        "cpu",
        "--num-workers",
        1,
        "--output",
        tmp_path / "scores",
    )
    assert scored.code == 0, scored.err


@pytest.mark.parametrize("ratio", [1, 2])
def test_what_is_drawn_is_what_is_saved(
    serve: Serve, open_page: Callable[..., Page], tmp_path: Path, ratio: int
) -> None:
    """At every zoom and opacity, against drawing in plain Python."""
    page = open_page(serve())
    page.browser.resize(1280, 720, ratio)
    page.press("n")
    page.press("n")
    random = np.random.default_rng(ratio)
    for frame, (zoom, opacity) in enumerate([(0.5, 0.0), (1, 0.3), (2.7, 1.0), (8, 0.5), (32, 0.77)]):
        page.go_to(frame)
        page.browser.run_module(
            "const { place, fit, zoom } = await load('canvas'); const { set } = await load('state');"
            f"fit(); zoom({zoom} / place.scale); set({{ opacity: {opacity} }}, 'look');"
        )
        place = page.browser.run_module(
            "const { place } = await load('canvas');"
            "const box = document.getElementById('view').getBoundingClientRect();"
            "return [place.scale, place.x, place.y, box.left, box.top, box.width, box.height];"
        )
        scale, left, top, box_left, box_top, box_width, box_height = place
        assert scale == pytest.approx(zoom)
        # Whole CSS pixels of the window that lie on the frame.
        x_range = np.array([max(left, 0), min(left + WIDTH * scale, box_width * ratio)]) / ratio + box_left
        y_range = np.array([max(top, 0), min(top + HEIGHT * scale, box_height * ratio)]) / ratio + box_top

        def somewhere(x_range: Any = x_range, y_range: Any = y_range) -> tuple[int, int]:
            return int(random.integers(*np.ceil(x_range))), int(random.integers(*np.ceil(y_range)))

        def pixel(client: tuple[int, int], place: Any = place) -> tuple[int, int]:
            scale, left, top, box_left, box_top, _, _ = place
            x, y = (client[0] - box_left) * ratio, (client[1] - box_top) * ratio
            return int(np.floor((x - left) / scale)), int(np.floor((y - top) / scale))

        expected = np.zeros((HEIGHT, WIDTH), np.uint8)
        for size, index in ((1, 1), (2, 2), (7, 1), (24, 2)):
            way = [somewhere() for _ in range(4)]
            page.press(str(index))
            page.press("b")
            page.set_brush(size)
            page.browser.drag(*way)
            plain_drawing.stroke(expected, [pixel(point) for point in way], size, index)
        page.press("p")
        corners = [somewhere() for _ in range(5)]
        for corner in corners:
            page.browser.drag(corner)
        page.press(Keys.ENTER)
        pixels = [pixel(corner) for corner in corners]
        plain_drawing.polygon(
            expected, [p for p, before in zip(pixels, [None, *pixels], strict=False) if p != before], 2
        )
        page.press("f")
        page.press("1")
        spot = somewhere()
        page.browser.drag(spot)
        plain_drawing.region(expected, pixel(spot), 1)
        page.press("e")
        page.set_brush(5)
        way = [somewhere(), somewhere()]
        page.browser.drag(*way)
        plain_drawing.stroke(expected, [pixel(point) for point in way], 5, 0)
        page.wait_until_saved()
        np.testing.assert_array_equal(saved(tmp_path, frame), expected, err_msg=f"zoom {zoom}, opacity {opacity}")
    assert page.browser.complaints() == []


def test_strokes_made_offline_are_sent_again(serve: Serve, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(serve())
    page.draw((20, 20), (30, 20))
    page.wait_until_saved()
    offline = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    page.draw((60, 40), (80, 50))
    page.wait_for("document.getElementById('saving').dataset.state === 'offline'")
    page.draw((90, 40), (95, 50))
    assert page.browser.run("return !dispatchEvent(new Event('beforeunload', { cancelable: true }))"), "leaving asks"
    page.browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**offline, "offline": False})
    page.wait_until_saved()
    page.wait_for("document.getElementById('saving').dataset.state === 'saved'")
    assert not page.browser.run("return !dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    found = saved(tmp_path, 0)
    assert [found[20, 25], found[45, 70], found[45, 92]] == [1, 1, 1]


def test_two_tabs_lose_no_stroke(serve: Serve, open_page: Callable[..., Page], tmp_path: Path) -> None:
    """The second tab draws before it hears of the first one's stroke: it is refused, merges, and sends again."""
    address = serve()
    first, second = open_page(address), open_page(address)
    second.browser.run_module("(await load('frames')).maskOf(0).isBusy = true;")  # as while a stroke is being drawn
    first.draw((20, 20), (30, 20))
    first.wait_until_saved()
    second.wait_for_state("state.objects.length === 1")
    second.draw((60, 40), (80, 50))
    second.wait_until_saved()
    found = saved(tmp_path, 0)
    assert [found[20, 25], found[45, 70]] == [1, 1]
    for page in (first, second):
        page.browser.driver.get("about:blank")


def test_rules_of_painting(serve: Serve, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(serve())
    page.set_brush(9)
    page.draw((20, 20), (60, 20))
    page.press("n")
    page.press("x")  # paint only on background
    page.draw((40, 10), (40, 30))
    page.wait_until_saved()
    found = saved(tmp_path, 0)
    assert [found[20, 40], found[10, 40], found[30, 40]] == [1, 2, 2]

    page.press("x")
    page.press("1")
    page.press("l")  # locked
    page.press("2")
    page.draw((50, 10), (50, 30))
    page.press("e")
    page.draw((30, 10), (30, 30))
    page.press("1")
    page.press("b")
    page.draw((100, 60), (110, 60))
    page.wait_until_saved()
    found = saved(tmp_path, 0)
    assert [found[20, 50], found[10, 50], found[20, 30], found[60, 105]] == [1, 2, 1, 0]

    page.press("i")
    page.draw((50, 10))
    assert page.state("object") == [2]
    page.press("p")
    page.browser.find("#subtract").click()
    page.click_each((45, 5), (55, 5), (55, 40), (45, 40))
    page.press(Keys.ENTER)
    page.wait_until_saved()
    found = saved(tmp_path, 0)
    assert [found[20, 50], found[10, 50], found[10, 40]] == [1, 0, 2]


def test_a_name_that_is_being_typed_survives_events(
    serve: Serve, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(serve())
    page.press("n")
    page.wait_until_saved()
    page.press("r")
    page.browser.driver.switch_to.active_element.send_keys("cu")
    page.browser.run_module("(await load('state')).emit('objects');")  # as when the server tells of objects
    page.browser.driver.switch_to.active_element.send_keys("p")
    page.browser.run_module("(await load('state')).emit('objects');")
    page.browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    page.wait_until_saved()
    assert json.loads((tmp_path / "out" / "names.json").read_text()) == {"1": "cup"}
    page.press("r")
    page.browser.run_module("(await load('state')).emit('objects');")
    page.browser.driver.switch_to.active_element.send_keys("mug", Keys.ENTER)
    page.wait_until_saved()
    assert json.loads((tmp_path / "out" / "names.json").read_text()) == {"1": "mug"}


def test_undo_of_strokes_and_of_being_drawn(serve: Serve, open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = open_page(serve())
    page.draw((20, 20), (30, 20))
    page.draw((60, 40), (80, 50))
    page.wait_until_saved()
    both = saved(tmp_path, 0)
    page.press("z", Keys.CONTROL)
    page.wait_until_saved()
    assert [saved(tmp_path, 0)[20, 25], saved(tmp_path, 0)[45, 70]] == [1, 0]
    page.press("z", Keys.CONTROL)
    page.wait_until_saved()
    page.wait_for_state("state.given.size === 0")
    assert not (tmp_path / "out" / "given" / "00000.png").exists()
    page.press("z", Keys.CONTROL, Keys.SHIFT)
    page.press("z", Keys.CONTROL, Keys.SHIFT)
    page.wait_until_saved()
    np.testing.assert_array_equal(saved(tmp_path, 0, "given"), both)


def test_objects_are_deleted_here_onward_and_everywhere(
    serve: Serve, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    page = open_page(serve())
    for frame in (0, 4, 8):
        page.go_to(frame)
        page.draw((20, 20), (30, 20))
    page.press(Keys.PAGE_UP)
    page.wait_for_shown(4)
    page.press(Keys.DELETE)
    page.browser.find("#delete-dialog [value=onward]").click()
    page.wait_for_state("state.undo !== null")
    assert [saved(tmp_path, frame).any() for frame in (0, 4, 8)] == [True, False, False]
    page.browser.find("#undo-step").click()
    page.wait_for_state("state.undo === null")
    assert [saved(tmp_path, frame).any() for frame in (0, 4, 8)] == [True, True, True]
    page.press(Keys.DELETE)
    page.browser.find("#delete-dialog [value=here]").click()
    page.wait_until_saved()
    assert [saved(tmp_path, frame).any() for frame in (0, 4, 8)] == [True, False, True]
    page.press(Keys.DELETE)
    page.browser.find("#delete-dialog [value=everywhere]").click()
    page.wait_for_state("state.objects.length === 0")
    page.press("n")
    assert page.state("objects")[0][0]["id"] == 2


def test_only_the_shown_frame_and_its_neighbors_are_held(serve: Serve, open_page: Callable[..., Page]) -> None:
    page = open_page(serve())
    for frame in [*range(1, FRAMES), 5, 2, 11]:
        page.go_to(frame)
        held = page.browser.run_module("return (await load('frames')).held();")
        assert all(abs(number - frame) <= 2 for number in held)
    page.browser.find("#view").click()
    for key, frame in ((Keys.HOME, 0), (Keys.ARROW_RIGHT, 1), (Keys.END, FRAMES - 1), (Keys.ARROW_LEFT, FRAMES - 2)):
        page.press(key)
        page.wait_for_shown(frame)
    page.press(Keys.ARROW_LEFT, Keys.SHIFT)
    page.wait_for_shown(FRAMES - 12)


def test_without_the_token(serve: Serve, browsers: Callable[[int], Browser]) -> None:
    address = serve().split("#")[0]
    browser = browsers(1280)
    browser.visit(address)
    WebDriverWait(browser.driver, 30).until(lambda _: "Signed out" in browser.find("#saving").text)
