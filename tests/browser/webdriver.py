"""A browser for tests: headless Chromium over chromedriver's HTTP (W3C WebDriver, and the DevTools protocol through it).

    with Browser(folder) as browser:
        browser.go(path)
        browser.press("Tab", "Enter")
        print(browser.run("return document.title"), browser.log("browser"))
"""
import base64
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request

KEYS = {
    "Shift": "\ue008", "Control": "\ue009", "Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "PageUp": "\ue00e",
    "PageDown": "\ue00f", "End": "\ue010", "Home": "\ue011", "ArrowLeft": "\ue012", "ArrowUp": "\ue013",
    "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Space": " ",
}
FLAGS = [
    # For containers, which have no sandbox of the kernel's, no GPU and little shared memory.
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    # Whatever the browser would ask of a network is answered with nothing.
    "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking",
    "--disable-component-update", "--disable-default-apps", "--disable-sync", "--no-first-run",
    # The same pictures everywhere.
    "--force-device-scale-factor=1", "--force-color-profile=srgb", "--lang=en-US",
]
LIMIT_S = 300  # that anything may take: on a busy machine Chromium takes its time

# Without a proxy, whatever the environment says: the driver is on this machine.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class BrowserError(Exception):
    """What the driver answered: `kind` is WebDriver's error code."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message.splitlines()[0] if message else ''}")
        self.kind = kind


def missing():
    """Why there is no browser here, or None."""
    absent = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
    return f"{' and '.join(absent)} not found (Debian: chromium, chromium-driver)" if absent else None


class Browser:
    """folder: where the browser keeps its profile; what pages save goes to `downloads` in it."""

    def __init__(self, folder, flags=()):
        self.folder = pathlib.Path(folder)
        self.downloads = self.folder / "downloads"
        self.downloads.mkdir(parents=True)
        self.session = None
        self.opened = set()
        self._start_driver()
        try:
            self._start_session(flags)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            if self.session:
                self._ask("DELETE", "")
        except (BrowserError, OSError):
            pass  # it ended by itself
        self.driver.terminate()
        self.driver.wait(timeout=LIMIT_S)
        self.driver.stdout.close()

    # ---- the driver ----

    def _start_driver(self):
        # Its own home and temporary folder, so that nothing of the user's is read, and nothing is left.
        env = os.environ | {"HOME": str(self.folder), "TMPDIR": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], env=env, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for line in self.driver.stdout:
            port = re.search(r"started successfully on port (\d+)", line)
            if port:
                self.address = f"http://127.0.0.1:{port[1]}/session"
                return
        self.driver.wait(timeout=LIMIT_S)
        self.driver.stdout.close()
        raise BrowserError("session not created", "chromedriver ended without naming a port")

    def _start_session(self, flags):
        options = {
            "binary": shutil.which("chromium"),
            "args": [*FLAGS, *flags, f"--user-data-dir={self.folder / 'profile'}"],
            "prefs": {"download.default_directory": str(self.downloads), "download.prompt_for_download": False},
            "perfLoggingPrefs": {"enableNetwork": True, "enablePage": False},
        }
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options, "unhandledPromptBehavior": "ignore",
                        "timeouts": {"script": 1000 * LIMIT_S, "pageLoad": 1000 * LIMIT_S},
                        "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"}}
        answer = self._send("POST", self.address, {"capabilities": {"alwaysMatch": capabilities}})
        self.session = f"{self.address}/{answer['sessionId']}"

    def _send(self, method, address, body=None, timeout=LIMIT_S + 30):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address, data, {"Content-Type": "application/json"}, method=method)
        try:
            with _direct.open(request, timeout=timeout) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise BrowserError(value["error"], value["message"]) from None

    def _ask(self, method, path, body=None):
        return self._send(method, self.session + path, body)

    # ---- pages ----

    def go(self, path):
        """To a pathlib.Path, or an address."""
        address = path if isinstance(path, str) else path.resolve().as_uri()
        self.opened.add(address)
        self._ask("POST", "/url", {"url": address})

    def run(self, script, *arguments):
        """The value that the body of a function returns; promises are awaited."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script, *arguments, seconds=LIMIT_S, what=None):
        """Until the script returns something true: that."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(script, *arguments)
            if value:
                return value
            if time.monotonic() > end:
                raise BrowserError("timeout", f"{what or script}: not within {seconds} s")
            time.sleep(0.02)

    def tell(self, command, **parameters):
        """A command of the DevTools protocol."""
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def log(self, kind):
        """Entries of the log "browser" or "performance" since they were last asked for."""
        return self._ask("POST", "/se/log", {"type": kind})

    # ---- keys and pointer ----

    def press(self, *keys, shift=False, control=False):
        """Keys by their names, one after another, to whatever has the focus."""
        held = [KEYS["Shift"]] * shift + [KEYS["Control"]] * control
        strokes = [{"type": t, "value": KEYS.get(k, k)} for k in keys for t in ("keyDown", "keyUp")]
        down = [{"type": "keyDown", "value": k} for k in held]
        up = [{"type": "keyUp", "value": k} for k in reversed(held)]
        self._ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": down + strokes + up}]})

    def point(self, x, y, click=False):
        """Moves the mouse to a place in the window, in CSS pixels."""
        moves = [{"type": "pointerMove", "duration": 0, "x": round(x), "y": round(y)}]
        if click:
            moves += [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": moves}]})

    # ---- what it is shown on ----

    def resize(self, width, height):
        self.tell("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def media(self, media="", **features):
        """media("print"), media(prefers_color_scheme="dark"): "" is the screen."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.tell("Emulation.setEmulatedMedia", media=media, features=features)

    def picture(self, path):
        """The whole page as a PNG."""
        answer = self.tell("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(answer["data"]))

    def downloaded(self, act, seconds=LIMIT_S):
        """The (name, bytes) of the file that act() makes the page save."""
        before = set(self.downloads.iterdir())
        act()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            new = [p for p in set(self.downloads.iterdir()) - before if not p.name.startswith(".") and p.suffix != ".crdownload"]
            if new and new[0].stat().st_size > 0:
                data = new[0].read_bytes()
                new[0].unlink()  # another of its name would get a number
                return new[0].name, data
            time.sleep(0.02)
        raise BrowserError("timeout", f"nothing was saved within {seconds} s")
