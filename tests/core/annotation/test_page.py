"""The page in a headless Chromium, each test on a session of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import Browser, open_browser
from tests.builders import draw_clip, read_labels, write_frames
from tests.core.annotation import plain_drawing
from tests.core.annotation.conftest import TOKEN, Serve
from tests.core.annotation.pages import Page
from tests.core.annotation.sessions import Steps, box, open_session, start_worker
from visorvos.core.annotation.session import Session

pytestmark = pytest.mark.network

HEIGHT, WIDTH, FRAMES = 90, 160, 14
browsers = pytest.fixture(open_browser, scope="module")


@pytest.fixture(scope="module")
def browser(browsers: Callable[[int], Browser]) -> Browser:
    return browsers(1280)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    frames, _ = draw_clip(FRAMES, HEIGHT, WIDTH, 3)
    return write_frames(tmp_path_factory.mktemp("page") / "clip", frames)


@pytest.fixture
def session(root: Path, clip: Path) -> Session:
    return open_session(root, clip)


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def address(session: Session, steps: Steps, serve: Serve) -> Iterator[str]:
    worker = start_worker(session, steps)
    yield f"http://127.0.0.1:{serve(session, worker)}/#token={TOKEN}"
    worker.stop()
    steps.let(FRAMES)
    worker.close()


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    browser.resize(1280, 720)
    browser.visit(address)
    browser.complaints()
    yield Page(browser)
    browser.run("sessionStorage.clear()")
    browser.driver.get("about:blank")


def saved(tmp_path: Path, frame: int, kind: str = "masks") -> np.ndarray:
    return read_labels(tmp_path / "out" / kind / f"{frame:05d}.png")


@pytest.mark.parametrize(
    ("ratio", "looks"),
    [(1, [(0.5, 0.0), (1, 0.3), (8, 0.5), (32, 0.77)]), (2, [(0.5, 1.0), (2.7, 0.3), (32, 0.0)])],
)
def test_what_is_drawn_is_what_is_saved(
    page: Page, tmp_path: Path, ratio: int, looks: list[tuple[float, float]]
) -> None:
    """At every zoom and opacity, against drawing in plain Python."""
    page.browser.resize(1280, 720, ratio)
    page.press("n")
    page.press("n")
    random = np.random.default_rng(ratio)
    for frame, (zoom, opacity) in enumerate(looks):
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


def test_strokes_made_offline_are_sent_again(page: Page, tmp_path: Path) -> None:
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


def test_two_tabs_lose_no_stroke(page: Page, session: Session, tmp_path: Path) -> None:
    """This tab draws before it receives the other tab's stroke: it is refused, merges, and sends again."""
    page.draw((20, 20), (30, 20))
    page.wait_until_saved()
    page.browser.run_module("(await load('frames')).maskOf(0).isBusy = true;")  # as while a stroke is being drawn
    labels = session.mask(0)
    labels[70:80, 100:110] = 1
    session.save_mask(0, labels)
    page.draw((60, 40), (80, 50))
    page.wait_until_saved()
    found = saved(tmp_path, 0)
    assert [found[20, 25], found[45, 70], found[75, 105]] == [1, 1, 1]


def test_rules_of_painting(page: Page, tmp_path: Path) -> None:
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


def test_a_name_that_is_being_typed_survives_events(page: Page, tmp_path: Path) -> None:
    page.press("n")
    page.wait_until_saved()
    page.press("r")
    page.type("cu")
    page.browser.run_module("(await load('state')).emit('objects');")  # as when the server tells of objects
    page.type("p")
    page.browser.run_module("(await load('state')).emit('objects');")
    page.type(Keys.ENTER)
    page.wait_until_saved()
    assert json.loads((tmp_path / "out" / "names.json").read_text()) == {"1": "cup"}
    page.press("r")
    page.browser.run_module("(await load('state')).emit('objects');")
    page.type("mug", Keys.ENTER)
    page.wait_until_saved()
    assert json.loads((tmp_path / "out" / "names.json").read_text()) == {"1": "mug"}


