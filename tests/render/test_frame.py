"""Figures for slides, whatever genres are called."""

import pytest

from covers.render.frame import list_colours, new_frame


def test_names_in_letters_that_the_font_lacks_are_drawn_without_a_warning(tmp_path):
    frame = new_frame(width=6, height=4, title="Genres", caption="n = 3 covers.")
    frame.axes.set_yticks([0, 1], ["ロック", "jazz"])
    list_colours(frame, {"ロック": "#0072b2", "jazz": "#e69f00"})
    path = frame.save(tmp_path / "figure")
    assert "ロック" in path.read_text(encoding="utf-8")
    assert path.with_suffix(".png").stat().st_size > 1000


@pytest.mark.parametrize("name", [r"$\foo$", "$_$", "$e^x$"])
def test_a_name_with_dollars_is_no_formula(tmp_path, name):
    frame = new_frame(width=6, height=4, title=name, caption=f"{name}: n = 3.")
    frame.axes.set_yticks([0, 1], [name, "jazz"])
    frame.axes.text(0, 0, name)
    list_colours(frame, {name: "#0072b2"})
    drawn = frame.save(tmp_path / "figure").read_text(encoding="utf-8")
    assert drawn.count(f">{name}<") == 4
