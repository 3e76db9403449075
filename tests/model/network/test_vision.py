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


def test_timm_comes_without_the_compiler_and_minds_it_once_it_is_there():
    assert run(
        "import sys\n"
        "from covers.model.network.vision import import_timm\n"
        "import torch\n"
        "real = torch.compiler.disable\n"
        "timm = import_timm()\n"
        "print(any(name.startswith('torch._dynamo') for name in sys.modules))\n"
        "print(torch.compiler.disable is real)\n"
        "network = timm.create_model('tf_efficientnet_lite0', num_classes=0).eval()\n"
        "print(tuple(network(torch.zeros(1, 3, 64, 64)).shape) == (1, 1280))\n"
    ) == ["False", "True", "True"]


def test_what_shall_not_be_compiled_is_marked_when_the_compiler_is_there():
    assert run(
        "import torch\n"
        "from covers.model.network.vision import _disable_later\n"
        "seen = []\n"
        "def plain(x):\n"
        "    seen.append(torch.compiler.is_compiling())\n"
        "    return x + 1\n"
        "bare, called = _disable_later(plain), _disable_later()(plain)\n"
        "print(int(bare(torch.tensor(1))), int(called(torch.tensor(1))))\n"
        "import torch._dynamo\n"
        "compiled = torch.compile(lambda x: bare(x) * 2, backend='eager')\n"
        "print(int(compiled(torch.tensor(1))), seen)\n"
    ) == ["2", "2", "4", "[False,", "False,", "False]"]


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
