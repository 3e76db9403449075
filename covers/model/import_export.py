"""Models out of and into a workspace.

``.safetensors`` is the model itself, for this program and for anything that reads
tensors; ``.onnx`` is the network with its preprocessing, for programs without torch.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from covers.errors import ConfigError, ModelError, needs_extra
from covers.model.card import WEIGHTS_NAME, ModelCard, read_card
from covers.model.weights import SavedModel
from covers.workspace.disk.publish import publish

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from covers.workspace.paths import Workspace

PICKLE_MEANING = (
    "reading a pickle runs whatever code is in it, with your rights: add '--trust-pickle' "
    "only for a file that you made yourself or whose maker you trust"
)


class Portable(nn.Module):  # type: ignore[misc]
    """The network with its normalisation: RGB in [0, 1] in, embedding and logits out."""

    def __init__(self, model: SavedModel) -> None:
        super().__init__()
        self.backbone, self.head = model.backbone, model.head
        shape = (1, 3, 1, 1)
        self.register_buffer("mean", torch.tensor(model.card.mean).view(shape))
        self.register_buffer("std", torch.tensor(model.card.std).view(shape))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Turn pictures (n, 3, S, S) into unit vectors (n, D) and logits (n, G)."""
        embedding = self.head.embed(self.backbone((pictures - self.mean) / self.std))
        return embedding, self.head.genres(embedding)


def export_model(workspace: Workspace, file: Path) -> ModelCard:
    """Write the model of a workspace to a file, in the format of its suffix.

    Parameters
    ----------
    workspace : Workspace
        With a model.
    file : Path
        ``.safetensors``: the model with its whole description, as `import_model`
        takes it. ``.onnx``: input ``pictures``, float32 (n, 3, S, S), RGB in
        [0, 1], squashed to S = `image_size`; outputs ``embedding`` (n, D), unit
        vectors, and ``logits`` (n, G), uncalibrated; the description is the
        metadata entry ``covers``.

    Returns
    -------
    ModelCard
        What was written.

    Raises
    ------
    ConfigError
        If the suffix is another, or the file exists.
    ModelError
        If there is no model, or it is damaged.
    MissingExtraError
        If ``.onnx`` is asked for and cannot be written here.
    """
    if file.suffix not in (".safetensors", ".onnx"):
        message = (
            f"cannot export to '{file}': name a file that ends in .safetensors or .onnx"
        )
        raise ConfigError(message)
    if file.exists():
        message = f"'{file}' exists and nothing is overwritten: name another file"
        raise ConfigError(message)
    model = SavedModel.open(workspace.model_folder, "cpu")
    if file.suffix == ".onnx":
        _write_onnx(model, file)
    else:
        content = (workspace.model_folder / WEIGHTS_NAME).read_bytes()
        with publish(file, "wb") as target:
            target.write(content)
    return model.card


def _write_onnx(model: SavedModel, file: Path) -> None:
    with needs_extra("exporting to ONNX"):
        import onnxscript  # noqa: F401 - torch writes with it
    side = model.card.image_size
    with warnings.catch_warnings():
        # Deprecations between torch and the writer are not the user's business.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Portable(model).eval(),
            (torch.zeros(2, 3, side, side),),
            input_names=["pictures"],
            output_names=["embedding", "logits"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            dynamo=True,
            verbose=False,
        )
    program.model.metadata_props["covers"] = json.dumps(asdict(model.card))
    with publish(file, "wb") as target:
        target.write(program.model_proto.SerializeToString())


