"""The page of a visual Turing test, in a real browser without a network."""

import base64
import hashlib
import json
import re
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from cytobench.cli import group
from cytobench.phenotypes.turing.answers import Judgements, read_judgements
from cytobench.phenotypes.turing.page import render, write_test
from cytobench.phenotypes.turing.score import score
from cytobench.phenotypes.turing.turing import ShownCell, TuringKey, TuringTest, png
from cytobench.schema import load_json

HOSTILE = "</script><script>document.title='broken'</script><img src=x onerror=\"document.title='broken'\"> & 'q' \"q\" {{ 7*7 }}"
PAUSE = 170
"""Milliseconds: the page takes no answer to a cell that was shown for less than 150."""


def make(n=3, *, kind="real", name="lsgan", channels=("DNA", "Tubulin", "Actin"), seed=0):
    """A test of ``n`` noisy cells of each kind, without a model."""
    generator = np.random.default_rng(seed)
    pictures = tuple(png(generator.integers(0, 256, (32, 32, 3), np.uint8)) for _ in range(2 * n))
    truth = generator.permutation(np.arange(2 * n) < n)
    cells = tuple(
        ShownCell(picture_sha256=hashlib.sha256(picture).hexdigest(), generated=bool(is_generated), row=None)
        for picture, is_generated in zip(pictures, truth, strict=True)
    )
    facts = {"title": f"{name} on crops, seed 0", "method": name, "dataset": f"crops of {name}", "seen": "luminance, 32 px"}
    numbers = {"size": 32, "weights": 1234, "flagged": 1, "seed": seed, "salt": "5a17"}
    return TuringTest(TuringKey(**facts, **numbers, kind=kind, channels=channels, conditional=True, cells=cells), pictures)


class TestSource:
    """What whoever reads the file sees."""

    def test_it_holds_neither_the_truth_nor_anything_of_the_key(self):
        test = make(50)
        text = render(test)
        questions = json.loads(re.search(r'<script id="test" type="application/json">(.*?)</script>', text, re.S)[1])
        assert set(questions) == {"id", "kind", "salt", "rounds", "sealed", "published", "pictures"}
        assert [base64.b64decode(picture.split(",")[1]) for picture in questions["pictures"]] == list(test.pictures)
        bits = np.packbits(test.key.truth).tobytes()
        written = [bits.hex(), base64.b64encode(bits).decode(), "".join(str(int(one)) for one in test.key.truth)]
        written += [
            json.dumps(test.key.truth.tolist()),
            *(cell.picture_sha256 for cell in test.key.cells),
            '"generated":',
            '"row":',
        ]
        assert not [one for one in written if one in text]

    def test_two_tests_that_differ_in_truth_alone_differ_in_nothing_that_can_be_read(self):
        one = make(8)
        cells = tuple(cell.model_copy(update={"generated": not cell.generated}) for cell in one.key.cells)
        other = TuringTest(one.key.model_copy(update={"cells": cells}), one.pictures)
        blank = r'[0-9a-f]{16}(?=["<])|"sealed": "[0-9a-f]+"'
        assert render(one) != render(other) and re.sub(blank, "", render(one)) == re.sub(blank, "", render(other))

    def test_it_names_no_place_to_fetch_from(self):
        text = re.sub(r"data:image/png;base64,[\w+/=]+", "", render(make()))
        assert set(re.findall(r"https?://[^\s\"'<>]+", text)) == {"http://www.w3.org/2000/svg"}  # a name, never fetched
        assert "default-src 'none'" in text and "unsafe" not in text


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright, of the extra 'test'")
    program = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
    if program is None:
        pytest.skip("needs a browser: no chromium, google-chrome or chromium-browser is installed")
    with sync.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def visit(browser, tmp_path):
    """``visit(test, **context)``: the page, opened from disk; it must raise no error and ask for nothing else."""
    contexts, faults = [], []

    def open_page(test, **options):
        written = write_test(test, tmp_path)
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        address = f"file://{written.page}"
        page.on("request", lambda asked: None if asked.url.startswith((address, "data:", "blob:")) else faults.append(asked.url))
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []


def press(page, key):
    page.wait_for_timeout(PAUSE)
    page.keyboard.press(key)


def click(page, selector):
    page.wait_for_timeout(PAUSE)
    page.click(selector)


def text_of(page, selector):
    return page.locator(selector).inner_text()