def test_undo_of_strokes_and_of_being_drawn(page: Page, tmp_path: Path) -> None:
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


def test_objects_are_deleted_here_onward_and_everywhere(page: Page, tmp_path: Path) -> None:
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


def test_only_the_shown_frame_and_its_neighbors_are_held(page: Page) -> None:
    for frame in (1, 2, 3, 9, FRAMES - 1, 5, 2, 11):
        page.go_to(frame)
        held = page.browser.run_module("return (await load('frames')).held();")
        assert all(abs(number - frame) <= 2 for number in held)
    page.browser.find("#view").click()
    for key, frame in ((Keys.HOME, 0), (Keys.ARROW_RIGHT, 1), (Keys.END, FRAMES - 1), (Keys.ARROW_LEFT, FRAMES - 2)):
        page.press(key)
        page.wait_for_shown(frame)
    page.press(Keys.ARROW_LEFT, Keys.SHIFT)
    page.wait_for_shown(FRAMES - 12)


def test_without_the_token(browser: Browser, address: str) -> None:
    browser.visit(address.split("#")[0])
    WebDriverWait(browser.driver, 30).until(lambda _: "Signed out" in browser.find("#saving").text)
    browser.driver.get("about:blank")


def test_an_address_opened_in_the_tab_of_the_page(page: Page) -> None:
    """The same one changes nothing, so that unsent strokes stay; another is that of another session."""
    page.browser.run(f"window.isStillThere = true; location.hash = '#token={TOKEN}'")
    page.wait_for("location.hash === ''")
    assert page.browser.run("return window.isStillThere")
    page.browser.run("location.hash = '#token=another'")
    page.wait_for("!window.isStillThere && document.getElementById('saving').innerText.startsWith('Signed out')")


def test_zoom_and_pan(page: Page) -> None:
    x, y = page.client(120, 30)
    page.browser.mouse("mouseWheel", x, y, buttons=0, button="none", deltaX=0, deltaY=-800)
    page.wait_for_module("canvas", "place.scale > 15")
    assert page.pixel(x, y) == (120, 30), "the pixel below the pointer stays there"
    page.browser.key("keyDown", " ", "Space")
    page.browser.drag((x, y), (x - 60, y + 40))
    page.browser.key("keyUp", " ", "Space")
    assert page.pixel(x - 60, y + 40) == (120, 30)
    page.press("0")
    assert page.client(WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5) == page.middle()
    assert page.state("objects") == [[]], "nothing was drawn"


def test_the_size_of_the_brush(page: Page) -> None:
    page.set_brush(20)
    page.press("]")
    assert page.state("size") == [23]
    page.press("[")
    assert page.state("size") == [20]
    x, y = page.client(60, 40)
    scale = page.browser.run_module("const { place, ratio } = await load('canvas'); return place.scale / ratio();")
    page.browser.drag((x, y), (x + round(10 * scale), y), modifiers=1)  # Alt
    assert page.state("size", "objects") == [30, []]


def test_the_look_of_masks(page: Page) -> None:
    """Hiding, opacity, outlines and colors, in the pixels of the view."""
    bare = page.color(60, 40)
    page.set_brush(31)
    page.draw((60, 40), (90, 40))
    page.browser.run_module("const { set } = await load('state'); set({ opacity: 1 }, 'look');")
    assert page.color(60, 40) == page.object_color(1) != bare
    page.browser.key("keyDown", "h", "KeyH")
    assert page.color(60, 40) == bare
    page.browser.key("keyUp", "h", "KeyH")
    assert page.color(60, 40) == page.object_color(1)
    page.press("v")  # hide the object
    assert page.color(60, 40) == bare
    page.press("v")
    page.browser.run_module("const { edit } = await load('objects'); edit(1, { color: '#0a1e28' });")
    assert page.color(60, 40) == (10, 30, 40)
    page.browser.run_module("const { set } = await load('state'); set({ opacity: 0 }, 'look');")
    assert page.color(60, 40) == bare
    assert page.color(60, 25) == (10, 30, 40), "the outline"
    page.press("o")
    assert page.color(60, 25) != (10, 30, 40)
    page.wait_until_saved()


