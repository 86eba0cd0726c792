"""A page open in Chromium, with an ear for all that it must not do."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import Any

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), ""
)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SILENT = {"dialogs": [], "console": [], "requests": []}


@dataclass
class Visit:
    """An open page with all that it did and should not: dialogs, console messages, requests."""

    page: Any
    heard: dict[str, list[str]] = field(default_factory=lambda: {key: [] for key in SILENT})

    def listen(self) -> None:
        def dialog(shown: Any) -> None:
            self.heard["dialogs"].append(shown.message)
            shown.dismiss()

        def console(message: Any) -> None:
            if message.type in ("error", "warning"):
                self.heard["console"].append(message.text)

        def request(sent: Any) -> None:
            if (
                not sent.url.startswith(("data:", "blob:"))
                and sent.url != self.page.url
                and not sent.is_navigation_request()
            ):
                self.heard["requests"].append(sent.url)

        self.page.on("dialog", dialog)
        self.page.on("console", console)
        self.page.on("pageerror", lambda error: self.heard["console"].append(str(error)))
        self.page.on("request", request)


def until(visit: Visit, expression: str) -> None:
    """Wait until something is so; playwright's own way to wait is forbidden by the page's policy."""
    for _ in range(200):
        if visit.page.evaluate(expression):
            return
        visit.page.wait_for_timeout(50)
    raise AssertionError(expression)
