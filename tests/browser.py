"""A headless Chromium for the tests of pages."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Browser", "open_browser"]


class Browser:
    """A page opened from disk, or from a server."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self._allowed = ("file:", "data:")

    def open(self, page: Path, address: str = "") -> None:
        self.driver.get(f"{page.as_uri()}{address}")

    def visit(self, address: str) -> None:
        """Opens a page of a server on this machine, whose own requests are no complaint."""
        server = address.split("#")[0]
        self._allowed = ("data:", server, f"blob:{server}")
        self.driver.get(address)

    def run_module(self, script: str, *arguments: object) -> Any:
        """Runs the body of an async function in which ``await load("name")`` gives a module of the page."""
        begin = "const done = arguments[arguments.length - 1]; const load = (name) => import(`/${name}.js`); "
        end = "().then((found) => done([found, null]), (error) => done([null, String(error.stack)]))"
        found, error = self.driver.execute_async_script(f"{begin}(async () => {{ {script} }}){end}", *arguments)
        assert error is None, error
        return found

    def mouse(self, kind: str, x: float, y: float, buttons: int = 1, **more: object) -> None:
        """Sends an event of the mouse: mousePressed, mouseMoved or mouseReleased, at CSS pixels of the window."""
        event = {"type": kind, "x": x, "y": y, "buttons": buttons, "button": "left", "clickCount": 1, **more}
        self.driver.execute_cdp_cmd("Input.dispatchMouseEvent", event)

    def drag(self, *points: tuple[float, float], **more: object) -> None:
        """Draws with the mouse through some points; one point is a click."""
        self.mouse("mouseMoved", *points[0], buttons=0, button="none", **more)
        self.mouse("mousePressed", *points[0], **more)
        for point in points[1:]:
            self.mouse("mouseMoved", *point, **more)
        self.mouse("mouseReleased", *points[-1], buttons=0, **more)

    def key(self, kind: str, key: str, code: str) -> None:
        """Sends keyDown or keyUp alone."""
        event = {"type": kind, "key": key, "code": code, "windowsVirtualKeyCode": ord(key.upper())}
        self.driver.execute_cdp_cmd("Input.dispatchKeyEvent", event)

    def resize(self, width: int, height: int, ratio: float = 1, dark: bool = False) -> None:
        """Sets the window's size in CSS pixels, the device pixels for each, and the colors that the system prefers."""
        size = {"width": width, "height": height, "deviceScaleFactor": ratio, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())", selector)

    def wait_for_texts(self, selector: str, texts: list[str]) -> None:
        """Waits until some elements read so: a page draws what its address names only after the click has returned."""
        from selenium.webdriver.support.ui import WebDriverWait

        waiting = WebDriverWait(self.driver, 60, 0.05)
        waiting.until(lambda _: self.texts(selector) == texts, f"{selector} never read {texts}")

    def complaints(self) -> list[str]:
        """What stands in the console, and every request to anywhere but the page's file or server."""
        left = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if not url.startswith(self._allowed):
                    left.append(url)
        return [entry["message"] for entry in self.driver.get_log("browser")] + left


def open_browser() -> Iterator[Callable[[int], Browser]]:
    """Makes browsers of a width in pixels; skips where there is none, and fails in continuous integration."""
    refuse = pytest.fail if os.environ.get("CI") else pytest.skip
    try:
        from selenium import webdriver
    except ImportError:
        refuse("selenium is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        refuse("Chromium and its chromedriver are not installed")
    opened: list[Any] = []

    def make(width: int) -> Browser:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        opened.append(webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)))
        browser = Browser(opened[-1])
        browser.resize(width, 900)
        return browser

    yield make
    for one in opened:
        one.quit()
