"""A headless Chromium for the tests of pages."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Browser", "open_browser"]


class Browser:
    """A page opened from disk."""

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def open(self, page: Path, address: str = "") -> None:
        self.driver.get(f"{page.as_uri()}{address}")

    def run(self, script: str, *arguments: object) -> Any:
        return self.driver.execute_script(script, *arguments)

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        return self.run("return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())", selector)

    def complaints(self) -> list[str]:
        """What stands in the console, and every request that left the file."""
        left = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if not url.startswith(("file:", "data:")):
                    left.append(url)
        return [entry["message"] for entry in self.driver.get_log("browser")] + left


def open_browser() -> Iterator[Callable[[int], Browser]]:
    """Makes browsers of a width in pixels; skips where there is none."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("Chromium and its chromedriver are not installed")
    opened: list[Any] = []

    def make(width: int) -> Browser:
        options = webdriver.ChromeOptions()
        options.binary_location = chromium
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        opened.append(webdriver.Chrome(options=options, service=webdriver.ChromeService(driver)))
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        opened[-1].execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        return Browser(opened[-1])

    yield make
    for one in opened:
        one.quit()
