from dataclasses import replace

import numpy as np
import pytest
from known_workspace import write_known_workspace

from covers.index.embedded import EmbeddedCovers
from covers.overlap.by_k import LADDER, draw_groups, measure_ladder
from covers.overlap.overlap import OverlapSettings
from covers.overlap.stage import describe_overlap


@pytest.fixture(scope="module")
def covers(tmp_path_factory):
    workspace, _ = write_known_workspace(tmp_path_factory.mktemp("ladder") / "w")
    return EmbeddedCovers.read(workspace)


def test_each_rung_holds_the_numbers_of_a_measurement_with_that_k(covers):
    ladder = measure_ladder(covers, seed=3)
    assert [rung.k for rung in ladder] == [k for k in LADDER if 3 * k <= len(covers)]
    for rung in (ladder[0], ladder[-1]):
        alone = describe_overlap(
            covers,
            OverlapSettings(
                k=rung.k,
                mixing_k=rung.k,
                n_bootstraps=200,
                n_permutations=100,
                n_splits=3,
                seed=3,
            ),
        )
        assert rung.n_covers == len(covers)
        for pair, expected in zip(rung.pairs, alone.pairs, strict=True):
            for name in ("overlap", "overlap_ci95", "lift_ab", "lift_ba_ci95", "q"):
                np.testing.assert_equal(getattr(pair, name), getattr(expected, name))
        assert rung.edges == alone.edges


def test_a_single_genre_or_too_few_covers_have_no_ladder(covers):
    assert measure_ladder(covers.take(np.arange(8))) == []
    alone = replace(
        covers,
        vocab=covers.vocab[:1],
        membership=covers.membership[:, :1],
        logits=covers.logits[:, :1],
    )
    assert measure_ladder(alone) == []


def test_of_many_covers_whole_groups_are_drawn(covers):
    drawn = draw_groups(covers, 60, seed=1)
    assert 50 <= len(drawn) <= 60
    left = set(covers.cover_ids) - set(drawn.cover_ids)
    groups = dict(zip(covers.cover_ids, covers.groups.tolist(), strict=True))
    assert not {groups[c] for c in left} & {groups[c] for c in drawn.cover_ids}
    assert draw_groups(covers, len(covers), seed=1) is covers
    assert draw_groups(covers, 60, seed=1).cover_ids == drawn.cover_ids
