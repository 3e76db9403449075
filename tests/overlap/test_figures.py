import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from known_workspace import write_known_workspace
from matplotlib.colors import to_hex
from PIL import Image

from covers.cluster.figures import draw_map, draw_profiles, draw_sheets
from covers.cluster.measured import Measured as Clusters
from covers.overlap.figures.draw import draw_overlap_figures
from covers.overlap.figures.graph import draw_graph
from covers.overlap.figures.matrix import draw_matrix
from covers.overlap.figures.trends import draw_trends
from covers.overlap.measured import Measured
from covers.overlap.stage import run
from covers.render.frame import Thumbnails, new_frame
from covers.render.palette import genre_colours


def text_of(path):
    return " ".join(
        "".join(element.itertext())
        for element in ET.parse(path).iter()
        if element.tag.endswith("text")
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    workspace, _ = write_known_workspace(tmp_path_factory.mktemp("f") / "w")
    run(workspace, n_bootstraps=60, by="source")
    # So few covers are certain of nothing: say that two genres mix.
    path = workspace.analysis_folder / "overlap.json"
    edge = {"a": "Folk", "b": "Jazz", "lift": 1.5, "overlap": 0.5, "q": 0.01}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"edges": [edge]}))
    return workspace, draw_overlap_figures(workspace)


def test_every_overlap_figure_is_written_as_svg_and_png(drawn):
    _, paths = drawn
    assert [path.stem for path in paths] == [
        "overlap-matrix",
        "overlap-graph",
        "overlap-tree",
        "overlap-trends",
    ]
    for path in paths:
        with Image.open(path.with_suffix(".png")) as image:
            assert min(image.size) > 400


def test_every_caption_says_n_and_every_genre_is_named(drawn):
    _, paths = drawn
    for path in paths:
        text = text_of(path)
        assert "n = 180" in text
        for genre in ("Folk", "Jazz", "Metal"):
            assert genre in text


def test_genres_have_the_colours_of_the_palette(drawn):
    _, paths = drawn
    for path in paths[:3]:
        written = path.read_text()
        for colour in genre_colours(("Folk", "Jazz", "Metal")).values():
            assert colour in written


def test_the_same_result_gives_the_same_bytes(drawn):
    workspace, paths = drawn
    before = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in draw_overlap_figures(workspace)] == before


UNKNOWN = {
    "lift_ab": None, "lift_ab_ci95": [None, None], "p": None, "n_a": 10, "overlap_ci95": [None, None],
    "lift_ba": None, "lift_ba_ci95": [None, None], "q": None, "n_b": 10,
}  # fmt: skip
ABOUT = {"effective_genres": 1, "effective_genres_ci95": [1, 1], "k": 5, "grouped_by": "artist"}  # fmt: skip


def made(found):
    """Return the content of a document as what was measured, figures that do not matter filled in."""
    pairs = [UNKNOWN | pair for pair in found["pairs"]]
    parts = found.get("parts", {})
    return Measured.from_json(
        ABOUT
        | found
        | {
            "pairs": pairs,
            "parts": {k: made(one).to_json() for k, one in parts.items()},
        }
    )


def payload(n=3, overlap=0.4, width=0.1, known=True):
    genres = [f"genre {i:03d}" for i in range(n)]
    low, high = overlap - width / 2, overlap + width / 2
    return {
        "genres": genres,
        "pairs": [
            {
                "a": a,
                "b": b,
                "overlap": overlap if known else None,
                "overlap_ci95": [low, high] if known else [None, None],
            }
            for i, a in enumerate(genres)
            for b in genres[i + 1 :]
        ],
        "tree": {"order": genres if known else [], "branches": []},
        "edges": [],
        "n_covers": 10 * n,
        "n_groups": 10 * n,
        "n_by_genre": dict.fromkeys(genres, 10.0),
        "prototypes": {genre: [] for genre in genres},
    }


def hatched(frame):
    return [patch for patch in frame.axes.patches if patch.get_hatch()]


def test_only_uncertain_cells_are_hatched():
    assert hatched(draw_matrix(made(payload(width=0.1)))) == []
    (shape,) = hatched(draw_matrix(made(payload(width=0.5))))
    assert len(shape.get_path().vertices) == 6 * 5


def test_unknown_overlaps_are_left_empty(tmp_path):
    frame = draw_matrix(made(payload(known=False)))
    assert not list(frame.axes.texts)
    assert frame.save(tmp_path / "m").exists()
    unknown = payload(known=False)
    unknown["edges"] = [mixing(0, 1)]
    assert draw_graph(made(unknown)).save(tmp_path / "g").exists()


