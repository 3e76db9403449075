"""A tiny OpenCLIP model with random weights: the way through, without any meaning."""

from __future__ import annotations

import json

NAME = "tiny-for-tests"
CONFIG = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": 32,
        "layers": 1,
        "width": 32,
        "head_width": 16,
        "patch_size": 16,
    },
    "text_cfg": {
        "context_length": 16,
        "vocab_size": 49408,
        "width": 16,
        "heads": 2,
        "layers": 1,
    },
}


def register():
    """Make OpenCLIP know the model by its name, in this process."""
    import open_clip
    from open_clip import factory

    factory._MODEL_CONFIGS[NAME] = json.loads(json.dumps(CONFIG))
    assert NAME in open_clip.factory._MODEL_CONFIGS


def write_weights(path, seed=0):
    """Write random weights of the model into a file."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    register()
    torch.manual_seed(seed)
    model = open_clip.create_model(NAME, pretrained=None)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path)
    return path
