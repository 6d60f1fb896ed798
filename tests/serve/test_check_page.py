"""The check page in a real browser: every verdict, every problem, every way to give a photo, several attributes."""

import pytest

pytest.importorskip("fastapi", reason="the pages need the extra `serve`")
pytest.importorskip("playwright.sync_api", reason="the page tests need playwright: pip install playwright")

from canned import PHOTO, Canned, Visit, answer, fill_in, give, problem, several
from playwright.sync_api import FilePayload, expect

from goodsight.serve.seller import MOST

pytest_plugins = ["browsing"]


def test_a_match_is_told_with_its_probability(visit: Visit, canned: Canned) -> None:
    canned.checks = [answer("match", "phone", "phone", 0.973)]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text("It matches")
    expect(page.locator("#text")).to_have_text("This looks like phone, as declared: 97 %.")
    expect(page.get_by_role("status")).to_contain_text("It matches")
    assert page.locator("#picture").evaluate("picture => picture.naturalWidth") == 640
    assert canned.asked == [("check", ("phone", None, "photo", PHOTO))]
    assert canned.csrf == {"secret"}


def test_the_seller_goes_with_the_photo_also_when_told_afterwards(visit: Visit, canned: Canned) -> None:
    canned.checks = [answer("match", "phone", "phone", p) for p in (0.91, 0.92)]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text("It matches")
    name = page.get_by_label("Seller")
    expect(name).to_have_attribute("maxlength", str(MOST))
    name.fill(" Märta & co ")
    name.press("Enter")
    expect(page.locator("#text")).to_contain_text("92 %")
    assert canned.sellers == [None, "Märta & co"]


