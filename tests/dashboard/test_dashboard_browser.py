import csv
import io
import json
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from complete_workspace import GENRES, STRANGE_ARTIST
from dashboard_browser import first_cover, label, names, png, serve, tiles

import covers
from covers.audit.review import read_review
from covers.catalogue.table import read_catalogue
from covers.cluster.naming import name_clusters
from covers.cluster.stage import read as read_clusters
from dashboard.pages import PAGES

pytestmark = pytest.mark.browser

PATHS = [page.path for page in PAGES]


@pytest.mark.parametrize("path", PATHS)
def test_each_page_opens_in_the_dark_on_a_phone_without_sideways_scrolling(read, path):
    reader = read(path, width=400, height=800, scheme="dark")
    assert not reader.scrolls_sideways()
    assert "Traceback" not in reader.text()
    assert "went wrong" not in reader.text()
    assert not reader.unnamed()


def test_the_library_counts_genres_years_and_sources(read, workspace):
    reader = read()
    n = len(read_catalogue(workspace))
    assert f"{n} covers of 4 genres by 56 artists from 1970 to 2011" in reader.text()
    first = reader.element("browse").locator(".cover").first.bounding_box()
    assert first["y"] + first["height"] < 600  # covers first
    reader.unfold("How many covers of which genre")
    reader.page.get_by_text(f"n = {n} covers").first.wait_for()
    for genre in GENRES:
        reader.figure("genres-bars").get_by_text(genre, exact=True).wait_for()
    assert "Covers per year from" in label(reader.figure("year-bars"))
    assert f"{n}" in reader.element("sources").locator(".table").inner_text()
    bar = reader.element("year-bars").locator("rect").first
    bar.hover()
    reader.tip("year-bars", r"\w+, \d{4}( to \d{4})?: \d+")


def test_a_cover_of_the_library_leads_to_its_neighbours_and_on(read, workspace):
    reader = read()
    reader.page.get_by_label("Find", exact=True).fill("Jazz Album 5.")
    reader.page.keyboard.press("Enter")
    reader.settle()
    reader.page.get_by_text(re.compile(r"^3 covers\.")).wait_for()
    reader.pick(re.compile("Jazz Album 5"), within=reader.element("browse"))
    reader.page.wait_for_url(re.compile("/search"))
    reader.settle()
    assert re.search("cover=[0-9a-f]{32}", reader.query())
    assert "Covers most like it" in reader.text()
    before = reader.query()
    tiles(reader.element("alike"))[1].click()
    reader.page.wait_for_function("q => location.search !== '?' + q", arg=before)
    reader.settle()
    assert re.search("cover=[0-9a-f]{32}", reader.query())
    query = reader.element("query").locator(".full").bounding_box()
    assert 0 <= query["y"] < 450  # the new query is in sight


def test_a_shared_link_shows_the_same_to_someone_else(read, workspace):
    cover = first_cover(workspace, "Jazz")
    one = read(f"search?cover={cover}")
    one.page.get_by_text("One per artist", exact=True).click()
    one.settle()
    one.page.wait_for_function("() => location.search.includes('once')")
    other = read(f"search?{one.query()}")
    assert names(one.element("alike")) == names(other.element("alike"))
    artists = [
        name.split("(")[-1].split(" ·")[0] for name in names(other.element("alike"))
    ]
    assert len(set(artists)) == len(artists)


def test_a_filter_leaves_only_covers_of_that_genre(read, workspace):
    reader = read(f"search?cover={first_cover(workspace, 'Jazz')}&of-genre=Metal")
    found = names(reader.element("alike"))
    assert found
    assert all("Metal" in name for name in found)


def test_filters_of_artist_and_year_leave_what_fits(read, workspace):
    catalogue = read_catalogue(workspace)
    artist = next(a for a in catalogue.column("artist") if a)
    address = f"search?cover={first_cover(workspace, 'Jazz')}"
    found = names(read(f"{address}&artist={quote(artist)}").element("alike"))
    assert found
    assert all(artist in name for name in found)
    found = names(read(f"{address}&of-years=1980&of-years=1985").element("alike"))
    assert found
    assert all(re.search(r"198[0-5]\)", name) for name in found)


