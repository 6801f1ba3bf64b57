"""What a person does on the page, with a headless Chromium."""

from __future__ import annotations

import json
from typing import Any

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.browser import Browser

__all__ = ["Page"]


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

    def wait_for_module(self, module: str, condition: str) -> None:
        """Waits until something that a module exports fulfills a condition."""
        names = "place, isPlaying, held"
        script = f"const {{ {names} }} = await load('{module}'); return Boolean({condition});"
        WebDriverWait(self.browser.driver, 60, 0.05).until(lambda _: self.browser.run_module(script))

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

    def type(self, *text: str) -> None:
        """Types where the focus is."""
        ActionChains(self.browser.driver).send_keys(*text).perform()

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
        self.type(name, Keys.ENTER)

    def wait_for_repaint(self) -> None:
        self.browser.run_module(
            "await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));"
        )

    def go_to_by_key(self, key: str, frame: int) -> None:
        self.press(key)
        self.wait_for_shown(frame)

    def tab_to(self, selector: str) -> None:
        """Moves the focus with the Tab key."""
        for _ in range(100):
            if self.browser.run("return document.activeElement.matches(arguments[0])", selector):
                return
            self.press(Keys.TAB)
        raise AssertionError(f"{selector} cannot be reached with Tab")

    def touch(self, *steps: list[tuple[int, int]]) -> None:
        """Moves fingers over pixels of the frame: for each step a place per finger."""
        for number, fingers in enumerate(steps):
            points = [
                dict(zip("xy", self.client(*pixel), strict=True), id=place) for place, pixel in enumerate(fingers)
            ]
            kind = "touchMove" if number else "touchStart"
            self.browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        self.browser.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def pixel(self, x: float, y: float) -> tuple[int, int]:
        """The pixel of the frame at CSS pixels of the window."""
        found = self.browser.run_module(
            f"const {{ pixelAt }} = await load('canvas'); return pixelAt({{ clientX: {x}, clientY: {y} }});"
        )
        return found[0], found[1]

    def middle(self) -> tuple[int, int]:
        """The middle of the view in CSS pixels of the window."""
        box = self.browser.run("return document.getElementById('view').getBoundingClientRect()")
        return round(box["x"] + box["width"] / 2), round(box["y"] + box["height"] / 2)

    def object_color(self, index: int) -> tuple[int, ...]:
        return tuple(bytes.fromhex(next(o["color"] for o in self.state("objects")[0] if o["id"] == index)[1:]))

    def color(self, x: int, y: int) -> tuple[int, ...]:
        """The color that is shown for a pixel of the frame."""
        left, top = self.client(x, y)
        return self._canvas_color("view", left, top)

    def timeline_point(self, frame: int, y: float = 24) -> tuple[int, int]:
        """The middle of a frame on the timeline, ``y`` CSS pixels from its top, in CSS pixels of the window."""
        box = self.browser.run("return document.getElementById('timeline').getBoundingClientRect()")
        frames = self.state("frames")[0]
        return round(box["x"] + 8 + (frame + 0.5) * (box["width"] - 16) / frames), round(box["y"] + y)

    def timeline_color(self, frame: int, y: float) -> tuple[int, ...]:
        return self._canvas_color("timeline", *self.timeline_point(frame, y))

    def accessible(self) -> list[tuple[str, str]]:
        """Role and name of every element that a screen reader announces."""
        tree = self.browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})
        return [
            (node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in tree["nodes"]
            if not node["ignored"]
        ]

    def _canvas_color(self, canvas: str, left: float, top: float) -> tuple[int, ...]:
        self.wait_for_repaint()
        found = self.browser.run_module(
            f"const canvas = document.getElementById('{canvas}'), box = canvas.getBoundingClientRect();"
            "const ratio = canvas.width / box.width, pen = canvas.getContext('2d');"
            f"const at = [({left} - box.left) * ratio, ({top} - box.top) * ratio].map(Math.floor);"
            "return [...pen.getImageData(...at, 1, 1).data].slice(0, 3);"
        )
        return tuple(found)