def test_the_photo_shows_where_the_answer_comes_from(visit: Visit, canned: Canned) -> None:
    seen = [[0.0, 0.0, 0.0, 1.0], [0.0] * 4, [0.0] * 4]
    canned.checks = [
        answer("match", "phone", "phone", 0.973, evidence=seen),
        answer("unsure", "phone", "phone", 0.5),
        answer("off-topic", "phone", "phone", 0.4, evidence=seen),
    ]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text("It matches")
    heat = page.locator("#heat")
    expect(heat).to_be_visible()
    expect(page.locator("#preview")).to_contain_text("Red is where it looks most like phone")
    picture = page.locator("#picture").bounding_box()
    assert heat.bounding_box() == pytest.approx(picture, abs=0.5)
    alphas = heat.evaluate("c => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    assert len(alphas) == 4 * 12
    assert alphas[3::4] == [0, 0, 0, 153] + 8 * [0]
    for verdict in ("We cannot tell for sure", "This looks like none of the categories"):
        give(page)
        expect(page.locator("#verdict")).to_have_text(verdict)
        expect(heat).to_be_hidden()
        expect(page.locator("#seen")).to_be_hidden()


def test_a_mismatch_moves_the_category_and_an_appeal_moves_it_back(visit: Visit, canned: Canned) -> None:
    canned.checks = [answer("mismatch", "laptop", "phone", 0.98)]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text("This looks like laptop, not phone")
    box = page.get_by_label("Category of the ad")
    expect(box).to_have_value("laptop")
    expect(box).to_have_accessible_description("Changed from phone to laptop, because of the photo.")
    page.get_by_role("button", name="Keep phone and ask a person").click()
    note = page.get_by_label("What should the person know?")
    expect(note).to_be_focused()
    note.fill("It is a folding phone.")
    page.get_by_role("button", name="Ask a person", exact=True).click()
    expect(page.locator("#verdict")).to_have_text("A person will look at it")
    expect(page.locator("#verdict")).to_be_focused()
    expect(box).to_have_value("phone")
    assert canned.asked[1:] == [("appeal", {"id": "c1", "note": "It is a folding phone."})]


def test_a_blocked_photo_is_said_whole_and_can_be_contested(visit: Visit, canned: Canned) -> None:
    blocked = answer("blocked", "phone", "phone", 0.98, "stolen")
    canned.checks = [blocked, several(colour=blocked, type=blocked) | {"reason": "stolen"}]
    for _ in range(2):
        page = visit.open("/")
        expect(fill_in(page)).to_have_text("This photo may not be posted")
        expect(page.locator("#small")).to_contain_text("stolen")
        expect(page.get_by_role("button", name="Ask a person")).to_be_visible()


def test_the_category_is_not_moved_to_none(visit: Visit, canned: Canned) -> None:
    nothing = [[0.0] * 4] * 3
    canned.checks = [answer("mismatch", "none", "phone", 0.98, evidence=nothing)]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text("No phone was found in the photo")
    expect(page.locator("#text")).to_contain_text(
        "Nor any other of the categories. Probability of none: 98 %; of phone"
    )
    expect(page.get_by_label("Category of the ad")).to_have_value("phone")
    expect(page.locator("#seen")).to_be_hidden()
    expect(page.get_by_role("button", name="Keep phone and ask a person")).to_be_visible()


@pytest.mark.parametrize(("status", "told"), [(409, "A person will look at it"), (404, "The photo is not kept any")])
def test_an_appeal_that_is_refused_says_what_it_means(visit: Visit, canned: Canned, status: int, told: str) -> None:
    canned.checks = [answer("mismatch", "laptop", "phone", 0.98)]
    canned.appeals = [problem(status)]
    page = visit.open("/")
    fill_in(page)
    page.get_by_role("button", name="Keep phone and ask a person").click()
    page.get_by_role("button", name="Ask a person", exact=True).click()
    expect(page.locator("#verdict")).to_contain_text(told)
    visit.planted = 1


def test_unsure_and_off_topic_say_what_happens_next(visit: Visit, canned: Canned) -> None:
    canned.checks = [
        answer("unsure", "phone", "phone", 0.55, "may be phone or laptop"),
        answer("off-topic", "phone", "phone", 0.4, "looks like: toaster"),
    ]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text("We cannot tell for sure")
    expect(page.locator("#status")).to_contain_text("55 %. A person will look at the photo. There is nothing for you")
    expect(page.locator("#status")).to_contain_text("may be phone or laptop")
    give(page)
    expect(page.locator("#verdict")).to_have_text("This looks like none of the categories")
    expect(page.locator("#status")).to_contain_text("A person will look at it. If it is the wrong photo, add another")
    expect(page.get_by_label("Category of the ad")).to_have_value("phone")
    expect(page.locator("#bars")).to_be_hidden()


def test_what_a_policy_does_with_a_doubtful_photo_is_told(visit: Visit, canned: Canned) -> None:
    doubtful, foreign = answer("unsure", "phone", "phone", 0.55), answer("off-topic", "phone", "phone", 0.4)
    refused = {"policy": "phones", "action": "refuse"}
    canned.checks = [
        doubtful | {"policy": "phones", "action": "accept"},
        doubtful | refused,
        foreign | refused,
        several(type=doubtful | refused),
    ]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text("We cannot tell for sure")
    expect(page.locator("#status")).to_contain_text("The photo can stay. There is nothing for you to do.")
    expect(page.get_by_role("button", name="Ask a person")).to_have_count(0)
    for told in (
        "The photo cannot be used.",
        "It cannot be used. If it is the wrong photo",
        "The photo cannot be used.",
    ):
        give(page)
        expect(page.locator("#status")).to_contain_text(told)
        expect(page.locator("#status")).not_to_contain_text("A person will")
        expect(page.get_by_role("button", name="Ask a person")).to_be_visible()


@pytest.mark.parametrize(
    ("status", "title", "way_out"),
    [
        (413, "The photo is too large", None),
        (415, "This is not a picture", None),
        (422, "This could not be used", "Try again"),
        (401, "Your session is over", "Log in"),
        (403, "This was not allowed", "Load the page again"),
        (500, "Something went wrong on our side", "Try again"),
    ],
)
def test_a_problem_is_told_in_plain_words(
    visit: Visit, canned: Canned, status: int, title: str, way_out: str | None
) -> None:
    canned.checks = [problem(status, "the detail")]
    page = visit.open("/")
    expect(fill_in(page)).to_have_text(title)
    assert page.locator("#actions").inner_text() == (way_out or "")
    assert ("the detail" in page.locator("#status").inner_text()) == (status < 500)
    visit.planted = 1


def test_a_busy_service_is_asked_again_after_the_time_it_gave(visit: Visit, canned: Canned) -> None:
    canned.checks = [problem(503, Retry_After="1"), answer("match", "phone", "phone", 0.9)]
    page = visit.open("/")
    verdict = fill_in(page)
    expect(verdict).to_have_text("The service is busy")
    expect(page.locator("#text")).to_contain_text("We try again in a second.")
    expect(verdict).to_have_text("It matches")
    visit.planted = 1


def test_a_photo_that_is_too_large_is_not_sent(visit: Visit, canned: Canned) -> None:
    page = visit.open("/")
    page.get_by_label("Category of the ad").select_option("phone")
    give(page, bytes(canned.max_bytes + 1))
    expect(page.locator("#verdict")).to_have_text("The photo is too large")
    expect(page.locator("#about")).to_contain_text("No preview")
    assert canned.asked == []


def test_offline_is_told_and_the_check_goes_on_when_the_connection_is_back(visit: Visit, canned: Canned) -> None:
    canned.checks = [answer("match", "phone", "phone", 0.9)]
    page = visit.open("/")
    page.context.set_offline(True)
    expect(fill_in(page)).to_have_text("You are offline")
    page.context.set_offline(False)
    expect(page.locator("#verdict")).to_have_text("It matches")
    assert set(visit.complaints) == {"Failed to load resource: net::ERR_INTERNET_DISCONNECTED"}
    visit.complaints.clear()


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photo_can_be_dropped_or_pasted(visit: Visit, canned: Canned, kind: str) -> None:
    canned.checks = [answer("match", "phone", "phone", 0.9)]
    page = visit.open("/")
    page.evaluate(
        """([kind, bytes]) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([new Uint8Array(bytes)], "x.jpg", { type: "image/jpeg" }));
            const options = { bubbles: true, cancelable: true, dataTransfer, clipboardData: dataTransfer };
            const event = kind === "drop" ? new DragEvent(kind, options) : new ClipboardEvent(kind, options);
            if (document.body.dispatchEvent(event)) throw new Error("the browser would open the photo itself");
        }""",
        [kind, list(PHOTO)],
    )
    expect(page.locator("#verdict")).to_have_text("Now choose a category")
    page.get_by_label("Category of the ad").select_option("phone")
    expect(page.locator("#verdict")).to_have_text("It matches")
    assert canned.asked[0][1][3] == PHOTO


def test_the_check_page_is_usable_with_the_keyboard_alone(visit: Visit, canned: Canned) -> None:
    canned.checks = [answer("mismatch", "laptop", "phone", 0.98)]
    page = visit.open("/")
    page.on("filechooser", lambda _: None)  # from now on, as expect_file_chooser may begin to look too late
    reached = []
    for _ in range(9):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        ringed = "#file-label" if reached[-1] == "file" else ":focus"
        assert page.locator(ringed).evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
        if reached[-1] == "category":
            page.keyboard.press("p")
    links = ["Skip to the content", "Check", "Reviews", "Re-posts", "API", "Log out"]
    assert reached == [*links, "seller", "category", "file"]
    expect(page.get_by_label("Category of the ad")).to_have_value("phone")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(FilePayload(name="x.jpg", mimeType="image/jpeg", buffer=PHOTO))
    expect(page.locator("#verdict")).to_have_text("This looks like laptop, not phone")
    expect(page.locator("#file")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Keep phone and ask a person")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("Look again.")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_have_text("A person will look at it")
    assert canned.asked[-1] == ("appeal", {"id": "c1", "note": "Look again."})


def test_another_model_brings_its_own_categories(visit: Visit, canned: Canned) -> None:
    canned.models = {"ads": {"": ["phone", "laptop"]}, "food": {"": ["phone", "apple"]}}
    canned.checks = [answer("match", "apple", "apple", 0.9)]
    page = visit.open("/")
    page.get_by_label("Category of the ad").select_option("phone")
    page.get_by_label("Model").select_option("food")
    expect(page.get_by_label("Category of the ad")).to_have_value("phone")
    assert page.locator("#category option").all_inner_texts() == ["Choose a category", "phone", "apple"]
    expect(fill_in(page, "apple")).to_have_text("It matches")
    assert canned.asked[0][1][:2] == ("apple", "food")


CLOTHES = {"colour": ["black", "red"], "type": ["dress", "jeans"], "striped": ["no", "yes"]}


def test_each_attribute_has_a_field_and_an_answer(visit: Visit, canned: Canned) -> None:
    colour = answer("mismatch", "red", "black", 0.98, evidence=[[0.0, 1.0]])
    canned.models = {"ads": {"": ["phone"]}, "clothes": CLOTHES}
    canned.checks = [
        several(colour=colour, striped=answer("match", "no", "no", 0.97)),
        several(type=answer("unsure", "dress", "dress", 0.6)),
    ]
    page = visit.open("/")
    page.get_by_label("Model").select_option("clothes")
    assert page.locator("#declared label").all_inner_texts() == list(CLOTHES)
    page.get_by_label("colour").select_option("black")
    page.get_by_label("striped").select_option("no")
    give(page)
    expect(page.locator("#verdict")).to_have_text("Something differs from what was declared")
    assert page.locator("#parts li").all_inner_texts() == [
        "colour\nlooks like red (98\u00a0%), not black (under 1\u00a0%)",
        "striped\nno, as declared: 97\u00a0%",
    ]
    expect(page.get_by_label("colour")).to_have_value("red")
    expect(page.get_by_label("colour")).to_have_accessible_description(
        "Changed from black to red, because of the photo."
    )
    expect(page.get_by_label("striped")).to_have_value("no")
    expect(page.locator("#seen")).to_have_text("Red is where it looks most like red")
    page.get_by_role("button", name="Keep what I declared and ask a person").click()
    page.get_by_role("button", name="Ask a person", exact=True).click()
    expect(page.locator("#verdict")).to_have_text("A person will look at it")
    expect(page.get_by_label("colour")).to_have_value("black")
    assert canned.asked[0][1][:2] == (["colour=black", "striped=no"], "clothes")
    assert canned.asked[1] == ("appeal", {"id": "c1", "note": ""})
    for name, label in (("colour", ""), ("striped", ""), ("type", "dress")):
        page.get_by_label(name).select_option(label)
    expect(page.locator("#verdict")).to_have_text("We cannot tell for sure")
    expect(page.locator("#small")).to_contain_text("never trained with this combination")
    assert canned.asked[2][1][0] == ["type=dress"]