def mixing(a, b):
    names = {"a": f"genre {a:03d}", "b": f"genre {b:03d}"}
    return {**names, "lift": 2.0, "overlap": 0.4, "q": 0.01}


def test_without_genres_that_mix_there_is_no_graph_and_an_old_one_is_removed(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w")
    old = workspace.analysis_folder / "figures" / "overlap-graph.svg"
    old.parent.mkdir(parents=True)
    old.write_text("<svg/>")
    assert run(workspace, n_bootstraps=60).edges == ()
    assert draw_graph(made(payload(3))) is None
    assert sorted(path.name for path in old.parent.glob("*.svg")) == [
        "overlap-matrix.svg",
        "overlap-tree.svg",
    ]


def test_hatching_does_not_run_through_digits():
    frame = draw_matrix(made(payload(width=0.5)))
    boxes = [text.get_bbox_patch() for text in frame.axes.texts]
    assert len(boxes) == 12
    assert all(box.get_alpha() == 1 for box in boxes)
    assert all(
        t.get_bbox_patch() is None for t in draw_matrix(made(payload())).axes.texts
    )


def decades(**overlaps):
    found = payload(3)
    found["by"] = "year"
    found["parts"] = {
        name: {
            **payload(0),
            "n_covers": 50,
            "pairs": [
                {**pair, "overlap": value, "overlap_ci95": [value, value]}
                for pair, value in zip(found["pairs"], values, strict=True)
            ],
        }
        for name, values in overlaps.items()
    }
    return found


def test_trends_join_the_decades_in_which_a_pair_is_known():
    nan = float("nan")
    found = decades(d1970=(0.1, 0.5, nan), d1980=(0.2, nan, nan), d1990=(0.4, nan, 0.3))
    frame = draw_trends(made(found))
    lines = [line for line in frame.axes.lines if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in lines] == [[0.1, 0.2, 0.4]]
    assert "n = 150 covers" in frame.caption


def test_without_parts_or_with_one_there_are_no_trends():
    assert draw_trends(made(payload(3))) is None
    assert draw_trends(made(decades(d1970=(0.1, 0.2, 0.3)))) is None


def test_captions_keep_numbers_with_their_units(tmp_path):
    frame = new_frame(width=3, height=3, title="t", caption="word " * 7 + "n = 95 % x")
    assert frame.save(tmp_path / "f").exists()
    for line in frame.figure.texts[-1].get_text().splitlines():
        assert not line.startswith(("%", "=", "95"))


def test_names_in_the_graph_stand_where_no_line_leads():
    found = payload(2)
    found["edges"] = [mixing(0, 1)]
    notes = {t.get_text(): t for t in draw_graph(made(found)).axes.texts}
    assert "x2.0" in notes
    first, second = (notes[name] for name in ("genre 000", "genre 001"))
    toward = np.subtract(second.xy, first.xy)
    assert np.dot(first.xyann, toward) <= 1e-9
    assert np.dot(second.xyann, -toward) <= 1e-9


def test_of_many_genres_the_graph_names_those_that_mix():
    found = payload(60)
    found["edges"] = [mixing(7, 42)]
    frame = draw_graph(made(found))
    names = [t.get_text() for t in frame.axes.texts if "genre" in t.get_text()]
    assert names == ["genre 007", "genre 042"]
    assert "2 of 60 genres" in frame.caption
    small = payload(40) | {"edges": [mixing(7, 12)]}
    few = {t.get_text() for t in draw_graph(made(small)).axes.texts}
    assert {"genre 000", "genre 039"} <= few


def extents(labels):
    return [label.get_window_extent().extents for label in labels]


@pytest.mark.parametrize("n", [30, 31, 75])
def test_names_beside_the_matrix_do_not_cover_each_other(n):
    frame = draw_matrix(made(payload(n)))
    figure = frame.finish()
    figure.canvas.draw()
    assert max(t.get_fontsize() for t in frame.axes.get_xticklabels()) <= 10
    below = np.array(extents(frame.axes.get_xticklabels()))
    beside = np.array(extents(frame.axes.get_yticklabels()))
    assert (np.diff(beside[::-1, 1]) > np.ptp(beside[:, [1, 3]], axis=1)[0]).all()
    if n > 30:
        assert (below[1:, 0] > below[:-1, 2]).all()


def test_a_far_island_does_not_squeeze_the_map():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, size=(200, 2)).astype(np.float32)
    points[:8] = points[:8] / 10 + [0.4, 9]
    frame = draw_map(points, ["Jazz"] * 200, {"Jazz": "#0072b2"})
    shown = np.asarray(frame.axes.collections[0].get_offsets())
    assert np.ptp(shown[8:, 1]) > 0.75 * np.ptp(shown[:, 1])
    assert (np.argsort(shown[:, 1]) == np.argsort(points[:, 1])).all()
    assert shown[8:] == pytest.approx(points[8:], abs=1e-6)
    assert "empty strips are narrowed" in frame.caption