def import_model(
    workspace: Workspace, file: Path, *, replace: bool = False
) -> ModelCard:
    """Put a model that `export_model` wrote into a workspace.

    Parameters
    ----------
    workspace : Workspace
    file : Path
        A ``.safetensors`` file of this program.
    replace : bool, default=False
        Whether another model that is there may go.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or no model of this program.
    ConfigError
        If another model is there.
    """
    from covers.model.weights import read_model_file

    if not file.is_file():
        message = f"no file '{file}': name a model that 'covers model export' wrote"
        raise ModelError(message)
    try:
        card, _ = read_model_file(file)
    except ModelError as error:
        why = f" ({error.__cause__})" if isinstance(error.__cause__, ValueError) else ""
        message = f"'{file}' is damaged, or none that 'covers model export' wrote{why}"
        raise ModelError(message) from error
    there = workspace.model_folder / WEIGHTS_NAME
    if there.exists() and not replace:
        known = read_card(workspace.model_folder)
        if known.fingerprint != card.fingerprint:
            message = (
                f"'{there}' is another model ({known.fingerprint[:8]}): keep it with "
                "'covers model export FILE', then add '--replace'"
            )
            raise ConfigError(message)
    content = file.read_bytes()
    with publish(there, "wb") as target:
        target.write(content)
    model = SavedModel.open(workspace.model_folder, "cpu")
    model.save(workspace.model_folder)
    return model.card


def import_fastai(workspace: Workspace, file: Path, *, trust_pickle: bool) -> str:
    """Take the body of a fastai ``export.pkl`` over as the backbone that training starts from.

    fastai's head has no embedding that its neighbours and its classifier share;
    it is left behind, and ``covers train`` fits this program's head on the body.
    The tensors go to ``backbone-NAME.safetensors`` in the workspace.

    Parameters
    ----------
    workspace : Workspace
    file : Path
        What ``Learner.export`` wrote for a ``vision_learner``.
    trust_pickle : bool
        Unpickling runs code: nothing is read without this.

    Returns
    -------
    str
        Name of the architecture.

    Raises
    ------
    ConfigError
        If `trust_pickle` is not given.
    ModelError
        If the file is no such learner, or its body is not one of torchvision's.
    """
    if not trust_pickle:
        message = f"'{file}' is a pickle; {PICKLE_MEANING}"
        raise ConfigError(message)
    if not file.is_file():
        message = f"no file '{file}': name a learner that fastai exported"
        raise ModelError(message)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fastai.learner import load_learner

        try:
            learner = load_learner(file)
        except Exception as error:
            message = f"cannot read '{file}' as a fastai learner ({error}): export it again, without functions of your own notebook"
            raise ModelError(message) from error
    arch = getattr(learner, "arch", None)
    name = arch if isinstance(arch, str) else getattr(arch, "__name__", "")
    try:
        state = learner.model[0].state_dict()
    except (AttributeError, TypeError, IndexError) as error:
        message = f"'{file}' holds no 'vision_learner' with a body and a head: train here with 'covers train'"
        raise ModelError(message) from error
    _keep_body(workspace, file.stem, name, state)
    return name


def _keep_body(
    workspace: Workspace, stem: str, arch: str, state: Mapping[str, Tensor]
) -> None:
    """Write a body's tensors under torchvision's names, and remember them for training."""
    import torchvision
    from safetensors.torch import save

    from covers.model.network.layers import cut_body
    from covers.workspace.settings import read_settings, write_settings

    if arch not in torchvision.models.list_models(module=torchvision.models):
        message = f"the body {arch!r} is none of torchvision's: train here with 'covers train --arch timm:{arch or 'NAME'}'"
        raise ModelError(message)
    whole = torchvision.models.get_model(arch)
    body = cut_body(whole, arch)
    expected = body.state_dict()
    shapes = [tuple(value.shape) for value in expected.values()]
    if shapes != [tuple(value.shape) for value in state.values()]:
        message = f"the body does not fit torchvision's {arch!r} of this version: train here with 'covers train --arch {arch}'"
        raise ModelError(message)
    # The same layers in the same order, sometimes nested one level deeper.
    body.load_state_dict(dict(zip(expected, state.values(), strict=True)))
    kept = {id(tensor) for tensor in body.state_dict(keep_vars=True).values()}
    tensors = {
        key: value.detach().contiguous()
        for key, value in whole.state_dict(keep_vars=True).items()
        if id(value) in kept
    }
    path = workspace.root / f"backbone-{stem}.safetensors"
    if path.exists():
        message = f"'{path}' exists and nothing is overwritten: move it away first"
        raise ConfigError(message)
    with publish(path, "wb") as target:
        target.write(save(tensors))
    train: dict[str, object] = dict(read_settings(workspace.root).train)
    write_settings(
        workspace.root, {"train": {**train, "arch": arch, "weights": path.name}}
    )
