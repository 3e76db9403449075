"""What a scan says, remembers and refuses: settings, folds, limits, decisions."""

from __future__ import annotations

import audio_files
import pytest
from drawn_pictures import picture, put
from scanned import rows_of

from covers.catalogue.corrections import Action, Decision, Overlay
from covers.catalogue.table import read_catalogue
from covers.errors import ConfigError, DataError
from covers.intake.pictures import read_one as reading
from covers.intake.scan import ScanOptions, reassemble_workspace, scan_workspace
from covers.workspace.paths import Workspace
from covers.workspace.settings import read_settings


def test_two_scans_at_once_are_refused(library, ws):
    from filelock import FileLock

    scan_workspace(ws, [library])
    with (
        FileLock(ws / ".scan.lock"),
        pytest.raises(DataError, match=r"another scan of .* is running"),
    ):
        scan_workspace(ws)


def test_a_full_disk_is_explained_and_leaves_the_old_state(library, ws, monkeypatch):
    scan_workspace(ws, [library])
    before = read_catalogue(Workspace(ws)).fingerprint()
    put(library / "Rock/new.png", picture(500))
    write = reading.write_thumbnail

    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reading, "write_thumbnail", fail)
    with pytest.raises(DataError, match=r"cannot write .*No space left on device"):
        scan_workspace(ws)
    assert read_catalogue(Workspace(ws)).fingerprint() == before
    monkeypatch.setattr(reading, "write_thumbnail", write)
    assert scan_workspace(ws).new == 1


def test_a_workspace_that_is_a_file_is_explained(library, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match=r"cannot write to the workspace .*File exists"):
        scan_workspace(tmp_path / "file", [library])


def test_a_workspace_can_lie_in_its_source_and_move_with_it(library):
    ws = library / "covers-workspace"
    scan_workspace(ws, [library])
    assert scan_workspace(ws).n_covers == 24
    assert read_settings(ws).sources[0].path == ".."
    moved = library.parent / "elsewhere"
    library.rename(moved)
    report = scan_workspace(moved / "covers-workspace")
    assert (report.n_covers, report.n_read) == (24, 0)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("nothing", "no source '.*nothing': expected a folder"),
        ("empty", "is empty: expected folders named after genres"),
        ("broken", "all 1 files there failed; the first is 'Rock/a.jpg': "),
        ("a.txt", "is a file but no manifest"),
    ],
)
def test_sources_without_covers_are_explained_and_leave_no_workspace(
    tmp_path, ws, source, message
):
    (tmp_path / "empty").mkdir()
    put(tmp_path / "broken/Rock/a.jpg", b"x")
    put(tmp_path / "a.txt", b"x")
    with pytest.raises(DataError, match=message):
        scan_workspace(ws, [tmp_path / source])
    assert not (ws / "catalogue.parquet").exists()
    assert source == "broken" or not ws.exists()


def test_what_stands_in_the_way_of_training_is_said(tmp_path, ws):
    flat, one = tmp_path / "flat", tmp_path / "one"
    for i in range(11):
        put(flat / f"{i}.png", picture(i))
        put(one / f"Rock/{i}.png", picture(i))
    [note] = scan_workspace(ws, [flat]).warnings
    assert "no cover has a genre" in note
    assert "covers model import" in note
    [note] = scan_workspace(tmp_path / "ws2", [one]).warnings
    assert "all covers have one genre (Rock)" in note
    put(one / "Pop/a.png", picture(70))
    notes = scan_workspace(tmp_path / "ws2").warnings
    assert "fewer than two genres have at least 10 covers" in notes[0]
    assert (
        "1 genres with fewer than 10 covers are kept out of training: Pop (1)"
        in (notes[1])
    )


def test_the_wrong_level_of_folders_is_doubted(tmp_path, ws):
    root = tmp_path / "all"
    for i, genre in enumerate(("Rock", "Jazz", "Pop")):
        put(root / f"by-genre/{genre}/{i}.png", picture(i))
        put(root / f"lab/images/{i}.png", picture(50 + i))
    put(root / "lab/manifest.csv", b"path,genre")
    notes = " ".join(scan_workspace(ws, [root]).warnings)
    assert "'lab/manifest.csv' looks like a manifest" in notes
    assert "those below 'by-genre' are (Jazz, Pop, Rock …)" in notes
    quiet = tmp_path / "quiet"
    for i in range(3):
        put(quiet / f"Rock/Pop/{i}.png", picture(i))
        put(quiet / f"Zeuhl/Live/{i}.png", picture(70 + i))
    notes = " ".join(scan_workspace(tmp_path / "ws2", [quiet]).warnings)
    assert "perhaps" not in notes


def test_a_source_inside_another_is_noted_and_can_be_dropped(library, ws):
    scan_workspace(ws, [library])
    report = scan_workspace(ws, [library / "Pop"])
    assert "source 'Pop' lies inside source 'library'" in report.warnings[0]
    assert report.genres["deep"] == 12
    path = Workspace(ws).config_path
    path.write_text("[[sources]]" + path.read_text().split("[[sources]]")[1])
    report = scan_workspace(ws)
    assert list(report.genres) == ["Pop", "Rock"]
    assert [source.name for source in report.sources] == ["library"]


