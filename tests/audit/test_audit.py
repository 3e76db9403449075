"""What an audit finds, and that it changes nothing."""

import json
import shutil

import numpy as np
import pytest
from audit_pictures import design, put

from covers.audit.audited import AuditedCover, Place
from covers.audit.duplicates import find_repeated_designs, find_shared_covers
from covers.audit.findings import EXPLANATIONS, FindingKind, beyond
from covers.audit.labels import find_doubtful_labels, find_outliers
from covers.audit.page import write_page
from covers.audit.pictures import PictureLimits, find_bad_pictures
from covers.audit.stage import AuditOptions
from covers.audit.stage import run as audit_workspace
from covers.catalogue.cover_set import CoverSet, columns_of
from covers.catalogue.table import read_catalogue
from covers.images.duplicates.near_duplicates import DuplicatePairs
from covers.intake.scan import scan_workspace
from covers.model import embedding_table
from covers.model.embedding_table import EmbeddingTable
from covers.workspace.paths import Workspace


def cover(cover_id, **values):
    genres = tuple(values.pop("genres", ("Rock",)))
    return AuditedCover(
        cover_id=cover_id, path=f"{cover_id}.jpg", genres=genres, **values
    )


def pairs_of(*pairs):
    first, second, bits, correlations = zip(*pairs, strict=True)
    return DuplicatePairs(
        np.array(first),
        np.array(second),
        np.array(bits),
        np.array(correlations, np.float32),
    )


def kinds_of(findings):
    return [finding.kind.value for finding in findings]


def by_kind(audit):
    found = {}
    for finding in audit.findings:
        found.setdefault(finding.kind.value, []).append(set(finding.paths))
    return found


def test_everything_that_folders_can_have_is_found_and_nothing_else(workspace):
    audit = audit_workspace(workspace)
    found = by_kind(audit)
    assert sorted(map(sorted, found.pop("several_genres"))) == [
        ["Pop/other genre.jpg", "Rock/r2.jpg"],
        ["Pop/twice.jpg", "Rock/r0.jpg"],
    ]
    assert sorted(map(sorted, found.pop("near_duplicate"))) == [
        ["Pop/other genre.jpg", "Rock/r2.jpg"],
        ["Rock/again.jpg", "Rock/r1.jpg"],
    ]
    assert found == {
        "tiny": [{"Rock/tiny.jpg"}],
        "non_square": [{"Rock/wide.jpg"}],
        "blank": [{"Rock/blank.jpg"}],
        "dark": [{"Rock/dark.jpg"}],
        "blurred": [{"Rock/blurred.jpg"}],
    }
    assert audit.counts == {
        "several_genres": 2,
        "near_duplicate": 2,
        "blank": 1,
        "dark": 1,
        "blurred": 1,
        "tiny": 1,
        "non_square": 1,
    }
    assert "no embeddings yet" in audit.not_checked["label_error"]
    assert "no music library" in audit.not_checked["artist_photo"]


def test_an_audit_changes_no_file_but_its_own(workspace, library):
    def state():
        files = [*library.rglob("*"), *workspace.root.rglob("*")]
        return {
            str(f): f.read_bytes()
            for f in files
            if f.is_file() and f.name != "audit.json"
        }

    before = state()
    audit_workspace(workspace)
    assert state() == before


def test_the_published_audit_says_what_it_was_made_from(workspace):
    audit = audit_workspace(workspace)
    payload = json.loads(
        (workspace.analysis_folder / "audit.json").read_text(encoding="utf-8")
    )
    assert payload["stamp"]["kind"] == "audit"
    assert payload["stamp"]["made_from"] == {
        "catalogue": read_catalogue(workspace).label_fingerprint()
    }
    assert payload["counts"] == audit.counts
    assert len(payload["findings"]) == len(audit.findings)