def test_what_a_cover_looks_like_is_said_with_its_evidence(read, workspace):
    reader = read(f"search?cover={first_cover(workspace, 'Jazz')}")
    verdict = reader.element("query").locator(".full").inner_text()
    assert re.search(r"\d+ %", verdict)
    library = covers.open(workspace.root)
    (answer,) = library.classify([first_cover(workspace, "Jazz")])
    shown = reader.element("query").locator(".likeliest").inner_text()
    p = round(100 * answer.probabilities[answer.likeliest])
    assert shown.split() == [answer.likeliest, str(p), "%"]
    assert answer.also in verdict
    rings = reader.element("voters").locator(".cover.ringed")
    assert rings.count() == len(names(reader.element("voters")))
    assert len(names(reader.element("voters"))) > 3
    assert all("% of the vote" in t for t in tips(reader.element("voters")))
    reader.element("answer").locator(".row").first.hover()
    reader.tip("answer", r"network \+ vote: .*vote: .*network: ")


def test_a_search_finds_and_lets_vote_what_the_front_door_does(read, workspace):
    library = covers.open(workspace.root)
    cover = first_cover(workspace, "Jazz")
    albums = dict(
        zip(library.catalogue.cover_ids, library.catalogue.column("album"), strict=True)
    )
    reader = read(f"search?cover={cover}&of-genre=Metal&of-genre=Pop&once=true")
    hits = library.search(
        cover, 24, where={"genre": ["Metal", "Pop"]}, one_per_artist=True
    )
    shown = names(reader.element("alike"))
    assert len(shown) == len(hits) > 20
    for name, hit in zip(shown, hits, strict=True):
        assert name.startswith(albums[hit.cover_id])
    (answer,) = library.classify([cover])
    artist = library.catalogue.column("artist")[
        library.catalogue.cover_ids.index(cover)
    ]
    assert all(voter.artist != artist for voter in answer.voters)
    heaviest = sorted(answer.voters, key=lambda voter: -voter.weight)[:15]
    voters = names(reader.element("voters"))
    assert [name.split(" (")[0] for name in voters] == [
        albums[voter.cover_id] for voter in heaviest
    ]


def tips(place):
    return [b.get_attribute("data-tip") for b in place.get_by_role("button").all()]


def test_a_dropped_picture_is_read_and_found_again(read, workspace):
    catalogue = read_catalogue(workspace)
    cover = first_cover(workspace, "Pop")
    row = catalogue.cover_ids.index(cover)
    path = workspace.resolve(
        catalogue.column("source")[row], catalogue.column("path")[row]
    )
    before = sorted(workspace.root.rglob("*"))
    reader = read("search")
    drop(reader, Path(path).read_bytes())
    # The first picture of a server waits for the network's libraries.
    reader.page.get_by_text("Covers most like it").wait_for(timeout=180_000)
    reader.settle()
    album = catalogue.column("album")[row]
    reader.element("query").get_by_text(
        f"Your picture; it is in the library as {album}"
    ).wait_for()
    assert "covers vote" in reader.text()
    assert "cover=" not in reader.query()
    reader.page.get_by_text("Where the network looked").click()
    reader.page.get_by_alt_text(re.compile("Heat map")).wait_for()
    assert sorted(workspace.root.rglob("*")) == before


def drop(reader, content):
    """Drop a picture on the field, as a reader does with the mouse."""
    held = reader.page.evaluate_handle(
        """bytes => {
          const held = new DataTransfer();
          held.items.add(new File([new Uint8Array(bytes)], "it.jpg", { type: "image/jpeg" }));
          return held;
        }""",
        list(content),
    )
    field = reader.page.get_by_test_id("stFileUploaderDropzone")
    for event in ("dragenter", "dragover", "drop"):
        field.dispatch_event(event, {"dataTransfer": held})


