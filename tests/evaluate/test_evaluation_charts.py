import re

from covers.evaluate.document import Split
from covers.evaluate.measures import Difference, Estimate, MethodResult
from covers.evaluate.page import charts
from covers.evaluate.result import Evaluation

SPLIT = Split(n_train=9, n_valid=9, measured="valid", n_groups=3, grouped_by="artist")


def evaluation(methods, differences=()):
    return Evaluation(
        genres=("Jazz", "Pop"), methods=methods, split=SPLIT, differences=differences
    )


def tips(drawn):
    return re.findall(r'class="row[^"]*" title="([^"]*)"', drawn)


def test_a_method_shows_its_value_and_its_interval():
    vote = Estimate(value=0.4, ci95=(0.3, 0.5))
    found = evaluation(
        {
            "chance": MethodResult(n=9, macro_f1=Estimate(value=0.1)),
            "vote": MethodResult(n=9, macro_f1=vote),
            "network": MethodResult(n=9, accuracy=Estimate(value=0.4)),
        }
    )
    drawn = charts.method_dots(found, "macro_f1")
    assert tips(drawn) == ["chance: 0.100", "vote: 0.400 (0.300 to 0.500)"]
    spots = re.findall(r'class="spot[^"]*" style="[^"]*left:\s*([\d.]+)%', drawn)
    reaches = re.findall(r'class="reach[^"]*" style="([^"]*)"', drawn)
    assert [round(float(left)) for left in spots] == [20, 80]
    assert re.search(r"left:\s*60\.?0*%", reaches[1])
    assert re.search(r"width:\s*40\.?0*%", reaches[1])


def test_differences_are_those_of_the_best_method_whichever_way_they_are_written():
    names = {"vote": 0.5, "network": 0.4, "chance": 0.2}
    found = evaluation(
        {
            name: MethodResult(n=9, macro_f1=Estimate(value=value))
            for name, value in names.items()
        },
        (
            Difference(a="vote", b="chance", value=0.3, ci95=(0.2, 0.4)),
            Difference(a="network", b="vote", value=-0.1, ci95=(-0.3, 0.1)),
            Difference(a="network", b="chance", value=0.2, ci95=(0.1, 0.3)),
        ),
    )
    drawn = charts.difference_dots(found)
    assert tips(drawn) == [
        "chance: +0.300 (+0.200 to +0.400)",
        "network: +0.100 (\N{MINUS SIGN}0.100 to +0.300)",
    ]
    assert len(re.findall(r'class="[^"]*strong', drawn)) == 1
