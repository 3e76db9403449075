import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from covers.render import html, numbers
from covers.render.charts import bars, curves
from covers.render.charts.graph import Edge, graph, spread
from covers.render.charts.marks import chart_style
from covers.render.charts.matrix import Cell, confusion_matrix, key, matrix
from covers.render.charts.scales import Axis, number_axis, scale_colours
from covers.render.charts.tree import dendrogram
from covers.render.palette import DIVERGING_SCALE, SEQUENTIAL_SCALE

NASTY = '<img src=x onerror="alert(1)">'
GENRES = ["Jazz", NASTY]
COLOURS = {"Jazz": "#0072b2", NASTY: "#e69f00"}


class Elements(HTMLParser):
    """Every element of some HTML with its attributes, and all text outside of tags."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text, self.told = [], "", None
        self.feed(str(html))

    def handle_starttag(self, tag, attrs):
        self.told = self.found[-1][1] if tag == "title" else None
        if tag != "title":
            self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        # What an SVG element says of itself stands in an element below it.
        if self.told is not None:
            self.told["title"] = self.told.get("title", "") + data
        else:
            self.text += data

    def handle_endtag(self, tag):
        self.told = None

    def all(self, tag, name=""):
        return [
            a
            for t, a in self.found
            if t == tag and (not name or name in (a.get("class") or "").split())
        ]


def position_of(style, side):
    return float(re.search(rf"(?:^|;){side}:([\d.]+)%", style)[1])


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_round_ticks_cover_what_is_shown(low, span):
    axis = number_axis(low, low + span)
    assert axis.low <= low + 1e-6 * span
    assert axis.high >= (low + span) - 1e-6 * span
    values = [value for value, _ in axis.ticks]
    assert 2 <= len(values) <= 8
    steps = np.diff(values)
    assert np.allclose(steps, steps[0], rtol=1e-3)


def test_an_axis_places_equal_factors_equally_far_apart_when_it_is_logarithmic():
    axis = Axis(low=10, high=1000, ticks=[], log=True)
    assert [axis.at(v) for v in (1, 10, 100, 1000, 5000)] == [0, 0, 50, 100, 100]


def test_bars_are_as_long_as_their_numbers():
    drawn = Elements(bars.genre_bars({"Jazz": 40, NASTY: 10}, COLOURS))
    long, short = (position_of(bar["style"], "width") for bar in drawn.all("i", "bar"))
    assert long == pytest.approx(4 * short)
    assert "40" in drawn.text
    assert drawn.all("div", "rows")[0]["aria-label"].startswith(
        "Covers per genre: Jazz 40"
    )


def test_covers_per_year_are_stacked_without_losing_any():
    rng = np.random.default_rng(0)
    years = np.where(rng.random(500) < 0.1, np.nan, rng.integers(1950, 2021, size=500))
    genres = rng.integers(-1, 2, size=500)
    drawn = Elements(bars.year_bars(years, genres, GENRES, COLOURS))
    told = [box["title"] for box in drawn.all("rect")]
    counted = sum(int(tip.rsplit(": ", 1)[1].replace(",", "")) for tip in told)
    assert counted == np.isfinite(years).sum()
    assert {tip.rsplit(", ", 1)[0] for tip in told} == {"no genre", *GENRES}
    for box in drawn.all("rect"):
        assert float(box["y"][:-1]) >= -0.01
        assert float(box["y"][:-1]) + float(box["height"][:-1]) <= 100.01


def test_one_year_alone_has_its_name():
    drawn = Elements(bars.year_bars(np.array([1991.0]), np.array([0]), GENRES, COLOURS))
    assert drawn.all("rect")[0]["title"] == "Jazz, 1991: 1"


def test_what_is_as_frequent_as_everywhere_lies_on_the_line():
    lifts = [("Jazz", 1.0, (0.5, 1.5), "tip"), (NASTY, 0.25, (0.25, 0.25), "tip")]
    drawn = Elements(bars.lift_dots(lifts, COLOURS))
    spots, marks = drawn.all("i", "spot"), drawn.all("i", "mark")
    assert position_of(spots[0]["style"], "left") == position_of(
        marks[0]["style"], "left"
    )


def test_an_axis_reaches_as_far_as_that_of_the_figure_beside():
    lifts = [("Jazz", 1.0, (0.5, 2.0), "tip")]

    def place(**options):
        drawn = Elements(bars.lift_dots(lifts, COLOURS, **options))
        return position_of(drawn.all("i", "spot")[0]["style"], "left")

    assert place(reach=8.0) == pytest.approx(place() / 4)


def test_a_curve_without_an_interval_is_drawn_all_the_same():
    points = [
        (10, 0.2, None),
        (100, 0.4, (0.3, np.nan)),
        (1000, 0.5, (0.4, 0.6)),
    ]
    drawn = Elements(curves.learning_curve(points))
    spots = drawn.all("circle")
    assert [spot["cx"] for spot in spots] == ["0.0%", "50.0%", "100.0%"]
    assert spots[2]["title"] == "1,000 covers: macro-F1 0.500 (0.400 to 0.600)"
    assert spots[1]["title"] == "100 covers: macro-F1 0.400"
    assert curves.learning_curve([])


def test_stated_certainty_that_comes_true_lies_on_the_diagonal():
    drawn = Elements(curves.reliability([(0.6, 0.6, 50)]))
    spot = drawn.all("circle")[0]
    assert float(spot["cx"][:-1]) + float(spot["cy"][:-1]) == pytest.approx(100)
    assert "n = 50" in spot["title"]


def test_network_and_vote_stand_beside_both_together():
    by_method = {
        "network + vote": {"Jazz": 0.6, NASTY: 0.4},
        "vote": {"Jazz": 0.8, NASTY: 0.2},
        "network": {"Jazz": 0.2, NASTY: 0.8},
    }
    drawn = Elements(bars.distributions(by_method, COLOURS))
    widths = [position_of(bar["style"], "width") for bar in drawn.all("i", "bar")]
    assert widths == pytest.approx([75, 100, 25, 50, 25, 100])
    assert (
        drawn.all("div", "row")[0]["title"]
        == "Jazz\nnetwork + vote: 60.0 %\nvote: 80.0 %\nnetwork: 20.0 %"
    )


def test_branches_of_the_tree_join_their_genres():
    branches = [
        (["a", "b"], 0.2, 0.9),
        (["a", "b", NASTY], 0.6, 1.0),
    ]
    drawn = Elements(dendrogram(["a", "b", NASTY], branches, {}))
    tips = [spot["title"] for spot in drawn.all("circle") if "title" in spot]
    assert tips == [
        "a, b\noverlap 0.80\nin 90 % of the resamples",
        f"{', '.join(sorted(['a', 'b', NASTY]))}\noverlap 0.40\nin 100 % of the resamples",
    ]
    assert "90 %" in drawn.text
    assert "100 %" not in drawn.text


def test_a_decade_without_a_measurement_is_left_out():
    lines = {"Jazz": [(0.2, 0.1, 0.3), None, (0.4, 0.2, 0.5)], NASTY: [None] * 3}
    drawn = Elements(
        curves.decade_lines(["1960s", "1970s", "1980s"], lines, COLOURS, "overlap")
    )
    tips = [spot["title"] for spot in drawn.all("circle")]
    assert tips == [
        "Jazz, 1960s\noverlap 0.20 (0.10 to 0.30)",
        "Jazz, 1980s\noverlap 0.40 (0.20 to 0.50)",
    ]


def test_text_from_files_stays_text_in_every_figure():
    points = [(GENRES, 0.5, 0.5)]
    distribution = {"network + vote": dict.fromkeys(GENRES, 0.5)}
    for drawn in (
        bars.genre_bars(dict.fromkeys(GENRES, 3), COLOURS),
        bars.year_bars(np.array([1990.0]), np.array([1]), GENRES, COLOURS),
        bars.dots([bars.Dot(name=NASTY, value=0.5)], alt=NASTY, title=NASTY),
        bars.distributions(distribution, COLOURS),
        bars.lift_dots([(NASTY, 1.0, (0.5, 2.0), NASTY)], COLOURS),
        dendrogram(GENRES, points, COLOURS),
        curves.decade_lines([NASTY], {NASTY: [(0.1, 0.0, 0.2)]}, COLOURS, "overlap"),
        html.table([NASTY], [[NASTY]]),
        html.share_bars([(NASTY, 0.5, NASTY)], {NASTY: "#000000"}),
        html.figures([(NASTY, NASTY)]),
        key(["#000000"], NASTY, NASTY, NASTY),
        matrix(
            [NASTY],
            [[Cell(text=NASTY, tip=NASTY, colour="#000000", pick=NASTY)]],
            label=NASTY,
        ),
        graph(
            {NASTY: (0, 0)},
            {NASTY: 5},
            {NASTY: "#000000"},
            [Edge(a=NASTY, b=NASTY, width=1, tip=NASTY, pick=NASTY)],
        ),
    ):
        assert not Elements(drawn).all("img")
        assert "<img" in Elements(drawn).text + str(Elements(drawn).found)


def test_numbers_of_a_table_stand_on_the_right():
    drawn = Elements(html.table(["name", "also", "n"], [["a", "b", "1"]], n_names=2))
    assert len(drawn.all("th", "number")) == len(drawn.all("td", "number")) == 1


def test_a_scale_runs_from_its_first_colour_to_its_last():
    assert scale_colours(np.array([-1, 0, 1, 2])) == ["#00224e"] * 2 + ["#fee838"] * 2
    middle = scale_colours(np.array([0.5]), "PuOr")
    assert middle == ["#f7f7f7"]


def test_slides_are_coloured_by_the_same_scales():
    pytest.importorskip("matplotlib")
    from covers.render.frame import colour_map

    for name in (SEQUENTIAL_SCALE, DIVERGING_SCALE):
        shares = np.linspace(0, 1, 11)
        theirs = colour_map(name)(shares)[:, :3]
        ours = [list(bytes.fromhex(c[1:])) for c in scale_colours(shares, name)]
        assert np.abs(np.array(ours) / 255 - theirs).max() < 0.01


def test_the_largest_share_of_a_confusion_matrix_has_the_brightest_colour():
    drawn = Elements(
        confusion_matrix([[6, 4], [1, 3]], ["Jazz", NASTY], "{}~{}".format)
    )
    cells = drawn.all("button", "cell")
    assert [cell["data-pick"] for cell in cells][1] == f"Jazz~{NASTY}"
    colours = [re.search("#[0-9a-f]{6}", cell["style"])[0] for cell in cells]
    brightest, darkest = "#fee838", scale_colours(np.array([0.25 / 0.75]))[0]
    assert colours[3] == brightest
    assert colours[2] == darkest
    assert "75 % of the row" in drawn.text


def test_cells_without_covers_cannot_be_chosen_and_shares_of_covers_are_told():
    drawn = Elements(confusion_matrix([[1.5, 0], [0, 0]], GENRES, "{}~{}".format))
    assert len(drawn.all("button")) == 1
    assert drawn.all("button")[0]["aria-label"] == (
        "Jazz recognised\n1.5 of 1.5 covers, 100 %"
    )
    assert len(drawn.all("span", "none")) == 3


def test_an_unknown_cell_is_not_called_uncertain():
    cells = [
        [
            Cell(text="", tip="?", colour=None, uncertain=True),
            Cell(text=".4", tip="wide", colour="#123570", uncertain=True),
        ]
    ]
    drawn = Elements(matrix(["a", "b"], [cells[0], cells[0]], label="m"))
    assert len(drawn.all("span", "uncertain")) == 2
    assert all("#123570" in cell["style"] for cell in drawn.all("span", "uncertain"))


def test_text_on_a_hatched_cell_lies_on_its_plain_colour():
    # In the browser: tests/dashboard/test_dashboard_browser.py.
    rule = re.search(r"\.matrix \.cell b \{([^}]*)\}", chart_style())[1]
    assert "background-color: inherit" in rule
    assert Elements(
        matrix(["a"], [[Cell(text="1", tip="", colour="#000000")]], label="m")
    ).all("b")


def test_places_keep_distances_but_never_hide_each_other():
    far = np.array([[0, 0.01, 1], [0.01, 0, 1], [1, 1, 0]], float)
    places = spread(far)
    gap = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert gap[0, 1] > 0.2
    assert gap[0, 2] > 2 * gap[0, 1]
    assert spread(np.zeros((1, 1))).shape == (1, 2)


def test_a_training_is_drawn_as_a_file_of_its_own():
    rows = [
        {"phase": "probe", "train_loss": np.nan, "tuning_loss": 2.0, "accuracy": 0.2, "macro_f1": 0.1},
        {"phase": "network", "train_loss": 1.0, "tuning_loss": 1.5, "accuracy": 0.5, "macro_f1": 0.4},
        {"phase": "network", "train_loss": 0.5, "tuning_loss": 1.0, "accuracy": 0.6, "macro_f1": 0.5},
    ]  # fmt: skip
    text = curves.training_history(rows)
    root = ET.fromstring(text)
    tags = [element.tag.rsplit("}")[-1] for element in root.iter()]
    assert tags.count("circle") == 2 + 3 + 3 + 3
    assert {"title", "desc"} <= set(tags)
    # Programs that are no browsers know no variables of a page.
    assert "var(" not in text
    assert "tuning covers 2.000, 1.500, 1.000" in text
    assert curves.training_history([])


def test_numbers_of_covers_that_are_not_whole_are_explained():
    assert numbers.note_on_parts([1.0, 2.0]) == ""
    assert "equal parts" in numbers.note_on_parts([1.0, 2.5])
    assert numbers.tidy(2.5) == "2.5"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (numbers.per_cent(None), "\N{EN DASH}"),
        (numbers.span([None, 0.5]), "\N{EN DASH}"),
        (numbers.span(None), "\N{EN DASH}"),
        (numbers.number(float("nan")), "\N{EN DASH}"),
        (numbers.span([0.1, 0.25], ".2f"), "0.10 to 0.25"),
    ],
)
def test_what_is_not_known_is_a_dash(written, said):
    assert written == said


def test_a_long_name_in_a_figure_breaks_between_its_words():
    assert "<b>tf_<wbr>lite0</b>" in html.figures([("tf_lite0", "network")])
