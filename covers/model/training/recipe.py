"""What a training run is made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from covers.arguments import (
    Check,
    check_fields,
    flag,
    number,
    optional,
    refuse_type,
    text,
    whole,
)
from covers.errors import ModelError, WrongTypeError, WrongValueError
from covers.model.network.embedder_names import (
    FILE,
    arch_of_embedder,
    is_untouched,
    typed_name,
    vectors_path,
)
from covers.model.training.prospect import default_epochs
from covers.stats.membership import SEVERAL_GENRES_SHARE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from covers.catalogue.table import Catalogue
    from covers.workspace.paths import Workspace

DEFAULT_ARCH = "tf_efficientnet_lite0"
TUNING_ONLY = (
    "learning_rate",
    "frozen_share",
    "batch_size",
    "weight_decay",
    "dropout",
    "label_smoothing",
    "mixup",
    "patience",
)
"""Parameters that do nothing where the last layer alone is trained."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Parameters of a training run; saved in ``model.json``.

    Parameters
    ----------
    arch : str, default="tf_efficientnet_lite0"
        Backbone, by its torchvision or timm name; several, with commas between
        them, become one model.
    weights : str, default="imagenet"
        Where the backbone starts: ``"imagenet"``, ``"none"``, or a file; of several
        backbones one for all, or one each with commas between them.
    image_size : int, default=224
        Side of the pictures in pixels. Larger reads finer lettering and costs its square.
    embedding_dim : int, default=256
        Width of the embedding.
    epochs : int, optional
        Epochs of the whole network, after a linear probe on the frozen backbone's
        features; 0 leaves the backbone as it was. By default as many as the size of
        the library and the device make worth their time, see `for_device`.
    learning_rate : float, default=1e-3
        Peak rate of the head and of the backbone's deep end; at the shallow end of a
        pretrained one it is a tenth.
    frozen_share : float, default=0.0
        Share of a pretrained backbone's tensors, from the shallow end, that stay as they
        are; a half takes half the time.
    batch_size : int, default=32
        Pictures per step.
    weight_decay : float, default=0.05
        Pull of the weights towards zero.
    dropout : float, default=0.5
        Share of the features hidden in each step.
    label_smoothing : float, default=0.1
        Share of each label spread over all genres: genres are noisy labels.
    mixup : float, default=0.2
        Strength of blending pictures and labels; 0 is none.
    class_balance : float, default=1.0
        0 weighs covers equally, 1 weighs genres equally.
    patience : int, default=4
        Where the backbone starts from nothing: stop after this many epochs without a
        better loss on the tuning covers.
    tuning_share : float, default=0.1
        Share of the training groups kept aside to choose the epoch; held-out covers are never seen.
    multi_label : bool, optional
        Independent genres (sigmoid) instead of membership that sums to one (softmax);
        by default where covers commonly have several, see `for_catalogue`.
    """

    arch: str = DEFAULT_ARCH
    weights: str = "imagenet"
    image_size: int = 224
    embedding_dim: int = 256
    epochs: int | None = None
    learning_rate: float = 1e-3
    frozen_share: float = 0.0
    batch_size: int = 32
    weight_decay: float = 0.05
    dropout: float = 0.5
    label_smoothing: float = 0.1
    mixup: float = 0.2
    class_balance: float = 1.0
    patience: int = 4
    tuning_share: float = 0.1
    multi_label: bool | None = None

    def __post_init__(self) -> None:
        check_fields(self, **_CHECKS)

    def parts(self) -> list[Recipe]:
        """Return the recipe of each backbone; of a single one the recipe itself."""
        from covers.model.network.architectures import match_weights

        starts = match_weights(self.arch, self.weights)
        return [replace(self, arch=arch, weights=start) for arch, start in starts]

    def changed(self, changes: Mapping[str, Any]) -> Recipe:
        """Return a recipe with some parameters changed.

        Raises
        ------
        WrongTypeError, WrongValueError
            If a name is unknown or a value out of range.
        """
        known = {field.name for field in fields(self)}
        unknown = sorted(set(changes) - known)
        if unknown:
            message = f"unknown training parameter {unknown[0]!r}: there are {', '.join(sorted(known))}"
            raise WrongTypeError(message)
        return replace(self, **changes)


def refuse_wrong_start(recipe: Recipe) -> None:
    """Refuse a backbone or a file of weights that does not exist, before anything heavy is loaded.

    Raises
    ------
    ModelError
        Naming the nearest architecture, or the missing file.
    """
    from covers.model.network.architectures import refuse_unknown_architecture

    refuse_unknown_architecture(recipe.arch)
    vectors = vectors_path(recipe.arch)
    if recipe.arch.startswith(FILE) and not vectors.is_file():
        message = f"no vectors in '{vectors}': give a .parquet file, or a .npy file with NAME.ids.txt beside it"
        raise ModelError(message)
    for part in recipe.parts():
        if part.weights not in ("imagenet", "none") and not Path(part.weights).exists():
            message = f"no weights in '{part.weights}': give a .safetensors file or a torch state dict"
            raise ModelError(message)


def list_idle(recipe: Recipe) -> list[str]:
    """List the parameters that differ from the defaults and do nothing, because the last layer alone is trained."""
    if recipe.epochs is None or recipe.epochs > 0:
        return []
    usual = Recipe()
    return [n for n in TUNING_ONLY if getattr(recipe, n) != getattr(usual, n)]


def say_idle(names: Sequence[str]) -> str:
    """Say that some parameters do nothing where the last layer alone is trained."""
    does = "does" if len(names) == 1 else "do"
    return (
        f"{', '.join(names)} {does} nothing where the last layer alone is trained: "
        "'covers train --epochs 8' tunes the whole network"
    )


def for_catalogue(recipe: Recipe, catalogue: Catalogue) -> Recipe:
    """Return the recipe with a yes or no to independent genres, as the covers' genres suggest."""
    if recipe.multi_label is not None:
        return recipe
    is_several = catalogue.share_with_several >= SEVERAL_GENRES_SHARE
    return replace(recipe, multi_label=is_several)


