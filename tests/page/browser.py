"""Chromium, spoken to over its DevTools pipe: pages opened, looked into, and what they complained about. No driver and no
package is needed."""
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time
import unittest

NAMES = ("chromium", "chromium-browser", "google-chrome")
LIMIT_S = 120  # that a page, or an answer, may take on a busy machine


def find():
    """The browser's path; a test without one is skipped, with the reason."""
    path = os.environ.get("RANKKV_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)
    if not path:
        raise unittest.SkipTest("no Chromium: " + ", ".join(NAMES) + " and RANKKV_BROWSER name none")
    return path


class Browser:
    """One browser process with one page."""

    def __init__(self):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        command = [find(), "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
                   "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", "about:blank"]
        # The browser reads descriptor 3 and writes descriptor 4.
        shell = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        self._process = subprocess.Popen(["sh", "-c", shell, "sh", *command], pass_fds=(to_browser, from_browser),
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._rest, self._last, self.events, self._session = b"", 0, [], None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Runtime", "Log", "Network", "Page", "DOM", "Accessibility"):
            self.send(domain + ".enable")

    def close(self):
        self._process.terminate()
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        self.profile.cleanup()

    # ---- messages ----

    def _receive(self, until):
        while b"\0" not in self._rest:
            if not select.select([self._in], [], [], max(until - time.monotonic(), 0))[0]:
                raise TimeoutError("the browser does not answer")
            got = os.read(self._in, 1 << 20)
            if not got:
                raise EOFError("the browser has ended")
            self._rest += got
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)

    def send(self, method, **parameters):
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data):]
        until = time.monotonic() + LIMIT_S
        while True:
            got = self._receive(until)
            if got.get("id") == self._last:
                if "error" in got:
                    raise RuntimeError(f"{method}: {got['error']['message']}")
                return got["result"]
            self.events.append(got)

    # ---- pages ----

    def open(self, path, width=1440, theme="light"):
        """Opens a page of ours and waits until all of its sections are there."""
        self.events = []
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
        self.send("Page.navigate", url="about:blank")  # so that the page before it is not taken for it
        self.send("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        self.wait("document.documentElement?.dataset.ready === 'true'")
        self.settle()

    def evaluate(self, expression):
        """The value of an expression, which may be a promise."""
        answer = self.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description", details["text"]))
        return answer["result"].get("value")

    def wait(self, expression):
        until = time.monotonic() + LIMIT_S
        while not self.evaluate(expression):
            if time.monotonic() > until:
                raise TimeoutError(expression)
            time.sleep(0.05)

    def settle(self):
        """Lets observers and timers run, and the page be painted."""
        self.evaluate("new Promise((done) => setTimeout(() => requestAnimationFrame(() => setTimeout(done, 50)), 50))")

    def press(self, key):
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def move(self, x, y):
        self.send("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def picture(self, path):
        pathlib.Path(path).write_bytes(base64.b64decode(self.send("Page.captureScreenshot", captureBeyondViewport=True)["data"]))

    # ---- what went wrong ----

    def complaints(self):
        """Console messages, exceptions and refused requests since the page was opened, as text."""
        self.settle()
        said = []
        for event in self.events:
            method, p = event.get("method"), event.get("params", {})
            if method == "Runtime.consoleAPICalled":
                said.append(" ".join(str(a.get("value", a.get("description"))) for a in p["args"]))
            elif method == "Runtime.exceptionThrown":
                said.append(p["exceptionDetails"].get("exception", {}).get("description", p["exceptionDetails"]["text"]))
            elif method == "Log.entryAdded":
                said.append(p["entry"]["text"])
        return said

    def requests(self):
        """What was asked for but the empty page and the page itself."""
        sent = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in sent[2:] if not url.startswith(("data:", "blob:"))]

    def unnamed(self):
        """What can be gone to by keyboard and has no name; the skip link goes to main."""
        nodes = self.send("Accessibility.getFullAXTree")["nodes"]
        focusable = [n for n in nodes if not n.get("ignored") and any(p["name"] == "focusable" and p["value"].get("value") for p in n.get("properties", []))]
        return [n["role"]["value"] for n in focusable if n["role"]["value"] not in ("RootWebArea", "main") and not n.get("name", {}).get("value")]