class TestSitting:
    """A person takes the test."""

    def test_from_begin_to_score(self, visit, tmp_path):
        test = make(4)
        truth = test.key.truth
        page = visit(test)
        page.click("#begin")
        said = ["g", "ArrowLeft", "R", "ArrowRight"]
        for key in said[:2]:
            press(page, key)
        press(page, "g")
        press(page, "Backspace")  # the third is answered anew, by mouse
        assert text_of(page, "#count") == "3 / 8"
        click(page, "#real")
        click(page, "#generated")
        page.reload()
        assert text_of(page, "#begin") == "Continue at cell 5"
        page.click("#begin")
        for is_generated in truth[4:]:
            press(page, "g" if is_generated else "r")
        answered = np.array([True, False, False, True, *truth[4:]])
        page.wait_for_selector("#verdict:visible")
        self.check_end(page, test, answered, tmp_path)

    def check_end(self, page, test, answered, folder):
        truth = test.key.truth
        page.fill("#juror", "Ann <b> \u00c5")
        with page.expect_download() as caught:
            page.click("#save")
        name = caught.value.suggested_filename
        assert name.startswith(f"turing-answers-{test.key.id}-") and "Saved as" in text_of(page, "#saved")
        caught.value.save_as(folder / name)
        read = load_json(Judgements, folder / name)
        assert read.juror == "Ann <b> \u00c5" and [one.generated for one in read.answers] == answered.tolist()
        assert all(0.15 <= one.seconds < 20 for one in read.answers)
        (scored,) = score(read_judgements([folder / name], test.key), test.key).jurors
        assert scored.accuracy.count == (answered == truth).sum()
        for part, rate in (("#right", scored.accuracy), ("#fooled", scored.fooled), ("#doubted", scored.doubted)):
            shown = text_of(page, part)
            assert f"{rate.count} of {rate.of} " in shown
            assert f"interval {100 * rate.low:.0f}% to {100 * rate.high:.0f}%" in shown
        called = CliRunner().invoke(group, ["turing", "score", str(folder / name), "--json"])
        assert json.loads(called.stdout)["jurors"][0]["fooled"]["count"] == scored.fooled.count
        page.click("summary")
        assert page.locator("#fooledBy + .thumbs img").count() == scored.fooled.count
        page.reload()
        page.wait_for_selector("#verdict:visible")
        assert page.input_value("#juror") == "Ann <b> \u00c5"

    def test_intervals_at_the_ends_and_of_a_hundred_cells(self, visit):
        test = make(50)
        page = visit(test)
        truth = test.key.truth.tolist()
        for chosen in ([True] * 100, truth, [not one for one in truth], [False] * 100):
            self.answer_all(page, test, chosen)
            record = Judgements(
                test=test.key.id, sitting="0" * 16, juror="", answers=[{"generated": one, "seconds": 1} for one in chosen]
            )
            (scored,) = score([record], test.key).jurors
            for part, rate in (("#right", scored.accuracy), ("#fooled", scored.fooled), ("#doubted", scored.doubted)):
                assert f"interval {100 * rate.low:.0f}% to {100 * rate.high:.0f}%" in text_of(page, part), (part, rate)
            assert page.is_visible("#same") == (len(set(chosen)) == 1)

    def answer_all(self, page, test, chosen):
        kept = {"sitting": "0" * 16, "juror": "", "answers": [{"generated": bool(one), "seconds": 1} for one in chosen]}
        words = json.dumps([f"cytobench-turing-{test.key.id}", json.dumps(kept)])
        page.add_init_script(f"localStorage.setItem(...{words})")  # in the new document, before the page's own script reads it
        page.reload()
        assert not page.is_visible("#start")
        page.wait_for_selector("#verdict:visible")

    def test_a_held_key_a_double_click_and_a_shortcut_judge_at_most_one_cell(self, visit):
        page = visit(make(4))
        page.click("#begin")
        page.wait_for_timeout(PAUSE)
        page.dblclick("#real")
        assert text_of(page, "#count") == "2 / 8"
        page.wait_for_timeout(PAUSE)
        page.keyboard.down("g")
        page.wait_for_timeout(PAUSE)
        page.keyboard.down("g")  # repeated, as by a held key
        page.keyboard.up("g")
        assert text_of(page, "#count") == "3 / 8"
        press(page, "Alt+g")
        assert text_of(page, "#count") == "3 / 8"

    def test_what_was_kept_and_cannot_be_read_is_forgotten(self, visit):
        test = make()
        page = visit(test)
        for kept in ("{", "null", '{"sitting": "x", "answers": 3}', '{"sitting": "0000000000000000", "juror": ""}'):
            page.evaluate(f"kept => localStorage.setItem('cytobench-turing-{test.key.id}', kept)", kept)
            page.reload()
            assert text_of(page, "#begin") == "Begin"
            fresh = json.loads(page.evaluate(f"localStorage.getItem('cytobench-turing-{test.key.id}')"))
            assert fresh["answers"] == [] and len(fresh["sitting"]) == 16

    def test_a_page_closed_while_the_seal_is_opened_loses_no_answer(self, visit, tmp_path):
        test = make()
        page = visit(test)
        page.evaluate("window.setTimeout = () => 0")  # the seal stays shut, as on a slow phone
        page.click("#begin")
        for is_generated in test.key.truth:
            press(page, "g" if is_generated else "r")
        assert page.is_visible("#opening") and not page.is_visible("#result")
        address, later = page.url, page.context.new_page()
        page.close()
        later.goto(address)
        later.wait_for_selector("#verdict:visible")
        assert "6 of 6 cells" in text_of(later, "#right")
        with later.expect_download() as caught:
            later.click("#save")
        caught.value.save_as(tmp_path / "saved.json")
        read = load_json(Judgements, tmp_path / "saved.json")
        assert [one.generated for one in read.answers] == test.key.truth.tolist()

    def test_a_damaged_seal_is_said_and_the_answers_are_kept(self, visit, tmp_path):
        test = make()
        page = visit(test)
        file = tmp_path / "turing-lsgan.html"
        seal = re.search(r'"sealed": "(..)', file.read_text())
        file.write_text(file.read_text().replace(seal[0], f'"sealed": "{int(seal[1], 16) ^ 128:02x}'))  # one answer turned round
        kept = {"sitting": "0" * 16, "juror": "", "answers": [{"generated": True, "seconds": 1}] * 6}
        page.evaluate(f"kept => localStorage.setItem('cytobench-turing-{test.key.id}', kept)", json.dumps(kept))
        page.reload()
        page.wait_for_selector("#save:visible")
        assert "damaged" in text_of(page, "#opening") and not page.is_visible("#verdict")

    def test_another_person_starts_afresh(self, visit):
        test = make()
        page = visit(test)
        self.answer_all(page, test, test.key.truth)
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("#another")
        assert text_of(page, "#begin") == "Begin"
        kept = json.loads(page.evaluate(f"localStorage.getItem('cytobench-turing-{test.key.id}')"))
        assert kept["answers"] == [] and kept["sitting"] != "0" * 16


