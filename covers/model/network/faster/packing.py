"""Packed networks: weights laid out once for a CPU, so that a forward pass reads memory less often.

Weights are rounded, where the processor gains from 16 bits, and reordered before
the first cover, not for every batch; activations and sums are part of the
convolution before them; pixels go in as the whole numbers they are. Letters:
B pictures, S side in pixels, C channels.
"""

from __future__ import annotations

import copy
import operator
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, fx, nn

from covers.model.network.faster.padding import pad_by_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from covers.model.network.backbone import Backbone

    Activation = tuple[str, list[float]]

# What oneDNN computes within a convolution: its name of it, its parameters.
_ACTIVATIONS: dict[object, Activation] = {
    nn.ReLU: ("relu", []),
    F.relu: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
    nn.SiLU: ("swish", []),
    nn.Sigmoid: ("sigmoid", []),
    nn.Hardswish: ("hardswish", []),
    nn.Hardsigmoid: ("hardsigmoid", []),
}
_SUMS = {operator.add, operator.iadd, torch.add}
_NOTHING = (nn.Identity, nn.Dropout)


def gains_by_packing() -> bool:
    """Say whether this is one of the processors on which packed networks were measured."""
    capability: str = torch.backends.cpu.get_cpu_capability()
    return capability.startswith("AVX")


