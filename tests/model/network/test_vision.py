"""torchvision without the compiler: the same networks, and the compiler when it is wanted."""

from __future__ import annotations

import subprocess
import sys


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_network_is_built_without_the_compiler_and_the_compiler_still_comes():
    assert run(
        "import sys\n"
        "from covers.model.network.make_backbone import make_backbone\n"
        "make_backbone('squeezenet1_1')\n"
        "print(any(name.startswith('torch._dynamo') for name in sys.modules))\n"
        "from torchvision.ops import roi_align as operator\n"
        "ask = sys.modules['torchvision.ops.roi_align'].is_compile_supported\n"
        "answer = ask('cpu')\n"
        "from torch._dynamo.utils import is_compile_supported\n"
        "print(answer == is_compile_supported('cpu'), ask is not is_compile_supported)"
    ) == ["False", "True", "True"]


def test_where_torchvision_wants_more_of_the_compiler_it_gets_it():
    assert run(
        "import sys\n"
        "from covers.model.network import vision\n"
        "vision._is_compile_supported = None\n"
        "real = vision.importlib.import_module\n"
        "tried = []\n"
        "def fail_once(name):\n"
        "    tried.append('torch._dynamo' in sys.modules)\n"
        "    if len(tried) == 1:\n"
        "        sys.modules['torchvision.half'] = object()\n"
        "        raise ImportError('cannot import name')\n"
        "    return real(name)\n"
        "vision.importlib = type('Importlib', (), {'import_module': fail_once})\n"
        "torchvision = vision.import_torchvision()\n"
        "print(tried, 'torchvision.half' in sys.modules, hasattr(torchvision, 'models'))"
    ) == ["[True,", "False]", "False", "True"]