def test_a_stroke_from_outside_of_the_frame(page: Page, tmp_path: Path) -> None:
    page.set_brush(5)
    page.press("-")
    page.draw((-6, 30), (4, 30))
    page.draw((WIDTH + 5, 50), (WIDTH - 8, 50))
    page.wait_until_saved()
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    plain_drawing.stroke(expected, [(-6, 30), (4, 30)], 5, 1)
    plain_drawing.stroke(expected, [(WIDTH + 5, 50), (WIDTH - 8, 50)], 5, 1)
    np.testing.assert_array_equal(saved(tmp_path, 0), expected)
    page.browser.run_module("const { set } = await load('state'); set({ opacity: 1 }, 'look');")
    assert page.color(1, 30) == page.color(WIDTH - 3, 50) == page.object_color(1)


def test_touch_and_pen_draw(page: Page, tmp_path: Path) -> None:
    page.set_brush(5)
    page.touch([(20, 20)], [(30, 20)], [(40, 20)])
    page.wait_until_saved()
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    plain_drawing.stroke(expected, [(20, 20), (30, 20), (40, 20)], 5, 1)
    np.testing.assert_array_equal(saved(tmp_path, 0), expected)

    page.browser.drag(page.client(60, 50), page.client(90, 50), pointerType="pen")
    page.wait_until_saved()
    plain_drawing.stroke(expected, [(60, 50), (90, 50)], 5, 1)
    np.testing.assert_array_equal(saved(tmp_path, 0), expected)

    before = page.browser.run_module("return (await load('canvas')).place.scale;")
    page.touch([(60, 40), (80, 40)], [(50, 40), (90, 40)])  # two fingers
    page.wait_for_module("canvas", f"place.scale > {1.5 * before}")
    page.wait_until_saved()
    np.testing.assert_array_equal(saved(tmp_path, 0), expected)


def test_the_timeline(page: Page, session: Session) -> None:
    session.save_mask(3, box(1, HEIGHT, WIDTH))
    session.save_mask(9, box(1, HEIGHT, WIDTH))
    page.wait_for_state("state.given.size === 2")
    row = 40
    assert page.timeline_color(3, row) == page.timeline_color(9, row) == page.object_color(1)
    assert page.timeline_color(5, row) != page.object_color(1)
    drawn = page.timeline_color(3, 24)
    assert drawn == page.timeline_color(9, 24) != page.timeline_color(5, 24)

    page.browser.drag(page.timeline_point(5))
    page.wait_for_shown(5)
    page.browser.drag(page.timeline_point(5), page.timeline_point(7), page.timeline_point(11))
    page.wait_for_shown(11)
    page.press(Keys.PAGE_UP)
    page.wait_for_shown(9)
    page.press(Keys.PAGE_UP)
    page.wait_for_shown(3)
    page.press(Keys.PAGE_DOWN)
    page.wait_for_shown(9)


def test_play_runs_to_the_end_and_stops(page: Page) -> None:
    page.browser.run_module("(await load('state')).state.rate = 100;")
    page.press("k")
    page.wait_for_shown(FRAMES - 1)
    page.wait_for_module("play", "!isPlaying()")


def test_stale_masks_are_marked(page: Page, session: Session, steps: Steps) -> None:
    session.save_mask(0, box(1, HEIGHT, WIDTH))
    page.wait_for_state("state.given.size === 1")
    page.press(Keys.ENTER)
    steps.let(FRAMES - 1)
    page.wait_until_propagated(0)
    fresh = page.timeline_color(5, 24)
    page.go_to(2)
    page.draw((60, 40), (80, 40))
    page.wait_for_state("state.stale.has(5)")
    assert page.timeline_color(5, 24) != fresh


