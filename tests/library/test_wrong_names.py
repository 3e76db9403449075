"""Wrong names given to results end in errors that name the right ones."""

import pytest

import covers


@pytest.fixture(scope="module")
def library(drawn_once):
    return covers.open(drawn_once / "workspace")


def test_a_wrong_key_of_a_result_names_the_nearest(library):
    methods = library.published("evaluation").methods
    with pytest.raises(KeyError, match="did you mean 'vote'"):
        methods["Votes"]
    assert methods.get("votes") is None
    assert "votes" not in methods


def test_wrong_methods_and_measures_name_those_there_are(library):
    found = library.published("evaluation")
    with pytest.raises(covers.WrongValueError, match=r"among must name .*network"):
        found.best(["accuracy"])
    with pytest.raises(covers.WrongValueError, match=r"a must be one of .*'network'"):
        found.difference("vte", "network")
    with pytest.raises(covers.WrongValueError, match=r"no measure 'f1': .*macro_f1"):
        found.methods["vote"].estimate("f1")


def test_a_wrong_kind_of_plot_is_an_error_of_the_package(library):
    with pytest.raises(covers.WrongValueError, match="kind must be one of matrix"):
        library.published("overlap").plot("pie")


def test_names_in_use_and_embedders_are_shown_in_short(library):
    lines = repr(library.genres()).splitlines()
    assert lines[0].split() == ["name", "in", "covers", "genre"]
    assert all(len(line) <= 80 for line in lines)