class TestLook:
    """Names are text, simulated cells are said to be, and it fits a phone."""

    def test_hostile_names_are_text(self, visit):
        page = visit(make(name=HOSTILE, channels=("DNA", HOSTILE, "Actin")))
        assert "broken" not in page.title()
        assert HOSTILE in page.locator("#start").text_content() and page.locator("#start img").count() == 0
        page.click("#begin")
        assert page.get_attribute("#cell", "src").startswith("data:image/png;base64,")

    def test_simulated_cells_are_said_to_be(self, visit):
        assert "SIMULATED" not in visit(make()).locator("body").inner_text()
        test = make(seed=1, name="vae", kind="simulated")
        page = visit(test)
        assert "SIMULATED: Simulated or generated?" in page.title()
        assert "Real" not in page.locator("main").text_content() and "real cells" not in page.locator("#start").text_content()
        for state in ("#start", "#question"):
            assert page.is_visible(state) and page.is_visible(".simulated >> nth=0")
            page.click("#begin") if state == "#start" else None
        press(page, "r")  # no key of this page
        assert text_of(page, "#count") == "1 / 6"
        press(page, "s")
        assert page.text_content("#said") == "Simulated. Cell 2 of 6."
        TestSitting().answer_all(page, test, test.key.truth)
        assert "of 3 simulated cells" in text_of(page, "#doubted")

    def test_a_phone_shows_cell_and_buttons_without_scrolling(self, visit):
        test = make(name="lsgan" * 30)
        page = visit(test, viewport={"width": 380, "height": 700}, has_touch=True, is_mobile=True)

        def width():
            return page.evaluate("document.documentElement.scrollWidth")

        assert width() == 380
        page.tap("#begin")
        page.wait_for_timeout(PAUSE)
        assert width() == 380
        box = page.locator("#generated").bounding_box()
        assert box["y"] + box["height"] <= 700 and box["height"] >= 44
        page_grounds = set()
        for scheme in ("light", "dark"):  # cells stand on the same ground in both
            page.emulate_media(color_scheme=scheme)
            page_grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            assert page.evaluate("getComputedStyle(document.querySelector('.stage')).backgroundColor") == "rgb(14, 15, 17)"
        assert len(page_grounds) == 2
        page.tap("#real")
        assert text_of(page, "#count") == "2 / 6"
        TestSitting().answer_all(page, test, test.key.truth)
        assert width() == 380

    def test_the_keyboard_alone_is_enough_and_a_screen_reader_is_told(self, visit):
        page = visit(make())
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "begin"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        assert page.get_attribute("#cell", "alt") == "Cell 1 of 6" and page.text_content("#said") == "Cell 1 of 6."
        press(page, "r")
        assert page.text_content("#said") == "Real. Cell 2 of 6." and page.get_attribute("#said", "aria-live") == "polite"