class PackedBackbone(nn.Module):  # type: ignore[misc]
    """A backbone that takes pixels and only answers.

    Parameters
    ----------
    backbone : Backbone
        In evaluation mode, on the CPU, its body an ``nn.Sequential`` that
        begins with a convolution of three channels; it stays as it is.
    mean, std : sequence of 3 floats
        What its pictures are normalised with.
    size_px : int
        Side of its pictures.
    dtype : torch.dtype
        bfloat16 or float32: what it computes in.

    Raises
    ------
    ValueError
        If its body is of another kind.
    RuntimeError, AttributeError
        If this build of torch has none of oneDNN's convolutions.
    """

    def __init__(
        self,
        backbone: Backbone,
        mean: Sequence[float],
        std: Sequence[float],
        size_px: int,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        if not isinstance(backbone.body, nn.Sequential):
            message = "only a body that is a sequence of layers can be packed"
            raise ValueError(message)
        self.summarise = backbone.summarise
        positions = backbone.level_positions(size_px)
        pictures = next(backbone.parameters()).new_zeros(1, 3, size_px, size_px)
        body = pad_by_numbers(backbone.body, pictures)
        self.levels = fx.symbolic_trace(_Levels(body, positions))
        sizes = _Sizes(self.levels)
        with torch.inference_mode():
            sizes.run(pictures)
        _pack(self.levels, sizes.inputs, mean, std, dtype)

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn pictures, uint8 (B, 3, S, S), into statistics (B, n_features) in float32."""
        statistics: Tensor = self.summarise(self.levels(pixels))
        return statistics


class _Levels(nn.Module):  # type: ignore[misc]
    """The layers of a backbone, of whose maps some are returned."""

    def __init__(self, body: nn.Sequential, positions: list[int]) -> None:
        super().__init__()
        self.body = body
        self.positions = positions

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = []
        for layer in self.body:
            images = layer(images)
            maps.append(images)
        return [maps[position] for position in self.positions]


class _Sizes(fx.Interpreter):  # type: ignore[misc]
    """Runs a graph and keeps what shape went into each module."""

    def __init__(self, network: fx.GraphModule) -> None:
        super().__init__(network)
        self.inputs: dict[str, list[int]] = {}

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Run a module of the graph, after noting the shape of its input."""
        self.inputs[str(target)] = list(args[0].shape)
        return super().call_module(target, args, kwargs)


def _pack(
    network: fx.GraphModule,
    sizes: dict[str, list[int]],
    mean: Sequence[float],
    std: Sequence[float],
    dtype: torch.dtype,
) -> None:
    """Put packed convolutions into a graph, each with what follows it."""
    graph, modules = network.graph, dict(network.named_modules())
    for node in list(graph.nodes):
        if isinstance(modules.get(str(node.target)), _NOTHING):
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
    graph.eliminate_dead_code()
    pictures = next(iter(graph.nodes))
    for n, node in enumerate(list(graph.nodes)):
        convolution = modules.get(str(node.target))
        if (
            not isinstance(convolution, nn.Conv2d)
            or convolution.padding_mode != "zeros"
        ):
            continue
        fused, inputs, activation = _gather(node, modules)
        size = sizes[node.target]
        packed = (
            _FirstConvolution(convolution, activation, size, dtype, (mean, std))
            if node.args[0] is pictures
            else _Convolution(convolution, activation, size, dtype)
        )
        name = f"packed_{n}"
        network.add_submodule(name, packed)
        with graph.inserting_after(fused[-1]):
            fused[-1].replace_all_uses_with(graph.call_module(name, inputs))
        for old in reversed(fused):
            graph.erase_node(old)
    if not all(str(user.target).startswith("packed_") for user in pictures.users):
        message = "only a network that begins with a convolution can be packed"
        raise ValueError(message)
    network.delete_all_unused_submodules()
    network.recompile()


def _gather(
    convolution: fx.Node, modules: dict[str, nn.Module]
) -> tuple[list[fx.Node], tuple[Any, ...], Activation]:
    """Return the layers that are merged into a convolution, the input of these, and the activation."""
    fused: list[fx.Node] = [convolution]
    inputs: tuple[Any, ...] = (convolution.args[0],)
    activation: Activation = ("none", [])
    after = _only_user(convolution)
    if after and after.target in _SUMS:
        other = next((arg for arg in after.args if arg is not convolution), None)
        # Of two convolutions that are added, the later takes in the sum.
        if isinstance(other, fx.Node) and other < convolution:
            fused, inputs = [*fused, after], (*inputs, other)
            after = _only_user(after)
    called = modules.get(str(after.target)) if after else None
    known = _ACTIVATIONS.get(type(called) if called else after and after.target)
    if after and known and (len(inputs) == 1 or known[0] == "relu"):
        fused, activation = [*fused, after], known
    return fused, inputs, activation


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


class _Convolution(nn.Module):  # type: ignore[misc]
    """A convolution with its weights as oneDNN wants them, and what follows it.

    Parameters
    ----------
    convolution : nn.Conv2d
        Padded with zeros.
    activation : Activation
        What its output, or its sum with something else, goes through.
    size : list of int
        Shape of what goes in; of others it takes longer.
    dtype : torch.dtype
        What it computes in.
    """

    def __init__(
        self,
        convolution: nn.Conv2d,
        activation: Activation,
        size: list[int],
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self._dtype = dtype
        self._activation, self._numbers = activation
        bias = convolution.bias
        self._bias = None if bias is None else bias.detach().to(dtype)
        self._shape = (
            list(convolution.padding),
            list(convolution.stride),
            list(convolution.dilation),
            convolution.groups,
        )
        self._weight = _lay_out(
            convolution.weight.detach().to(dtype), self._shape, size
        )

    def forward(self, images: Tensor, added: Tensor | None = None) -> Tensor:
        """Turn (B, C, h, w) into (B, C', h', w')."""
        run = torch.ops.mkldnn._convolution_pointwise
        weights = (self._weight, self._bias, *self._shape)
        images = images.to(self._dtype)
        if added is None:
            done: Tensor = run(images, *weights, self._activation, self._numbers, "")
            return done
        last = None if self._activation == "none" else self._activation
        summed: Tensor = run.binary(
            images, added, *weights, "add", 1.0, last, self._numbers, ""
        )
        return summed


class _FirstConvolution(nn.Module):  # type: ignore[misc]
    """A first convolution that takes pixels and normalises them by its weights.

    Whole numbers up to 256 have a place in 16 bits, so pixels, less the whole
    number nearest to the mean, lose nothing. The weights' rounding to 16 does: what
    one loses its neighbour in the kernel gets, so that over a few pixels, which
    in pictures are alike, nothing is lost. Without that 98.3 instead of 98.6 %
    of the nearest ten covers are those of float32.

    Parameters
    ----------
    convolution : nn.Conv2d
        Of three channels, padded with zeros.
    activation : Activation
        What its output goes through.
    size : list of int
        Shape of the pictures.
    dtype : torch.dtype
        What it computes in.
    mean, std : sequence of 3 floats
        Of pictures in [0, 1].
    """

    def __init__(
        self,
        convolution: nn.Conv2d,
        activation: Activation,
        size: list[int],
        dtype: torch.dtype,
        norm: tuple[Sequence[float], Sequence[float]],
    ) -> None:
        super().__init__()
        mean, std = norm
        self._dtype = dtype
        self._padding = [int(side) for side in convolution.padding]
        levels = 255 * torch.tensor(mean)
        self._centre = levels.round()
        beside = self._centre - levels  # (3,)
        scale = 1 / (255 * torch.tensor(std))
        exact = convolution.weight.detach() * scale[:, None, None]
        rounded = _round_by_turns(exact, dtype)
        bias = (rounded.float() * beside[:, None, None]).sum(dim=(1, 2, 3))
        if convolution.bias is not None:
            bias = bias + convolution.bias.detach()
        above, left = self._padding
        n, n_channels, height, width = size
        framed = [n, n_channels, height + 2 * above, width + 2 * left]
        normalising = copy.deepcopy(convolution)
        normalising.padding = (0, 0)
        normalising.weight = nn.Parameter(rounded.float())
        normalising.bias = nn.Parameter(bias)
        self._convolution = _Convolution(normalising, activation, framed, dtype)
        self._border = -beside  # a normalised 0

    def forward(self, pixels: Tensor) -> Tensor:
        """Turn pictures, uint8 (B, 3, h, w), into (B, C', h', w')."""
        n, _, height, width = pixels.shape
        above, left = self._padding
        # Row by row, as if a row were all one channel, which torch does fastest.
        rows = pixels.permute(0, 2, 3, 1).reshape(n, height, 3 * width)
        framed = torch.empty(
            n, height + 2 * above, 3 * (width + 2 * left), dtype=self._dtype
        )
        inner = framed[:, above : above + height, 3 * left : 3 * (left + width)]
        torch.sub(rows, self._centre.repeat(width).to(self._dtype), out=inner)
        if above or left:
            border = self._border.to(self._dtype)
            full = border.repeat(width + 2 * left)
            framed[:, :above] = framed[:, above + height :] = full
            side = border.repeat(left)
            framed[:, :, : 3 * left] = framed[:, :, 3 * (left + width) :] = side
        images = framed.view(n, height + 2 * above, width + 2 * left, 3)
        done: Tensor = self._convolution(images.permute(0, 3, 1, 2))
        return done


def _lay_out(
    weight: Tensor,
    shape: tuple[list[int], list[int], list[int], int],
    size: list[int],
) -> Tensor:
    """Reorder weights as oneDNN wants them for inputs of a size."""
    reorder = torch.ops.mkldnn._reorder_convolution_weight
    packed: Tensor = reorder(weight, *shape, size)
    return packed


def _round_by_turns(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Round (C', C, h, w) to a type, each taking what the one before it lost.

    Row by row and back, so that two in turn always touch: dithering, as it is
    done to pictures.
    """
    *_, height, width = weight.shape
    there_and_back = [
        (row, column if row % 2 == 0 else width - 1 - column)
        for row in range(height)
        for column in range(width)
    ]
    rounded = torch.empty_like(weight, dtype=dtype)
    lost = torch.zeros_like(weight[..., 0, 0])
    for row, column in there_and_back:
        wanted = weight[..., row, column] + lost
        rounded[..., row, column] = wanted.to(dtype)
        lost = wanted - rounded[..., row, column].float()
    return rounded
