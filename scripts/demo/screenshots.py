#!/usr/bin/env python3
"""Takes pictures of every page of a running demo, at desktop and phone width: screenshots.py DIRECTORY

Needs `make demo` in another terminal, and chromedriver.
"""

import base64
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

LOGIN, JIRA = "https://login.localhost:8443", "https://jira.localhost:8443"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
PORT = 9515


def ask(method, path, body=None):
    """One command of the WebDriver protocol."""
    data = json.dumps(body or {}).encode() if method == "POST" else None
    request = urllib.request.Request(f"http://127.0.0.1:{PORT}{path}", data, method=method)
    return json.load(urllib.request.urlopen(request))["value"]


class Browser:
    def __init__(self, size, dark):
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors"]
        if dark:
            arguments.append("--force-dark-mode")
        options = {"goog:chromeOptions": {"args": arguments}}
        self.session = ask("POST", "/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]
        width, height = SIZES[size]
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=size == "phone")

    def ask(self, method, path, **body):
        return ask(method, f"/session/{self.session}{path}", body)

    def cdp(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def go(self, url):
        self.ask("POST", "/url", url=url)

    def fill_in(self, name, text):
        element = self.ask("POST", "/element", using="css selector", value=f"[name={name}]")
        [identifier] = element.values()
        self.ask("POST", f"/element/{identifier}/value", text=text)

    def picture(self, path):
        path.write_bytes(base64.b64decode(self.ask("GET", "/screenshot")))

    def quit(self):
        ask("DELETE", f"/session/{self.session}")


def main():
    directory = pathlib.Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    driver = subprocess.Popen(["chromedriver", f"--port={PORT}"], stdout=subprocess.DEVNULL)
    time.sleep(1)
    try:
        for size in SIZES:
            browser = Browser(size, dark=False)
            shot = lambda name: browser.picture(directory / f"{name}-{size}.png")
            browser.go(f"{LOGIN}/_gatehouse/logged-out")
            shot("logged-out")
            link = browser.ask("POST", "/element", using="css selector", value="a.button")
            browser.ask("POST", f"/element/{list(link.values())[0]}/click")
            shot("sign-in")
            browser.go(f"{LOGIN}/_gatehouse/login?flow=x")
            shot("error")
            browser.go(f"{LOGIN}/")
            shot("home-nobody")
            browser.go(f"{JIRA}/browse/DEMO-1?page=2")
            time.sleep(1)
            browser.fill_in("username", "bob")
            browser.fill_in("password", "bob-pw\n")
            time.sleep(1)
            shot("sample-app")
            browser.go(f"{LOGIN}/")
            shot("home")
            browser.go(f"{JIRA}/_gatehouse/logout")
            shot("confirm-logout")
            browser.quit()
        browser = Browser("phone", dark=True)
        browser.go(f"{LOGIN}/_gatehouse/login?flow=x")
        browser.picture(directory / "error-phone-dark.png")
        browser.quit()
    finally:
        driver.terminate()


if __name__ == "__main__":
    main()