@pytest.fixture
def embedded(workspace, monkeypatch):
    """Embeddings that tell genres apart, but for two covers filed wrongly and one that is like nothing."""
    catalogue = read_catalogue(workspace)
    rng = np.random.default_rng(0)
    centres = {"Rock": np.eye(24)[0], "Pop": np.eye(24)[1]}
    vectors = []
    for path, genres in zip(catalogue.column("path"), catalogue.genres, strict=True):
        genre = {"Rock/r5.jpg": "Pop", "Pop/p5.jpg": "Rock"}.get(path, genres[0])
        centre = -3 * np.eye(24)[2] if path == "Rock/r9.jpg" else centres[genre]
        vectors.append(centre + 0.06 * rng.normal(size=24))
    features = np.array(vectors, np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    table = table_of(catalogue, features[:-1])  # the last one could not be embedded
    monkeypatch.setattr(embedding_table, "read_frozen", lambda _: table)
    return workspace


def table_of(catalogue, features):
    n = len(features)
    return EmbeddingTable(
        **columns_of(catalogue, np.arange(n)),
        embeddings=features,
        logits=np.zeros((n, 0), np.float32),
        fingerprint="f" * 32,
    )


def test_with_embeddings_doubtful_labels_and_outliers_are_found(embedded):
    audit = audit_workspace(embedded, AuditOptions(label_share=0.06))
    found = by_kind(audit)
    assert sorted(map(sorted, found["label_error"])) == [
        ["Pop/p5.jpg"],
        ["Rock/r5.jpg"],
    ]
    assert found["outlier"] == [{"Rock/r9.jpg"}]
    wrong = next(f for f in audit.findings if f.kind is FindingKind.LABEL_ERROR)
    assert wrong.suggestion == (("Rock",) if "Pop/p5.jpg" in wrong.paths else ("Pop",))
    check = audit.label_check
    assert check is not None
    assert check.average_precision > 3 * check.random_precision
    assert set(audit.not_checked) == {
        "art_differs",
        "track_art_differs",
        "artist_photo",
    }


def test_a_catalogue_of_one_genre_is_audited_without_labels(tmp_path, monkeypatch):
    for i in range(30):
        put(tmp_path / f"library/Rock/{i}.jpg", design(i))
    scan_workspace(tmp_path / "ws", [tmp_path / "library"])
    workspace = Workspace.open(tmp_path / "ws")
    features = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    table = table_of(read_catalogue(workspace), features)
    monkeypatch.setattr(embedding_table, "read_frozen", lambda _: table)
    audit = audit_workspace(workspace)
    assert audit.label_check is None
    assert "two genres" in audit.not_checked["label_error"]


def test_one_artist_and_album_is_a_reissue_and_others_are_near_duplicates():
    rows = [
        cover("a", artist="Žofie", album="Řeka", year=1987),
        cover("b", artist="žofie", album="Řeka (Remastered Edition)", year=2007),
        cover("c", artist="Žofie", album="Jiná"),
        cover("d", artist="Žofie", album="Další"),
        cover("e", artist="One", album="Hits"),
        cover("f", artist="Two", album="Hits"),
        cover("g"),
        cover("h"),
    ]
    pairs = pairs_of((0, 1, 2, 0.99), (2, 3, 4, 0.98), (4, 5, 6, 0.97), (6, 7, 8, 0.9))
    findings = find_repeated_designs(rows, pairs)
    assert kinds_of(findings) == [
        "reissue",
        "near_duplicate",
        "near_duplicate",
        "near_duplicate",
    ]
    reasons = [finding.reason for finding in findings]
    assert "one album of 1987, 2007" in reasons[0]
    assert "one artist but of different albums" in reasons[1]
    assert "of One + Two" in reasons[2]
    assert findings[2].confidence <= 0.5 < findings[1].confidence
    assert "2 files with the same design: up to 8 of 64 bits" in reasons[3]


def test_a_group_is_as_sure_as_the_best_link_of_its_least_sure_cover():
    rows = [cover(name) for name in "abc"]
    sure = find_repeated_designs(
        rows, pairs_of((0, 1, 2, 0.99), (0, 2, 12, 0.9), (1, 2, 4, 0.99))
    )
    unsure = find_repeated_designs(rows, pairs_of((0, 1, 2, 0.99), (1, 2, 12, 0.9)))
    assert sure[0].cover_ids == unsure[0].cover_ids == ("a", "b", "c")
    assert sure[0].confidence > unsure[0].confidence


def test_embeddings_confirm_and_contradict():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 32)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    features[1] = features[0]
    features[4] = np.nan
    rows = [cover(str(i)) for i in range(200)]
    pairs = pairs_of((0, 1, 12, 0.9), (2, 3, 12, 0.9), (4, 5, 12, 0.9))
    plain = find_repeated_designs(rows, pairs)
    agreed, contradicted, unknown = find_repeated_designs(rows, pairs, features)
    assert agreed.confidence > plain[0].confidence > contradicted.confidence
    assert "their embeddings agree (1.00)" in agreed.reason
    assert "do not agree" in contradicted.reason
    assert unknown.confidence == plain[2].confidence