def for_device(recipe: Recipe, n_covers: int, *, on_gpu: bool) -> Recipe:
    """Return the recipe with as many epochs as so many train covers are worth there."""
    if recipe.epochs is not None:
        return recipe
    pretrained = recipe.weights != "none"
    epochs = default_epochs(n_covers, on_gpu=on_gpu, is_pretrained=pretrained)
    return replace(recipe, epochs=epochs)


def portable_recipe(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as JSON values without folders of this machine."""
    values = asdict(recipe)
    if recipe.arch.startswith(FILE):
        values["arch"] = FILE + vectors_path(recipe.arch).name
    values["weights"] = _for_files(recipe, lambda path: PurePath(path).name)
    return values


def _for_files(recipe: Recipe, change: Callable[[str], str]) -> str:
    """Return a recipe's weights with each that is a file changed."""
    starts = recipe.weights.split(",") if "," in recipe.arch else [recipe.weights]
    return ",".join(
        start if start in ("imagenet", "none") else change(start) for start in starts
    )


def choose_recipe(
    workspace: Workspace, given: Mapping[str, Any]
) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe in force, and what of it differs from the defaults, to be remembered.

    Parameters
    ----------
    workspace : Workspace
        Its settings hold what was remembered.
    given : mapping
        Parameters that change now; None leaves one as it is. A file of weights
        or of vectors is remembered relative to the workspace. ``embedder`` stands
        for the architecture that it means.
    """
    before = dict(workspace.settings.train)
    now = {name: value for name, value in given.items() if value is not None}
    changes = _with_arch({**before, **now})
    arch = changes.get("arch", DEFAULT_ARCH)
    if "image_size" not in now and arch != before.get("arch") and _is_published(arch):
        changes.pop("image_size", None)  # was that of the network before
    recipe, changes = _with_weights(workspace, given, changes)
    _refuse_idle(recipe, now)
    if is_untouched(recipe.arch):
        recipe = replace(recipe, epochs=0)  # it is used as it was published
    if not recipe.arch.startswith(FILE):
        return recipe, changes
    path = vectors_path(recipe.arch)
    if not (given.get("embedder") or given.get("arch")):
        path = workspace.root / path
    kept = {**changes, "arch": FILE + workspace.relative(path)}
    return replace(recipe, arch=f"{FILE}{path}"), kept


def _refuse_idle(recipe: Recipe, now: Mapping[str, Any]) -> None:
    """Refuse parameters given now that do nothing for an embedder that is not trained.

    Raises
    ------
    WrongValueError
        Naming the first of them.
    """
    idle = []
    if is_untouched(recipe.arch) and now.get("epochs"):
        idle = ["epochs"]
    if recipe.arch.startswith(FILE):
        idle += [name for name in ("image_size", "weights") if name in now]
    if idle:
        what = typed_name(recipe.arch)
        message = f"{idle[0]} must be left out, got {now[idle[0]]!r}: {what!r} is used as it is, and only a head is trained on it"
        raise WrongValueError(message)


def _is_published(arch: object) -> bool:
    """Say whether an architecture is used as it was published; what is no text is refused later."""
    return isinstance(arch, str) and is_untouched(arch)


def _with_arch(changes: dict[str, Any]) -> dict[str, Any]:
    """Replace an embedder by the architecture that it means."""
    embedder = changes.pop("embedder", None)
    if embedder is None:
        return changes
    if not isinstance(embedder, str):
        refuse_type("embedder", "text such as 'clip:ViT-B-32'", embedder)
    arch = str(changes.get("arch", DEFAULT_ARCH))
    trained = [one for one in arch.split(",") if not is_untouched(one)]
    own = ",".join(trained) if trained and not is_untouched(arch) else DEFAULT_ARCH
    return {**changes, "arch": arch_of_embedder(embedder, own)}


def _with_weights(
    workspace: Workspace, given: Mapping[str, Any], changes: dict[str, Any]
) -> tuple[Recipe, dict[str, Any]]:
    """Return the recipe in force; files of weights are remembered relative to the workspace."""
    recipe = Recipe().changed(changes)
    if "weights" not in changes:
        return recipe, changes
    base = Path() if given.get("weights") else workspace.root
    found = _for_files(recipe, lambda path: str(base / path))
    recipe = replace(recipe, weights=found)
    kept = _for_files(recipe, lambda path: workspace.relative(Path(path)))
    return recipe, {**changes, "weights": kept}


_CHECKS: dict[str, Check] = {
    "arch": text,
    "weights": text,
    "image_size": whole(at_least=32, at_most=1024),
    "embedding_dim": whole(at_least=2, at_most=4096),
    "epochs": optional(whole(at_least=0, at_most=1000)),
    "learning_rate": number(1e-7, 1.0),
    "frozen_share": number(0.0, 0.95),
    "batch_size": whole(at_least=2, at_most=4096),
    "weight_decay": number(0.0, 10.0),
    "dropout": number(0.0, 0.95),
    "label_smoothing": number(0.0, 0.9),
    "mixup": number(0.0, 10.0),
    "class_balance": number(0.0, 1.0),
    "patience": whole(at_least=1, at_most=1000),
    "tuning_share": number(0.02, 0.5),
    "multi_label": optional(flag),
}
