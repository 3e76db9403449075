"""Names that stand for nobody, for many, or for no album, in the languages of those who write them."""

from __future__ import annotations

import pytest

from covers.catalogue.artists import artist_keys
from covers.catalogue.placeholders import is_nobody, says_unknown

NOBODY = """V. A.|V/A|AA.VV.|Various|Various Artist|[Various Artists]|Various Artists (2010)|Various performers|
Verschiedene Interpreten|Diverse Künstler|Divers|Artistes variés|Varios Artistas|Vários|Artisti Vari|Blandade artister|
Verscheidene artiesten|Eri esittäjiä|Różni wykonawcy|Různí interpreti|Разные исполнители|Різні виконавці|Сборник|
Διάφοροι|Çeşitli Sanatçılar|אמנים שונים|فنانون متنوعون|群星|オムニバス|여러 아티스트|Original Soundtrack|OST|
Unknown Artist|Unbekannter Interpret|Artiste inconnu|Artista desconocido|Неизвестный исполнитель|未知艺术家|N/A|-"""  # noqa: RUF001
SOMEBODY = """Vario|The Band|No Doubt|Artist|Bad Religion|Nobody's Angel|Various Productions|Unknown Mortal Orchestra|
A|V|Van|Ost & Kjex|Non|Sin|Type O Negative|Mixed Media|Nina|群青|Multi-Panel"""
NO_ALBUM = """Unknown Album|[unknown album]|Unbekanntes Album|Álbum desconocido|Álbum desconhecido|Album sconosciuto|
Album inconnu|Неизвестный альбом|未知专辑|不明なアルバム|알 수 없는 앨범|Okänt album|Onbekend album|Nieznany album|Bilinmeyen Albüm"""
ALBUM = (
    "Unknown Pleasures|No Album Left Behind|The Album|Album|Release|Nothing|Sin|Plata"
)


def names(text: str) -> list[str]:
    return text.replace("\n", "").split("|")


@pytest.mark.parametrize("name", names(NOBODY))
def test_nobody_ties_no_albums_together(name):
    assert artist_keys(name) == ()


@pytest.mark.parametrize("name", names(SOMEBODY))
def test_names_that_only_hold_such_words_are_of_somebody(name):
    assert not is_nobody(name)
    assert artist_keys(name) == (name.casefold(),)


@pytest.mark.parametrize("name", names(NO_ALBUM))
def test_a_title_that_says_that_there_is_none_is_none(name):
    assert says_unknown(name, "album")


@pytest.mark.parametrize("name", names(ALBUM))
def test_other_titles_are_titles(name):
    assert not says_unknown(name, "album")