def test_a_design_under_different_genres_suggests_them_together():
    rows = [
        cover("a", genres=["Rock"]),
        cover("b", genres=["Pop", "Rock"]),
        cover("c", genres=[]),
    ]
    findings = find_repeated_designs(rows, pairs_of((0, 1, 0, 1.0), (1, 2, 0, 1.0)))
    assert kinds_of(findings) == ["near_duplicate", "several_genres"]
    assert findings[1].suggestion == ("Pop", "Rock")
    assert "as Pop + Rock and as Rock" in findings[1].reason


def test_one_file_of_two_genres_on_purpose_is_no_finding():
    place = Place(path="x.jpg", genres=("Rock", "Pop"))
    assert find_shared_covers([cover("a", places=[place])]) == []
    assert (
        find_shared_covers(
            [cover("a", places=[place, Place(path="y.jpg", genres=("Pop", "Rock"))])]
        )
        == []
    )
    other = Place(path="z.jpg", genres=("Pop",))
    assert kinds_of(find_shared_covers([cover("a", places=[place, other])])) == [
        "several_genres"
    ]


def picture(**values):
    good = {
        "cover_id": "a",
        "path": "a.jpg",
        "width": 500,
        "height": 500,
        "brightness": 0.4,
        "contrast": 0.2,
        "sharpness": 0.5,
    }
    return AuditedCover(**{**good, **values})


@pytest.mark.parametrize(
    ("values", "kinds"),
    [
        ({}, []),
        ({"width": 119, "height": 119}, ["tiny"]),
        ({"width": 120, "height": 120}, []),
        ({"width": 500, "height": 450}, ["non_square"]),
        ({"width": 500, "height": 456}, []),
        ({"contrast": 0.0, "sharpness": 0.0}, ["blank"]),
        ({"brightness": 0.03, "contrast": 0.04, "sharpness": 0.05}, ["dark"]),
        ({"sharpness": 0.1}, ["blurred"]),
        (
            {"width": 30, "height": 90, "sharpness": 0.1},
            ["tiny", "non_square", "blurred"],
        ),
        ({"brightness": None, "contrast": None, "sharpness": None}, []),
        ({"width": None, "height": None}, []),
    ],
)
def test_pictures_are_judged_by_the_stated_limits(values, kinds):
    assert kinds_of(find_bad_pictures([picture(**values)])) == kinds


def test_limits_can_be_changed():
    limits = PictureLimits(least_side_px=600)
    assert kinds_of(find_bad_pictures([picture()], limits)) == ["tiny"]


def test_confidence_runs_from_a_half_at_the_limit_to_one():
    assert beyond(0.15, 0.15, 0) == 0.5
    assert beyond(0.075, 0.15, 0) == 0.75
    assert beyond(-1, 0.15, 0) == 1
    assert beyond(2.0, 1.1, 1.5) == 1


