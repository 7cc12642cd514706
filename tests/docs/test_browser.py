"""Every page in Chromium, with the network refused.

Skipped where there is no chromium; `apt-get install chromium chromium-driver` brings it.
"""

import json
import shutil

import pytest

pytestmark = pytest.mark.slow
webdriver = pytest.importorskip("selenium.webdriver", reason="needs the extra docs")

# How many formulas there are, how many are set, and text that still holds a formula's source.
FORMULAS = r"""
const left = [], walker = document.createTreeWalker(document.querySelector("article"), 4)
while (walker.nextNode()) {
  const node = walker.currentNode
  if (node.parentElement.closest("pre, code, .katex, script, style")) continue
  if (/\\\(|\\\[|\\frac|\$\$/.test(node.textContent)) left.push(node.textContent.trim())
}
return {
  wanted: document.querySelectorAll(".arithmatex").length,
  found: document.querySelectorAll(".arithmatex > .katex, .arithmatex > .katex-display").length,
  errors: document.querySelectorAll(".katex-error").length, left}
"""
BROKEN_IMAGES = """
return [...document.images].filter(one => !one.complete || !one.naturalWidth).map(one => one.src)
"""
# Wider than the window: a phone would scroll sideways.
OVERFLOW = """
const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth
return wide > 1 ? wide : 0
"""
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}


@pytest.fixture(scope="module")
def browser():
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        pytest.skip("needs chromium and chromedriver, which pip cannot install and `.ci/run` does")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--allow-file-access-from-files",
        "--window-size=1280,900",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    found = webdriver.Chrome(options, webdriver.ChromeService(driver))
    found.set_page_load_timeout(60)
    yield found
    found.quit()


def complaints(browser):
    """What the console and the network said since they were asked last."""
    found = [f"console: {one['message']}" for one in browser.get_log("browser")]
    for entry in browser.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        if message["method"] == "Network.loadingFailed":
            found.append(f"failed: {message['params']}")
        if message["method"] == "Network.requestWillBeSent":
            address = message["params"]["request"]["url"]
            if address.startswith(("http:", "https:", "ws:", "wss:")):
                found.append(f"asked for: {address}")
    return found


def test_every_page_alone(browser, site):
    wrong = {}
    for file in site.pages:
        if file.name == "404.html":
            continue
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        browser.get(file.as_uri())
        found = complaints(browser)
        formulas = browser.execute_script(FORMULAS)
        is_set = formulas["found"] == formulas["wanted"]
        if formulas["errors"] or formulas["left"] or not is_set:
            found.append(f"formulas: {formulas}")
        found += [f"no picture: {one}" for one in browser.execute_script(BROKEN_IMAGES)]
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)
        wide = browser.execute_script(OVERFLOW)
        found += [f"wider than a phone by {wide}"] if wide else []
        if found:
            wrong[str(file.relative_to(site.folder))] = found
    assert not wrong


def test_formulas_are_there(browser, site):
    browser.get((site.folder / "reference" / "losses.html").as_uri())
    assert browser.execute_script(FORMULAS)["found"] > 10


@pytest.mark.parametrize(("wanted", "scheme"), [("dark", "slate"), ("light", "default")])
def test_the_system_says_whether_it_is_dark(browser, site, wanted, scheme):
    media = {"features": [{"name": "prefers-color-scheme", "value": wanted}]}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", media)
    browser.get((site.folder / "index.html").as_uri())
    browser.execute_script("localStorage.clear()")
    browser.refresh()
    assert browser.execute_script("return document.body.dataset.mdColorScheme") == scheme
    assert complaints(browser) == []


def test_search_finds(browser, site):
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    browser.get((site.folder / "index.html").as_uri())
    complaints(browser)
    browser.find_element(By.CSS_SELECTOR, "input.md-search__input").send_keys("TripletSemiHardLoss")
    links = WebDriverWait(browser, 30).until(
        lambda one: one.find_elements(By.CSS_SELECTOR, ".md-search-result__link")
    )
    assert any("reference/losses.html" in link.get_attribute("href") for link in links)
    assert complaints(browser) == []


def test_a_failed_request_is_seen(browser, tmp_path):
    page = tmp_path / "page.html"
    page.write_text('<article><img src="https://example.org/i.png"><script>f()</script></article>')
    browser.get(page.as_uri())
    found = " ".join(complaints(browser))
    for word in ("asked for: https://example.org", "failed:", "f is not defined"):
        assert word in found
