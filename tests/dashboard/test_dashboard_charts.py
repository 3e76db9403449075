import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import charts, markup
from dashboard.colouring import scale_colours
from dashboard.plots import Axis, number_axis

NASTY = '<img src=x onerror="alert(1)">'
GENRES = ["Jazz", NASTY]
COLOURS = {"Jazz": "#0072b2", NASTY: "#e69f00"}


class Elements(HTMLParser):
    """Every element of some HTML with its attributes, and all text outside of tags."""

    def __init__(self, html):
        super().__init__()
        self.found, self.text, self.depth = [], "", 0
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag, name=""):
        return [
            a
            for t, a in self.found
            if t == tag and (not name or name in (a.get("class") or "").split())
        ]


def place(style, side):
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
    drawn = Elements(charts.genre_bars({"Jazz": 40, NASTY: 10}, COLOURS))
    long, short = (place(bar["style"], "width") for bar in drawn.all("i", "bar"))
    assert long == pytest.approx(4 * short)
    assert "40" in drawn.text
    assert drawn.all("div", "rows")[0]["aria-label"].startswith(
        "Covers per genre: Jazz 40"
    )


def test_covers_per_year_are_stacked_without_losing_any():
    rng = np.random.default_rng(0)
    years = np.where(rng.random(500) < 0.1, np.nan, rng.integers(1950, 2021, size=500))
    genres = rng.integers(-1, 2, size=500)
    drawn = Elements(charts.year_bars(years, genres, GENRES, COLOURS))
    told = [box["data-tip"] for box in drawn.all("rect")]
    counted = sum(int(tip.rsplit(": ", 1)[1].replace(",", "")) for tip in told)
    assert counted == np.isfinite(years).sum()
    assert {tip.rsplit(", ", 1)[0] for tip in told} == {"no genre", *GENRES}
    for box in drawn.all("rect"):
        assert float(box["y"][:-1]) >= -0.01
        assert float(box["y"][:-1]) + float(box["height"][:-1]) <= 100.01


def test_one_year_alone_has_its_name():
    drawn = Elements(
        charts.year_bars(np.array([1991.0]), np.array([0]), GENRES, COLOURS)
    )
    assert drawn.all("rect")[0]["data-tip"] == "Jazz, 1991: 1"


def test_a_method_shows_its_value_and_its_interval():
    methods = {
        "chance": {"macro_f1": 0.1},
        "vote": {"macro_f1": 0.4, "ci95": {"macro_f1": [0.3, 0.5]}},
        "cnn": {"accuracy": 0.4},
    }
    drawn = Elements(
        charts.method_dots(methods, {"vote": "Vote"}, "macro_f1", "Macro-F1")
    )
    spots, reaches = drawn.all("i", "spot"), drawn.all("i", "reach")
    assert len(spots) == 2
    assert place(spots[1]["style"], "left") == pytest.approx(80)
    assert place(reaches[1]["style"], "left") == pytest.approx(60)
    assert place(reaches[1]["style"], "width") == pytest.approx(40)
    assert place(reaches[0]["style"], "width") == 0
    tips = [row["data-tip"] for row in drawn.all("div", "row") if "data-tip" in row]
    assert tips == ["chance: 0.100", "Vote: 0.400 (0.300 to 0.500)"]


def test_what_is_as_frequent_as_everywhere_lies_on_the_line():
    lifts = [("Jazz", 1.0, (0.5, 1.5), "tip"), (NASTY, 0.25, (0.25, 0.25), "tip")]
    drawn = Elements(charts.lift_dots(lifts, COLOURS))
    spots, marks = drawn.all("i", "spot"), drawn.all("i", "mark")
    assert place(spots[0]["style"], "left") == place(marks[0]["style"], "left")


def test_a_curve_without_an_interval_is_drawn_all_the_same():
    points = [
        {"n_references": 10, "macro_f1": 0.2},
        {"n_references": 100, "macro_f1": 0.4, "ci95": [0.3, None]},
        {"n_references": 1000, "macro_f1": 0.5, "ci95": [0.4, 0.6]},
    ]
    drawn = Elements(charts.learning_curve(points))
    spots = drawn.all("circle")
    assert [spot["cx"] for spot in spots] == ["0.0%", "50.0%", "100.0%"]
    assert spots[2]["data-tip"] == "1,000 covers: macro-F1 0.500 (0.400 to 0.600)"
    assert spots[1]["data-tip"] == "100 covers: macro-F1 0.400"
    assert charts.learning_curve([])