@pytest.mark.slow
def test_three_hundred_genres_are_drawn(tmp_path):
    assert draw_matrix(made(payload(300))).save(tmp_path / "m").exists()
    many = payload(300) | {"edges": [mixing(7, 42)]}
    assert draw_graph(made(many)).save(tmp_path / "g").exists()


def clusters(n=2, stability=0.8):
    return {
        "n_clusters": n,
        "n_covers": 40,
        "noise_fraction": 0.25,
        "ami": 0.1,
        "ami_null95": [-0.02, 0.02],
        "clusters": [
            {
                "id": i,
                "n": 20 - i,
                "entropy": 0.5,
                "stability": stability,
                "genres": [
                    {
                        "genre": "Jazz",
                        "share": 0.75,
                        "lift": 1.5,
                        "lift_ci95": [1.2, 2],
                    },
                    {
                        "genre": "Folk",
                        "share": 0.25,
                        "lift": 0.5,
                        "lift_ci95": [0.2, 1],
                    },
                ],
                "exemplars": [f"{i:032x}"] * 3,
                "look": {
                    "words": ["dark"],
                    "palette": ["#112233", "#ffeedd"],
                    "palette_share": [0.7, 0.3],
                },
            }
            for i in range(n)
        ],
    }


def test_profiles_print_only_lifts_whose_interval_excludes_chance(tmp_path):
    path = draw_profiles(Clusters.from_json(clusters()), ("Folk", "Jazz")).save(
        tmp_path / "p"
    )
    text = text_of(path)
    assert "Jazz x1.5" in text
    assert "Folk x0.5" not in text
    assert "found again 0.80" in text


def test_many_genres_are_listed_by_their_broad_ones_and_stand_together_in_a_bar():
    many = ("bebop", "house", "swing", "techno", *(f"genre {i}" for i in range(18)))
    found = clusters()
    own = found["clusters"][0]["genres"][0]
    found["clusters"] = [
        found["clusters"][0]
        | {"genres": [own | {"genre": g, "share": 0.25} for g in many[:4]]}
    ]
    frame = draw_profiles(Clusters.from_json(found), many)
    listed = [text.get_text() for text in frame.figure.legends[0].get_texts()]
    assert listed[:2] == ["Jazz", "Electronic"]
    colours = genre_colours(many)
    drawn = [to_hex(bar.get_facecolor()) for bar in frame.axes.patches]
    assert drawn == [colours[g] for g in ("bebop", "swing", "house", "techno")]


def test_sheets_show_covers_even_where_thumbnails_are_missing(tmp_path):
    workspace, _ = write_known_workspace(tmp_path / "w")
    path = draw_sheets(
        Clusters.from_json(clusters(stability=None)), Thumbnails(workspace)
    ).save(tmp_path / "s")
    assert "n = 20" in text_of(path)
    missing = Thumbnails(workspace).picture("0" * 31 + "z", 8)
    assert missing.shape == (8, 8, 3)
    assert (missing == 200).all()


def test_pictures_on_the_map_hide_neither_each_other_nor_numbers():
    from matplotlib.offsetbox import AnnotationBbox

    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 2)).astype(np.float32)
    frame = draw_map(
        points,
        ["Jazz"] * 400,
        {"Jazz": "#0072b2"},
        lambda row: np.full((64, 64, 3), 90, np.uint8),
        labels=np.zeros(400, np.int64),
    )
    boxes = [b.xy for b in frame.axes.artists if isinstance(b, AnnotationBbox)]
    inches = np.array(boxes) / np.ptp(points, axis=0) * [8.6, 7.2]
    gap = np.abs(inches[:, None] - inches[None]).max(axis=2)
    assert len(boxes) > 5
    assert gap[~np.eye(len(boxes), dtype=bool)].min() > 0.45


def test_the_map_writes_cluster_numbers_and_takes_any_number_of_covers(tmp_path):
    rng = np.random.default_rng(0)
    for n in (0, 1, 60):
        points = rng.normal(size=(n, 2)).astype(np.float32)
        frame = draw_map(
            points,
            ["Jazz"] * n,
            genre_colours(("Folk", "Jazz")),
            labels=np.full(n, 7),
        )
        path = frame.save(tmp_path / f"map{n}")
        assert ("7" in [t.get_text() for t in frame.axes.texts]) == (n > 0)
        assert f"n = {n} covers" in text_of(path)
