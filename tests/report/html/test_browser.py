"""The report in a real browser: no errors, nothing loaded, everything to be seen, opened and reached by the keyboard."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.report.html.conftest import EXAMPLES, HOSTILE
from tests.report.html.test_svg import LEADING_AWAY

from seedproof.report.figures import draw_surface
from seedproof.report.html import FigureEntry, Page, write_report, write_study_report

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(store, tmp_path_factory):
    """The report of the made study."""
    return write_study_report(store, tmp_path_factory.mktemp("report") / "report.html")


@pytest.fixture
def page(browser, report):
    """The report, open; the test fails at its end if the browser has complained or anything was asked for."""
    yield from opened(browser, report)


def opened(browser, path, **options):
    context = browser.new_context(**options)
    page = context.new_page()
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    yield page
    context.close()
    assert complaints == []
    assert {url for url in requests if not url.startswith(("data:", "blob:"))} == {path.as_uri()}


def test_everything_is_there_and_texts_stay_texts(page):
    """Every figure is visible; a hostile label runs nothing and reads as it was given."""
    assert page.title().startswith("study </script>")
    figures = page.locator("figure svg[role=img]")
    assert figures.count() == 6
    for index in range(figures.count()):
        box = figures.nth(index).bounding_box()
        assert box["width"] > 200
        assert box["height"] > 100
    assert page.locator("#runs tbody tr").count() == 8
    assert page.locator("#runs tbody tr td", has_text="corrected </script>").count() == 4
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2  # data and program


def test_a_drawing_of_a_stranger_leads_nowhere(browser, tmp_path):
    """Opened and clicked everywhere, the page stays where it is and asks for nothing (``opened`` looks at the requests)."""
    (tmp_path / "a.svg").write_text(LEADING_AWAY)
    entry = FigureEntry(name="fig1", title="made elsewhere", images=[tmp_path / "a.svg"])
    path = write_report(tmp_path / "report.html", Page(title="a page", figures=[entry]))
    for page in opened(browser, path):
        page.wait_for_timeout(300)
        for shape in ("outside", "code", "run"):
            page.locator(f"rect[id$={shape}]").click(force=True)
            page.wait_for_timeout(100)
        assert page.url.split("#")[0] == path.as_uri()
        assert page.title() == "a page"
        assert page.locator("form, meta[http-equiv=refresh], iframe, base").count() == 0


def test_ids_are_unique(page):
    """Clipping paths and marks of one figure are never those of another, which may be hidden."""
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))


def test_a_run_opens_by_the_keyboard_and_closes_again(page):
    """Enter opens, the focus is inside, Escape closes and brings the focus back to where it was."""
    button = page.locator("button.open").first
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog#run")
    assert dialog.is_visible()
    assert "devlin, seed 0" in dialog.locator("h2").inner_text()
    assert dialog.locator("svg.chart").count() == 2
    assert dialog.locator("canvas").is_visible()
    assert dialog.locator(".confusion tbody td").all_inner_texts() == ["15", "0", "15", "0"]
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert button.evaluate("e => e === document.activeElement")


def test_the_heat_map_tells_its_values(page):
    """What is drawn can be read: the arrow keys go over layers and steps."""
    page.locator("button.open").first.click()
    canvas = page.locator("dialog canvas")
    assert (canvas.get_attribute("width"), canvas.get_attribute("height")) == ("5", "6")
    canvas.focus()
    page.keyboard.press("Home")
    assert page.locator(".read").inner_text().startswith("step 1, classifier: ")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")
    words = page.locator(".read").inner_text()
    assert words.startswith("step 40, layer 3: ")
    assert 1e-7 < float(words.rsplit(" ", 1)[1]) < 1e-4
    drawn = canvas.evaluate("e => [...e.getContext('2d').getImageData(0, 0, 5, 6).data].filter((v, i) => i % 4 == 3)")
    assert set(drawn) == {255}


def test_the_arrow_keys_step_through_the_runs_to_one_scale(page):
    """Right and left go along the table; the axes stay, and the loss is drawn against the entropy of the labels."""
    page.locator("button.open").first.click()
    axis = "[...document.querySelectorAll('dialog .chart')[0].querySelectorAll('text')].map(text => text.textContent)"
    first = page.evaluate(axis)
    assert "label entropy 0.693" in first
    page.keyboard.press("ArrowRight")
    assert "devlin, seed 1" in page.locator("dialog h2").inner_text()
    assert page.evaluate(axis) == first
    assert page.locator("dialog h4").nth(1).inner_text() == "Accuracy on the development set"
    page.keyboard.press("ArrowLeft")
    assert "devlin, seed 0" in page.locator("dialog h2").inner_text()
    page.keyboard.press("ArrowLeft")  # there is none before the first
    assert "devlin, seed 0" in page.locator("dialog h2").inner_text()


def test_two_runs_stand_side_by_side(page):
    """One is kept, the arrows change the other; the address opens both again."""
    page.locator("button.open").first.click()
    page.locator("#compare").click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    names = page.locator("dialog section h3")
    assert names.all_inner_texts() == ["devlin, seed 0", "devlin, seed 2"]
    boxes = [page.locator("dialog section").nth(index).bounding_box() for index in range(2)]
    assert boxes[0]["y"] == boxes[1]["y"]
    assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]
    page.reload()
    assert names.all_inner_texts() == ["devlin, seed 0", "devlin, seed 2"]
    page.locator("#compare").click()
    assert names.count() == 0


def test_a_point_names_its_run_and_opens_it(page):
    """The pointer reads a run in a figure, a click looks into it; the same for a curve."""
    for figure in ("#scores", "#losses"):
        link = page.locator(f"{figure} a[href^='#run=']").first
        run = link.get_attribute("href").removeprefix("#run=")
        shape = link.locator("use, path").last
        shape.hover(force=True, position=None if figure == "#scores" else {"x": 2, "y": 1})
        if page.locator("#tip").is_visible():
            assert "devlin, seed" in page.locator("#tip").inner_text()
        shape.dispatch_event("click")
        assert page.locator("dialog#run").is_visible()
        assert page.url.endswith(f"#run={run}")
        page.keyboard.press("Escape")


def test_a_command_has_its_button_beside_it(page):
    """Not over it: a long command is not covered."""
    code, button = page.locator(".code pre").first.bounding_box(), page.locator(".code .copy").first.bounding_box()
    assert code["x"] + code["width"] <= button["x"]


def test_predictions_name_the_wrong_ones(page):
    """A failed run answers one class: half of the examples are wrong; a hostile text stays text."""
    page.locator("button.open").first.click()
    assert page.locator(".examples li").count() == EXAMPLES // 2
    assert page.locator(".examples li.wrong, .examples .wrong").count() == EXAMPLES // 2
    page.locator("dialog input[type=checkbox]").uncheck()
    page.locator("dialog button", has_text="Show more").click()
    assert page.locator(".examples li").count() == EXAMPLES
    assert HOSTILE.split("$")[0] in page.locator(".examples li").nth(1).inner_text()


def test_what_a_run_lacks_is_said(page):
    """A diverged run ends where it diverged; a crashed one is crashed; a pending one cannot be opened."""
    rows = page.locator("#runs tbody tr")
    rows.nth(2).locator("button").click()
    assert "not finite" in page.locator("dialog svg.chart").first.text_content()
    assert "no evaluations, no predictions" in page.locator("dialog .note").inner_text()
    page.keyboard.press("Escape")
    rows.nth(3).locator("button").click()
    assert "it is crashed" in page.locator("dialog .note").inner_text()
    page.keyboard.press("Escape")
    assert rows.nth(7).locator("button").count() == 0
    assert "pending" in rows.nth(7).inner_text()


def test_the_table_sorts_and_filters(page):
    """By heading and by form; what has no number stays last in both directions."""
    scores = "[...document.querySelectorAll('#runs tbody tr:not([hidden])')].map(r => r.dataset.score)"
    heading = page.locator("th button", has_text="score")
    heading.click()
    assert page.evaluate(scores)[:4] == ["0.5", "1.0", "1.0", "1.0"]
    heading.press("Enter")
    assert page.evaluate(scores)[3:] == ["0.5", "", "", "", ""]
    assert page.locator("th[aria-sort=descending]").count() == 1
    page.select_option("select[name=outcome]", "failed: majority, unlearned")
    assert page.evaluate(scores) == ["0.5"]
    assert page.locator("#shown").inner_text() == "1 of 8 shown"
    page.fill("input[type=search]", "nothing like it")
    assert page.evaluate(scores) == []


def test_a_table_comes_out_as_it_went_in(page):
    """The file that the page hands out is the table that was drawn, hostile names and all."""
    page.locator("#scores .tables summary").click()
    with page.expect_download() as download:
        page.locator("#scores button.csv").click()
    table = pd.read_csv(download.value.path())
    assert download.value.suggested_filename.endswith(".csv")
    assert set(table["recipe"]) == {"devlin", f"corrected {HOSTILE}"}


def test_every_control_is_reached_by_tab_and_shows_it(page):
    """The focus goes through the page in its order, and each stop has an outline."""
    stops = []
    for _ in range(10):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate(
                "[document.activeElement.textContent.trim(), getComputedStyle(document.activeElement).outlineStyle]"
            )
        )
    assert stops[0][0] == "Skip to the content"
    names = ["Answer", "Summary", "Figures", "Claims", "Runs", "How it was made"]
    assert [name for name, _ in stops[1:7]] == names
    assert {outline for _, outline in stops} == {"solid"}


def test_light_and_dark(browser, report):
    """The page follows the system, and the switch wins over it; figures change with it."""
    paper = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.querySelector('figure svg text')).fill"
    for page in opened(browser, report, color_scheme="dark"):
        dark = page.evaluate(paper), page.evaluate(ink)
        page.click("#theme")
        assert page.locator("#theme").get_attribute("aria-label") == "Colours: light"
        light = page.evaluate(paper), page.evaluate(ink)
        assert not set(dark) & set(light)
        page.reload()
        assert page.evaluate(paper) == light[0]


def test_a_phone_scrolls_one_way_only(browser, report):
    """Nothing is wider than 390 pixels but what scrolls inside itself."""
    for page in opened(browser, report, viewport={"width": 390, "height": 844}):
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        for cell in ("td[data-name=mean]", "td[data-name=SD]", "#runs tbody td.n"):
            box = page.locator(cell).first.bounding_box()
            assert 0 <= box["x"] <= box["x"] + box["width"] <= 390
        page.locator("button.open").first.click()
        assert page.locator("dialog").bounding_box()["width"] == 390


def test_it_prints(page):
    """On paper: light, no controls, the facts opened."""
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert not page.locator("#filter").is_visible()
    page.emulate_media(media="screen")
    assert page.pdf().startswith(b"%PDF")


def test_a_surface_can_be_turned(browser, tmp_path):
    """Only where there is one is the drawing library inside; it runs under the page's policy, and buttons turn it."""
    axis = np.linspace(-1.5, 1.5, 7)
    alpha, beta = (part.ravel() for part in np.meshgrid(axis, axis))
    grid = pd.DataFrame({"alpha": alpha, "beta": beta, "loss": 0.1 + alpha**2 + beta**2})
    points = pd.DataFrame({"point": list("pfs"), "alpha": [0.0, 1, 0], "beta": [0.0, 0, 1], "loss": [0.1, 1.1, 1.1]})
    image = draw_surface(grid, points, tmp_path / "surface.svg")
    entry = FigureEntry(name="fig7", title=HOSTILE, images=[image], tables={"grid": grid, "points": points})
    page = Page(title="one surface", figures=[entry], turnable=True)
    path = write_report(tmp_path / "report.html", page)
    without = write_report(tmp_path / "without.html", dataclasses.replace(page, turnable=False))
    assert path.stat().st_size > without.stat().st_size + 4e6
    assert "seedproof report DIR --3d" in without.read_text()
    for page in opened(browser, path):
        page.locator("details.turn summary").click()
        page.wait_for_selector(".surface .plot canvas", timeout=30_000)
        # Not clipped: no corner of the box that the axes make lies outside of the drawing.
        page.wait_for_timeout(1000)
        shot = np.asarray(Image.open(io.BytesIO(page.locator(".surface .plot").screenshot())).convert("L"), float)
        edges = [shot[0], shot[-1], shot[:, 0], shot[:, -1]]
        assert all(np.ptp(edge) < 8 for edge in edges)
        eye = "document.querySelector('.plot').layout.scene.camera.eye.x"
        before = page.evaluate(eye)
        page.get_by_role("button", name="Turn left").click()
        page.wait_for_function(f"{eye} !== {before}")
        assert page.title() == "one surface"