def test_a_pasted_picture_is_read(read):
    reader = read("search")
    data = list(png())
    reader.page.evaluate(
        """bytes => {
          const file = new File([new Uint8Array(bytes)], "it.png", { type: "image/png" });
          const held = new DataTransfer();
          held.items.add(file);
          document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: held, bubbles: true }));
        }""",
        data,
    )
    reader.page.get_by_text("Covers most like it").wait_for(timeout=180_000)
    reader.element("query").get_by_text("Your picture").wait_for()


def test_a_cell_of_the_matrix_shows_the_covers_behind_it(read):
    reader = read("overlap")
    reader.pick(
        re.compile("Jazz and Metal: overlap|Metal and Jazz: overlap"),
        within=reader.element("matrix"),
    )
    reader.element("bridges").get_by_role("button").first.wait_for()
    reader.element("closest").get_by_role("button").first.wait_for()
    assert "pair=" in reader.query()
    assert any("95 % interval" in name for name in names(reader.element("matrix")))
    assert reader.element("matrix").locator(".cell.chosen").count() == 2
    reader.element("matrix").locator(".cell.chosen").first.hover()
    reader.tip("matrix", "95 % interval")
    reader.page.get_by_text("Neighbour mixing", exact=True).click()
    reader.settle()
    reader.element("matrix").get_by_role(
        "button", name=re.compile("times chance")
    ).first.wait_for()
    reader.page.get_by_text("Confusion, vote", exact=True).click()
    reader.settle()
    reader.element("matrix").get_by_role(
        "button", name=re.compile("taken for")
    ).first.wait_for()
    reader.element("bridges").get_by_role("button").first.click()
    reader.page.wait_for_url(re.compile("/search.*cover="))


def test_overlap_can_be_measured_with_other_neighbours(read):
    reader = read("overlap?measure=Neighbour%20mixing&k-lift=3")
    reader.page.get_by_text("times chance").first.wait_for(state="attached")
    near = names(reader.element("matrix"))
    wide = names(read("overlap?measure=Neighbour%20mixing&k-lift=50").element("matrix"))
    assert near != wide


def test_a_cluster_opens_to_its_members_and_boundary(read, workspace):
    found = json.loads((workspace.analysis_folder / "clusters.json").read_text())
    largest = max(found["clusters"], key=lambda c: c["n"])
    reader = read("clusters")
    card = reader.element("cards").locator(f'[data-pick="{largest["id"]}"]')
    assert card.locator(".sheet img").count() > 1
    assert re.search("firm|loosely held", card.inner_text())
    assert re.search(r"\d+ %", card.inner_text())
    assert "#" in card.locator(".swatches").get_attribute("aria-label")
    name = name_clusters(read_clusters(workspace))[largest["id"]]
    assert name in card.inner_text()
    reader.pick(re.compile(f"{re.escape(name)},"))
    heading = reader.page.get_by_role("heading", name=f"{name}: {largest['n']} covers")
    heading.wait_for()
    assert heading.bounding_box()["y"] < 600  # where the eye is
    assert f"cluster={largest['id']}" in reader.query()
    reader.element("members-Members").get_by_role("button").first.wait_for()
    reader.page.get_by_text("Boundary", exact=True).click()
    reader.settle()
    shown = names(reader.element("members-Boundary"))
    assert len(shown) == len(largest["boundary"])


def test_the_opened_cluster_is_in_sight_in_the_line_of_all(read, workspace):
    last = read_clusters(workspace).ranked()[-1].id
    reader = read(f"clusters?cluster={last}", width=400, height=800)
    chosen = reader.element("strip").locator(".chosen")
    chosen.wait_for()
    box = chosen.bounding_box()
    assert 0 <= box["x"] < box["x"] + min(box["width"], 60) <= 400, box