def test_the_whole_way_by_keyboard(page: Page, session: Session, steps: Steps) -> None:
    """Choose an object, propagate to a chosen frame, watch, stop, undo, confirm, export; the mouse is not used."""
    session.save_mask(4, box(1, HEIGHT, WIDTH) + box(2, HEIGHT, WIDTH, left=60))
    page.wait_for_state("state.objects.length === 2")
    page.press(Keys.PAGE_DOWN)
    page.wait_for_shown(4)
    page.press("2")
    assert page.state("object") == [2]

    page.tab_to("#until")
    page.press("7")
    page.press(Keys.ENTER)
    page.press(Keys.ENTER)
    steps.let(1)
    page.wait_for_shown(5)  # masks are shown as they are found
    page.wait_for("document.getElementById('job-text').innerText.startsWith('1 of 3, ')")
    assert page.browser.texts("#job-text")[0].endswith(" left")
    assert "frames/s" in page.browser.texts("#job-text")[0]
    page.press(Keys.ESCAPE)
    steps.let(1)
    page.wait_until_propagated(4)
    assert page.state("propagation")[0]["state"] == "stopped"
    assert page.state("masked")[0] in ([4, 5], [4, 5, 6])

    page.press("z", Keys.CONTROL)
    page.wait_for_state("state.masked.size === 1")
    page.go_to_by_key(Keys.PAGE_UP, 4)
    page.tab_to("#until")
    page.press(Keys.BACKSPACE)
    page.press(Keys.ENTER)
    steps.let(4)
    page.press(Keys.ENTER, Keys.SHIFT)
    page.wait_for_state("state.masked.size === 5")
    page.go_to_by_key(Keys.HOME, 0)
    page.press("c")
    page.wait_for_state("state.given.has(0)")

    page.tab_to("#export")
    page.press(Keys.ENTER)
    page.wait_for("document.getElementById('message').innerText.startsWith('Exported')")
    assert (session.folder.root / "export" / "ImageSets" / "2022" / "val.txt").is_file()


def test_every_control_has_a_name_for_screen_readers(page: Page) -> None:
    """In the tree that Chromium gives them, dialogs included."""
    page.press("n")
    roles = {"button", "checkbox", "slider", "textbox", "spinbutton", "ColorWell", "Canvas", "dialog", "progressbar"}
    found = set()
    for key in (None, "?", Keys.DELETE):
        if key is not None:
            page.press(key)
        for role, name in page.accessible():
            if role in roles:
                found.add(role)
                assert name.strip(), role
        page.press(Keys.ESCAPE)
    assert {"button", "checkbox", "slider", "textbox", "spinbutton", "dialog"} <= found


def test_the_list_of_keys(page: Page) -> None:
    page.press("?")
    shown = page.browser.texts("#key-list kbd")
    wanted = "B E P F I X N R L V C K 0 O ? [ ] Enter Shift+Enter Esc Ctrl+Z Ctrl+Shift+Z Home End PageUp PageDown"
    assert set(wanted.split()) <= set(shown)
    page.press(Keys.ESCAPE)
    page.wait_for("!document.getElementById('help').open")


def test_frames_that_changed_are_reported(page: Page, session: Session) -> None:
    session.check_frames("then")
    session.check_frames("now")
    page.wait_for("document.getElementById('message').innerText.includes('changed since this session was made')")
    page.browser.driver.refresh()
    page.wait_for("document.getElementById('message').innerText.includes('changed since this session was made')")


def test_colors_of_the_system_and_small_windows(page: Page) -> None:
    """Nothing is cut off from 1280x720 on; both color schemes have their own paper."""
    papers = []
    for dark in (False, True):
        for width, height in ((1280, 720), (1920, 1080)):
            page.browser.resize(width, height, dark=dark)
            assert page.browser.run(
                "return [...document.querySelectorAll('button, input')].filter((e) => e.offsetParent).every((e) => {"
                "const b = e.getBoundingClientRect();"
                "return b.left >= 0 && b.top >= 0 && b.right <= innerWidth && b.bottom <= innerHeight; })"
            )
        papers.append(page.browser.run("return getComputedStyle(document.body).backgroundColor"))
    assert papers[0] != papers[1]