def test_settings_are_remembered_and_apply_without_reading_again(tmp_path, ws):
    root = tmp_path / "library"
    for i in range(4):
        put(root / f"Black Metal/{i}.png", picture(i))
        put(root / f"Jazz/{i}.png", picture(50 + i))
    scan_workspace(ws, [root])
    report = scan_workspace(ws, intake={"genre_level": "broad", "genre_minimum": 3})
    assert report.n_read == 0
    assert report.genres == {"Jazz": 4, "Metal": 4}
    assert rows_of(ws)["Black Metal/0.png"]["raw_genres"] == ["Black Metal"]
    assert read_catalogue(Workspace(ws)).vocab == ("Jazz", "Metal")
    assert read_settings(ws).intake.genre_level == "broad"
    assert scan_workspace(ws).genres == {"Jazz": 4, "Metal": 4}
    with pytest.raises(ConfigError, match="leave nothing to train on"):
        scan_workspace(ws, intake={"valid_share": 0.5, "test_share": 0.5})
    with pytest.raises(ConfigError, match=r"genre_level must be .*got 'huge'"):
        scan_workspace(ws, intake={"genre_level": "huge"})


def test_folds_are_a_column_that_stays(library, ws):
    report = scan_workspace(ws, [library], intake={"n_folds": 3})
    assert sorted(report.folds) == [8, 8, 8]
    before = {row["cover_id"]: row["fold"] for row in rows_of(ws).values()}
    put(library / "Rock/new.png", picture(500))
    assert sum(scan_workspace(ws).folds) == 25
    after = {row["cover_id"]: row["fold"] for row in rows_of(ws).values()}
    assert {cover_id: after[cover_id] for cover_id in before} == before
    assert scan_workspace(ws, intake={"n_folds": 0}).folds == ()
    with pytest.raises(
        ConfigError, match="cannot make folds: n_folds must be at least"
    ):
        scan_workspace(ws, intake={"n_folds": 1000})


def test_more_folds_than_before_are_dealt_anew_and_of_one_size(library, ws):
    scan_workspace(ws, [library], intake={"n_folds": 3})
    assert scan_workspace(ws, intake={"n_folds": 6}).folds == (4,) * 6


def kept_sides(report):
    return [line for line in report.warnings if "keep their side" in line]


def test_what_would_need_another_split_says_so_and_how(library, ws):
    first = scan_workspace(ws, [library], options=ScanOptions(seed=3))
    assert not kept_sides(first)
    assert not kept_sides(scan_workspace(ws))
    before = {row["cover_id"]: row["split"] for row in rows_of(ws).values()}
    (said,) = kept_sides(
        scan_workspace(ws, intake={"valid_share": 0.4}, options=ScanOptions(seed=5))
    )
    assert "valid_share 0.4 and seed 5 are for new covers alone" in said
    assert "'covers scan --split-anew --valid-share 0.4 --seed 5'" in said
    (again,) = kept_sides(
        scan_workspace(ws)
    )  # the share is remembered, the seed is not
    assert again.startswith("valid_share 0.4 is")
    assert {row["cover_id"]: row["split"] for row in rows_of(ws).values()} == before
    anew = scan_workspace(ws, options=ScanOptions(seed=5, split_anew=True))
    assert not kept_sides(anew)
    assert not kept_sides(scan_workspace(ws, options=ScanOptions(seed=5)))
    assert anew.split.n["valid"] > first.split.n["valid"]


def test_settings_written_by_hand_stay(library, ws):
    scan_workspace(ws, [library])
    path = Workspace(ws).config_path
    text = path.read_text() + "\n[intake]\n# mine\ngenre_minimum = 5\n"
    path.write_text(text)
    scan_workspace(ws, intake={"genre_level": "broad"})
    assert "# mine\ngenre_minimum = 5" in path.read_text()
    assert read_settings(ws).intake.genre_level == "broad"


def test_another_limit_gives_large_pictures_a_new_chance(library, ws):
    put(library / "Rock/large.png", picture(600, 400))
    report = scan_workspace(ws, [library], intake={"max_megapixels": 0.1})
    assert report.problems == {"broken": 1}
    assert scan_workspace(ws).n_read == 0
    report = scan_workspace(ws, intake={"max_megapixels": 1.0})
    assert (report.n_read, report.problems) == (1, {})


def test_albums_that_share_a_picture_give_it_the_genres_of_all(tmp_path, ws):
    root = tmp_path / "Music"
    for name in ("One", "Two"):
        content = audio_files.mp3({"album": name, "genres": [f"Genre {name}"]})
        put(root / f"mixed/{name}.mp3", content)
    put(root / "mixed/cover.png", picture(3))
    scan_workspace(ws, [root])
    [row] = rows_of(ws).values()
    assert row["genres"] == ["Genre One", "Genre Two"]
    assert scan_workspace(ws).unchanged == 1


def test_decisions_of_a_person_survive_a_scan_and_can_be_taken_back(library, ws):
    scan_workspace(ws, [library])
    before = read_catalogue(Workspace(ws)).fingerprint()
    rows = rows_of(ws)
    Overlay(
        (
            Decision(cover_id=rows["Rock/r1.png"]["cover_id"], action=Action.DROP),
            Decision(
                cover_id=rows["Rock/r2.png"]["cover_id"],
                action=Action.RELABEL,
                genres=("Jazz",),
            ),
        )
    ).write(Workspace(ws))
    report = scan_workspace(ws)
    assert report.n_covers == 23
    assert "Rock/r1.png" not in rows_of(ws)
    assert rows_of(ws)["Rock/r2.png"]["genres"] == ["Jazz"]
    assert rows_of(ws)["Rock/r2.png"]["raw_genres"] == ["Rock"]
    Overlay().write(Workspace(ws))
    again = reassemble_workspace(ws)
    assert (again.n_covers, again.n_read) == (24, 0)
    assert rows_of(ws)["Rock/r2.png"]["genres"] == ["Rock"]
    assert read_catalogue(Workspace(ws)).fingerprint() == before