def test_stated_certainty_that_comes_true_lies_on_the_diagonal():
    drawn = Elements(charts.reliability([{"certainty": 0.6, "rate": 0.6, "n": 50}]))
    spot = drawn.all("circle")[0]
    assert float(spot["cx"][:-1]) + float(spot["cy"][:-1]) == pytest.approx(100)
    assert "n = 50" in spot["data-tip"]


def test_network_and_vote_stand_beside_both_together():
    by_method = {
        "network": {"Jazz": 0.2, NASTY: 0.8},
        "vote": {"Jazz": 0.8, NASTY: 0.2},
        "network + vote": {"Jazz": 0.6, NASTY: 0.4},
    }
    drawn = Elements(charts.distributions(by_method, COLOURS))
    widths = [place(bar["style"], "width") for bar in drawn.all("i", "bar")]
    assert widths == pytest.approx([75, 100, 25, 50, 25, 100])
    assert (
        drawn.all("div", "row")[0]["data-tip"]
        == "Jazz\nboth: 60.0 %\nvote: 80.0 %\nnetwork: 20.0 %"
    )


def test_branches_of_the_tree_join_their_genres():
    branches = [
        {"genres": ["a", "b"], "height": 0.2, "support": 0.9},
        {"genres": ["a", "b", NASTY], "height": 0.6, "support": None},
    ]
    drawn = Elements(charts.dendrogram(["a", "b", NASTY], branches, {}))
    tips = [spot["data-tip"] for spot in drawn.all("circle") if "data-tip" in spot]
    assert tips == [
        "a, b\noverlap 0.80\nin 90 % of the resamples",
        f"{', '.join(sorted(['a', 'b', NASTY]))}\noverlap 0.40",
    ]
    assert "90 %" in drawn.text


def test_a_decade_without_a_measurement_is_left_out():
    lines = {"Jazz": [(0.2, 0.1, 0.3), None, (0.4, 0.2, 0.5)], NASTY: [None] * 3}
    drawn = Elements(
        charts.decade_lines(["1960s", "1970s", "1980s"], lines, COLOURS, "overlap")
    )
    tips = [spot["data-tip"] for spot in drawn.all("circle")]
    assert tips == [
        "Jazz, 1960s\noverlap 0.20 (0.10 to 0.30)",
        "Jazz, 1980s\noverlap 0.40 (0.20 to 0.50)",
    ]


def test_text_from_files_stays_text_in_every_figure():
    points = [{"genres": GENRES, "height": 0.5, "support": 0.5}]
    distribution = {"network + vote": dict.fromkeys(GENRES, 0.5)}
    for html in (
        charts.genre_bars(dict.fromkeys(GENRES, 3), COLOURS),
        charts.year_bars(np.array([1990.0]), np.array([1]), GENRES, COLOURS),
        charts.method_dots({NASTY: {"f": 0.5}}, {}, "f", "F"),
        charts.distributions(distribution, COLOURS),
        charts.lift_dots([(NASTY, 1.0, (0.5, 2.0), NASTY)], COLOURS),
        charts.dendrogram(GENRES, points, COLOURS),
        charts.decade_lines([NASTY], {NASTY: [(0.1, 0.0, 0.2)]}, COLOURS, "overlap"),
        markup.table([NASTY], [[NASTY]]),
    ):
        assert not Elements(html).all("img")
        assert "<img" in Elements(html).text + str(Elements(html).found)


def test_numbers_of_a_table_stand_on_the_right():
    drawn = Elements(markup.table(["name", "also", "n"], [["a", "b", "1"]], n_names=2))
    assert len(drawn.all("th", "number")) == len(drawn.all("td", "number")) == 1


def test_a_scale_runs_from_its_first_colour_to_its_last():
    assert scale_colours(np.array([-1, 0, 1, 2])) == ["#00224e"] * 2 + ["#fee838"] * 2
    middle = scale_colours(np.array([0.5]), "PuOr")
    assert middle == ["#f7f7f7"]
