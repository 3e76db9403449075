import pytest

from covers.catalogue.links import find_links

UUID = "11b1f1ba-0a3e-4a6c-9a37-0c2b5f7f2b3d"


def test_ids_lead_to_their_sites():
    known = {"path": "a.jpg", "release_group": UUID, "discogs_release": 249504}
    assert find_links(known) == {
        "MusicBrainz": f"https://musicbrainz.org/release-group/{UUID}",
        "Discogs": "https://www.discogs.com/release/249504",
    }


def test_a_picture_of_discogs_is_known_by_its_name():
    found = find_links({"path": "Rock/R-591332-1556362.jpg"})
    assert found == {"Discogs": "https://www.discogs.com/release/591332"}


@pytest.mark.parametrize(
    "known",
    [
        {"path": "Rock/AR-591332-1.jpg"},
        {"path": "x.jpg", "release_group": "javascript:alert(1)"},
        {"path": "x.jpg", "release_group": f"{UUID}/../../evil"},
        {"path": "x.jpg", "discogs_release": "1 or 2"},
        {"path": "x.jpg", "discogs_master": "9" * 30},
        {"path": None},
        {},
    ],
)
def test_what_is_no_whole_id_leads_nowhere(known):
    assert find_links(known) == {}