def test_a_cell_of_the_confusion_matrix_shows_as_many_covers_as_it_says(read):
    reader = read("model")
    cell = reader.element("confusion").get_by_role(
        "button", name=re.compile("Metal recognised")
    )
    said = cell.get_attribute("aria-label")
    cell.click()
    reader.page.get_by_text(re.compile("Metal, recognised")).wait_for()
    n_covers = int(re.search(r"Metal, recognised: (\d+)", reader.text())[1])
    assert n_covers == round(float(re.search(r"\n([\d.]+) of", said)[1]))


def test_every_method_is_shown_beside_its_baselines_and_how_far_to_trust_it(read):
    reader = read("model")
    reader.unfold("Methods and baselines")
    assert re.match("Macro-F1 of each method: chance", label(reader.figure("methods")))
    reader.page.get_by_text("accuracy", exact=True).first.click()
    reader.settle()
    reader.figure("methods").get_by_text("chance", exact=True).hover()
    reader.tip("methods", r"chance: \d\.\d{3}")
    reader.unfold("Can the probabilities be trusted?")
    reader.unfold("Would more covers help?")
    for key, said in {
        "reliability": "How often predictions are right",
        "coverage": "% answered: first answer right",
        "growth": "covers: macro-F1",
    }.items():
        assert said in label(reader.figure(key))
    reader.unfold("Genre by genre")
    reader.element("by-genre").get_by_text("Jazz", exact=True).wait_for()