def test_every_kind_is_explained():
    assert set(EXPLANATIONS) == set(FindingKind)


def test_at_most_the_asked_share_of_labels_is_listed_most_doubtful_first():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 400)
    features = (
        np.eye(3)[truth] @ rng.normal(size=(3, 12)) + 0.8 * rng.normal(size=(400, 12))
    ).astype(np.float32)
    given = truth.copy()
    given[:40] = (truth[:40] + 1) % 3
    rows = [cover(str(i), genres=["abc"[g]]) for i, g in enumerate(given)]
    found, check = find_doubtful_labels(
        rows,
        features,
        CoverSet(
            cover_ids=[row.cover_id for row in rows],
            vocab=("a", "b", "c"),
            membership=np.eye(3)[given],
            groups=np.arange(400),
            splits=np.full(400, "train"),
        ),
        share=0.05,
    )
    assert len(found) == 20
    wrong = [int(f.cover_ids[0]) < 40 for f in found]
    assert np.mean(wrong) > 0.8
    assert all(
        f.suggestion == ("abc"[truth[int(f.cover_ids[0])]],)
        for f, w in zip(found, wrong, strict=True)
        if w
    )
    confidences = [f.confidence for f in found]
    assert confidences == sorted(confidences, reverse=True)
    assert check.n_flipped == 20


def test_outliers_are_told_from_a_wide_cloud():
    rng = np.random.default_rng(0)
    cloud = np.concatenate(
        [rng.normal(size=(300, 6)) * 0.2 + np.eye(6)[0], -np.eye(6)[:1]]
    )
    features = (cloud / np.linalg.norm(cloud, axis=1, keepdims=True)).astype(np.float32)
    found = find_outliers([cover(str(i)) for i in range(301)], features, np.arange(301))
    assert found[0].cover_ids == ("300",)
    assert len(found) <= 3
    assert find_outliers([cover("a")], features[:1], np.arange(1)) == []


def test_a_copy_does_not_hide_an_outlier_of_its_own_group():
    rng = np.random.default_rng(0)
    cloud = np.concatenate(
        [rng.normal(size=(300, 6)) * 0.2 + np.eye(6)[0], *[-np.eye(6)[:1]] * 6]
    )
    features = (cloud / np.linalg.norm(cloud, axis=1, keepdims=True)).astype(np.float32)
    groups = np.minimum(np.arange(306), 300)
    found = find_outliers([cover(str(i)) for i in range(306)], features, groups)
    assert {f.cover_ids[0] for f in found} >= {str(i) for i in range(300, 306)}


def test_the_page_needs_nothing_else_and_escapes_what_files_are_called(
    workspace, tmp_path, library
):
    put(
        library / "Rock/<img src=x onerror=alert(1)>&\n.jpg",
        design(3).resize((140, 140)),
    )
    scan_workspace(workspace.root)
    write_page(tmp_path / "audit.html", audit_workspace(workspace), workspace)
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert "&lt;img src=x onerror=alert(1)&gt;&amp;\\n.jpg" in page
    assert "<img src=x" not in page
    assert "http:" not in page
    assert "https:" not in page
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert page.count("data:image/webp;base64,") >= 9


def test_the_page_does_without_thumbnails(workspace, tmp_path):
    audit = audit_workspace(workspace)
    shutil.rmtree(workspace.root / "thumbnails", ignore_errors=True)
    write_page(tmp_path / "audit.html", audit, workspace)
    assert "no thumbnail" in (tmp_path / "audit.html").read_text(encoding="utf-8")


def test_a_workspace_that_cannot_be_written_is_audited_all_the_same(
    workspace, monkeypatch, caplog
):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("covers.audit.stage.write_json", refuse)
    assert audit_workspace(workspace).counts["tiny"] == 1
    assert "audit.json' could not be written: Read-only file system" in caplog.text