def test_the_mistakes_can_be_taken_along(read, workspace, tmp_path):
    reader = read("model")
    with reader.page.expect_download() as download:
        reader.page.get_by_role("button", name=re.compile("along as CSV")).click()
    text = Path(download.value.path()).read_text(encoding="utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows
    assert all(row["suggestion"] not in row["genres"].split(";") for row in rows)
    certainty = [float(row["confidence"]) for row in rows]
    assert certainty == sorted(certainty, reverse=True)
    # What is filled in is taken by the command line.
    path = tmp_path / "reviewed.csv"
    path.write_text(text.replace(",,,", ",relabel,,", 1), encoding="utf-8")
    catalogue = read_catalogue(workspace)
    known = dict(zip(catalogue.cover_ids, catalogue.column("path"), strict=True))
    read_review(path, known)


def test_two_genres_and_two_covers_can_be_compared(read, workspace):
    reader = read("compare?left=genre:Jazz&right=genre:Metal")
    assert "n = 42 covers" in reader.text()
    reader.element("left-typical").get_by_role("button").first.wait_for()
    assert "#" in label(reader.element("left-colours").get_by_role("img"))
    assert "held-out covers" in reader.text()
    reader.page.get_by_role("combobox", name=re.compile("Right: genre")).fill("Pop")
    reader.page.keyboard.press("Enter")
    reader.page.wait_for_url(re.compile("right=genre(:|%3A)Pop"))
    one, other = first_cover(workspace, "Jazz"), first_cover(workspace, "Pop")
    reader = read(f"compare?left=cover:{one}&right=cover:{other}")
    reader.page.get_by_text("similarity of the two covers").wait_for()


def test_covers_can_be_chosen_by_keyboard(read):
    reader = read("search")
    button = reader.element("suggested").get_by_role("button").first
    button.focus()
    reader.page.keyboard.press("Enter")
    reader.page.get_by_text("Covers most like it").wait_for()
    assert "cover=" in reader.query()


def test_names_from_files_are_shown_as_text(read):
    reader = read(f"?find={'Söhne'}")
    reader.element("browse").get_by_text(STRANGE_ARTIST).first.wait_for()


def test_findings_of_the_audit_and_unreadable_files_are_listed(read):
    reader = read("review")
    reader.page.get_by_text("Files that could not be taken in").wait_for()
    finding = reader.element("doubt-picture").locator("img").first
    finding.wait_for()
    assert finding.get_attribute("src").startswith("/covers/thumbnail/")
    reader.unfold("State: ")
    reader.element("chain").get_by_text("embeddings").first.wait_for()
    reader.element("chain").get_by_text("fresh").first.wait_for()


def test_the_graph_leads_to_covers_and_is_not_shown_without_a_line(read, other):
    # Too small a workspace to be certain of anything: say that it was.
    path = other.analysis_folder / "overlap.json"
    found = json.loads(path.read_text())
    pair = found["pairs"][0] | {"overlap": 0.5, "overlap_ci95": [0.4, 0.6]}
    edge = {"a": pair["a"], "b": pair["b"], "lift": 1.5, "overlap": 0.5, "q": 0.01}
    part = found | {"pairs": [pair]}
    found |= {"edges": [edge], "by": "year", "parts": {"1970s": part, "1980s": part}}
    path.write_text(json.dumps(found))
    with serve(other.root) as url:
        reader = read("overlap", url=url)
        reader.unfold("Family tree")
        assert label(reader.figure("tree")).startswith("Family tree of genres: ")
        reader.unfold("Over time")
        assert "1970s 0.50, 1980s 0.50" in label(reader.figure("over-time"))
        reader.unfold("Graph: 1 pair")
        line = reader.element("graph").locator(".edge")
        line.focus()
        reader.page.keyboard.press("Enter")
        title = f"{pair['a']} and {pair['b']}"
        reader.page.get_by_role("heading", name=title, exact=True).wait_for()
        reader.element("bridges").get_by_role("button").first.wait_for()
        path.write_text(json.dumps(found | {"edges": []}))
        reader = read("overlap?measured-open=true", url=url)
        reader.page.get_by_text("so there is no graph to draw").wait_for()
        assert not reader.element("graph-open").count()
        assert "Lines join genres" not in reader.text()


def test_hatching_stays_behind_the_digits(read):
    reader = read("overlap")
    digits = reader.element("matrix").locator(".cell.uncertain b").first
    digits.wait_for()
    own, below = digits.evaluate(
        """b => [b, b.parentElement].map(e => {
             const style = getComputedStyle(e); return [style.backgroundColor, style.backgroundImage] })"""
    )
    assert own == [below[0], "none"]
    assert below[1].startswith("repeating-linear-gradient")
    unknown = reader.element("matrix").locator(".cell.none.uncertain")
    assert unknown.count() == 0


def test_the_marks_of_a_chart_explain_themselves_to_the_arrow_keys(read):
    reader = read("model")
    reader.unfold("Methods and baselines")
    reader.unfold("Would more covers help?")
    chart = reader.figure("methods")
    chart.focus()
    reader.page.keyboard.press("ArrowDown")
    reader.tip("methods", r"^chance: ")
    reader.page.keyboard.press("ArrowDown")
    reader.tip("methods", r"^frequency: ")
    reader.page.keyboard.press("ArrowUp")
    reader.page.keyboard.press("ArrowUp")
    reader.tip("methods", r"^network \+ vote: ")
    reader.settle()
    growth = reader.figure("growth")
    told = reader.element("growth").get_by_text("covers: macro-F1")
    for _ in range(20):  # the chart of a fold that has just opened hears keys late
        growth.focus()
        reader.page.keyboard.press("ArrowLeft")
        reader.page.wait_for_timeout(250)
        if told.count() and told.first.is_visible():
            break
    reader.tip("growth", r"covers: macro-F1")


def test_the_model_page_writes_each_score_once(read):
    reader = read("model")
    reader.unfold("Methods and baselines")
    reader.page.get_by_text("calibration error", exact=True).click()
    reader.settle()
    said = label(reader.figure("methods"))
    assert said.startswith("Calibration error of each method: chance")
    assert reader.element("methods").get_by_text("linear probe").count() == 1
    everywhere = reader.page.get_by_text("linear probe", exact=True)
    assert everywhere.locator("visible=true").count() == 1
