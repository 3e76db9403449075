"""Measure embedding beside the bare network, bare decoding and fastai's get_preds.

    scripts/bench embed [--archs resnet18 …] [--covers N] [--folder PICTURES]
        [--rounds 5] [--device cuda] [--agreement squeezenet1_0 --weights FILE]

Networks have random weights unless `--weights` gives some: speed is the same.
On a CPU decoding takes its time from the cores that the network needs, so
embedding is also set beside both one after the other: 1 / (1 / network + 1 / decoding).
Without `--folder` the covers are drawn, 500 pixels a side. The bare network
gets ready tensors in batches of 64, in the same precision and with its
normalisations folded in, with as many threads as torch likes; in a thread per
core it is what the program asks, given ready pictures. The ways alternate
within a round. `--memory N` also embeds N covers with a small network
and prints the memory as it goes, and kills a run to see what it loses.
"""

import argparse
import copy
import gc
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from covers.catalogue.table import read_catalogue
from covers.images.decode import decode, read_bytes
from covers.images.locations import read_cover
from covers.intake.scan import scan_workspace
from covers.model.batch_streams import Streams, stream_work
from covers.model.embed import cover_files
from covers.model.network.backbone import normalise
from covers.model.network.device import mixed_precision, pick_device
from covers.model.network.extractor import Extractor
from covers.model.network.make_backbone import make_backbone
from covers.model.pixels import to_pixels
from covers.model.weights import SavedModel
from covers.workspace.cores import count_cores
from covers.workspace.paths import Workspace
from scripts.benches.shared.embed_memory import bench_memory
from scripts.benches.shared.measuring import Report, alternate, at_least
from scripts.benches.shared.stand_in import (
    write_library,
    write_model,
)

SIZE_PX = 160


class DeviceClock:
    """Adds up the device's time in the network; on a CPU that of the threads is not told apart."""

    def __init__(self, device):
        self.device = device
        self.events = []

    def timed(self, work):
        if self.device.type != "cuda":
            return work

        def wrapped(pixels):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            start.record()
            out = work(pixels)
            end.record()
            self.events.append((start, end))
            return out

        return wrapped

    def seconds(self):
        torch.cuda.synchronize()
        total = sum(start.elapsed_time(end) for start, end in self.events) / 1e3
        self.events.clear()
        return total


class Ways:
    """One network embedding covers, fed with ready tensors, and decoding alone."""

    def __init__(self, workspace, files, arch, device):
        write_model(workspace, arch=arch, image_size=SIZE_PX)
        self.workspace, self.files, self.device = workspace, files, device
        self.model = SavedModel.open(workspace.model_folder, device.type)
        self.extractor = self.model.extractor
        self.extractor.prepare(max(1000, len(files)))
        self.on_gpu = device.type == "cuda"
        self.clock = DeviceClock(device)
        self.work = self.clock.timed(self._embed)
        kept = [b.arrays["x"] for b in self._stream(_keep, 64)]
        self.pictures = [torch.from_numpy(x).permute(0, 3, 1, 2) for x in kept]
        self.batches = [self._ready(pictures) for pictures in self.pictures]
        at_once = self.extractor.batch_size or 256
        self.small = [
            part
            for pictures in self.pictures
            for part in pictures.chunk(-(-len(pictures) // at_once))
        ]

    def _embed(self, pixels):
        out = self.model.embed(pixels)
        return {"embedding": out.embeddings, "logits": out.logits}

    def _ready(self, pictures):
        card = self.model.card
        return normalise(pictures.to(self.device), card.mean, card.std)

    def _stream(self, work, batch_size=None, *, on_gpu=False):
        if batch_size is None and not on_gpu:
            batch_size = self.extractor.batch_size
        return stream_work(
            self.workspace,
            self.files,
            work,
            Streams(size_px=SIZE_PX, batch_size=batch_size, on_gpu=on_gpu),
        )

    def _network(self, images):
        with torch.inference_mode(), mixed_precision(self.device):
            self.extractor.backbone(images)

    def pipeline(self):
        """Embed the files, as the program does."""
        for _ in self._stream(self.work, on_gpu=self.on_gpu):
            pass

    def bare(self):
        """Run the network on ready tensors, with as many threads as torch likes."""
        for images in self.batches:
            self._network(images)
        if self.on_gpu:
            torch.cuda.synchronize()

    def streams(self):
        """Run the network as the program does on ready pictures, in one thread per core."""
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        with ThreadPoolExecutor(count_cores()) as pool:
            list(pool.map(self.extractor, self.small))
        torch.set_num_threads(before)

    def decoding(self):
        """Only decode."""
        for _ in self._stream(_nothing):
            pass


def _keep(pixels):
    return {"x": pixels}


def _nothing(_pixels):
    return {}


def bench_arch(report, ways, arch, rounds):
    """Time one network's ways in turn."""
    functions = {
        name: getattr(ways, name)
        for name in ("pipeline", "bare", "streams", "decoding")
        if not (ways.on_gpu and name == "streams")
    }
    alternate(1, **functions)
    if ways.on_gpu:
        ways.clock.seconds()
    seconds = alternate(rounds, **functions)
    rate = {n: [len(ways.files) / run for run in runs] for n, runs in seconds.items()}
    others = {"the bare network": rate["bare"]}
    if "streams" in rate:
        others["the bare network in a thread per core"] = rate["streams"]
    fastest = rate.get("streams", rate["bare"])
    slower = [min(pair) for pair in zip(fastest, rate["decoding"], strict=True)]
    others["the slower of network and decoding"] = slower
    report.add(f"{arch}: decoding alone", rate["decoding"], "/s")
    for name, other in others.items():
        what = f"{arch}: embedding"
        report.add(
            what, rate["pipeline"], "/s", against=(name, other), target=at_least(0.9)
        )
    if ways.on_gpu:
        share = ways.clock.seconds() / sum(seconds["pipeline"])
        report.add(f"{arch}: device's time in the network", [share], "")
        return
    shared = [
        1 / (1 / n + 1 / d) for n, d in zip(fastest, rate["decoding"], strict=True)
    ]
    report.add(
        f"{arch}: embedding",
        rate["pipeline"],
        "/s",
        against=("both one after the other on the same cores", shared),
        target=at_least(0.9),
    )


def bench_stages(report, ways, arch, n=96):
    """Say where the processor's time goes, stage by stage in one thread."""
    files, root = ways.files[:n], ways.workspace
    at_once = ways.extractor.batch_size
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    value, share = None, {}
    stages = {
        "read and check": lambda _: [
            read_cover(root, f.cover_id, f.locations) for f in files
        ],
        "decode": lambda contents: [decode(c, size_px=SIZE_PX) for c in contents],
        "resize": lambda images: np.stack([to_pixels(i, SIZE_PX) for i in images]),
        "network": lambda pixels: [
            ways.extractor(torch.from_numpy(some).permute(0, 3, 1, 2))
            for some in np.array_split(pixels, -(-len(pixels) // at_once))
        ],
    }
    ways.extractor(ways.small[0])
    for name, stage in stages.items():
        start = time.process_time()
        value = stage(value)
        share[name] = time.process_time() - start
    torch.set_num_threads(before)
    total = sum(share.values())
    report.notes[f"shares of {arch}"] = {
        name: round(used / total, 3) for name, used in share.items()
    }
    report.notes[f"ms of a cover, {arch}"] = round(1e3 * total / len(files), 2)
    print(arch, report.notes[f"shares of {arch}"], file=sys.stderr)


@dataclass(frozen=True)
class Subject:
    """Covers, and the network that embeds them."""

    workspace: Workspace
    files: list
    arch: str
    device: torch.device


def bench_fastai(report, on, ways, rounds):
    """Time fastai's get_preds with its defaults on the same files.

    Set beside it also what no embedding can exceed: the network alone.
    """
    from fastai.vision.all import (
        CategoryBlock,
        DataBlock,
        ImageBlock,
        Resize,
        vision_learner,
    )

    paths = [
        on.workspace.resolve(f.locations[0]["source"], f.locations[0]["path"])
        for f in on.files
    ]
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_y=lambda path: path.parent.parent.name,
        item_tfms=Resize(SIZE_PX),
    )
    loaders = block.dataloaders(paths, device=on.device)
    import torchvision

    learner = vision_learner(  # by a function of torchvision's, or a name of timm's
        loaders, getattr(torchvision.models, on.arch, on.arch), pretrained=False
    )

    def predict():
        with learner.no_bar(), learner.no_logging():
            learner.get_preds(dl=loaders.test_dl(paths))

    gc.freeze()  # fastai's many objects, which the program does not load, are not gone through
    alone = ways.bare if ways.on_gpu else ways.streams
    seconds = alternate(rounds, pipeline=ways.pipeline, alone=alone, fastai=predict)
    n = len(on.files)
    rate = {name: [n / run for run in runs] for name, runs in seconds.items()}
    against = ("fastai's get_preds", rate["fastai"])
    report.add(
        f"{on.arch}: embedding",
        rate["pipeline"],
        "/s",
        against=against,
        target=at_least(4),
    )
    report.add(f"{on.arch}: the bare network", rate["alone"], "/s", against=against)


def bench_agreement(report, on, weights):
    """Compare with the plain way: whole decoding, one thread's batches, float32."""
    workspace, files, arch, device = on.workspace, on.files, on.arch, on.device
    backbone, mean, std = make_backbone(arch, weights or "none")
    plain_one, fast_one = (
        Extractor(copy.deepcopy(backbone), mean, std, SIZE_PX, where)
        for where in (torch.device("cpu"), device)
    )
    fast_one.prepare(max(1000, len(files)))

    def statistics_of(pixels):
        out = fast_one(torch.from_numpy(pixels).permute(0, 3, 1, 2))
        return {"x": backbone.deepest_mean(out).cpu().numpy()}

    def plainly(pixels):
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2)
        with torch.inference_mode():
            out = plain_one.backbone(normalise(images, mean, std))
        return backbone.deepest_mean(out).numpy()

    fast = [
        batch.arrays["x"]
        for batch in stream_work(
            workspace,
            files,
            statistics_of,
            Streams(
                size_px=SIZE_PX,
                batch_size=fast_one.batch_size,
                on_gpu=device.type == "cuda",
            ),
        )
    ]
    plain = []
    for start in range(0, len(files), 64):
        contents = [
            read_bytes(
                workspace.resolve(f.locations[0]["source"], f.locations[0]["path"])
            )
            for f in files[start : start + 64]
        ]
        pixels = np.stack([to_pixels(decode(c), SIZE_PX) for c in contents])
        plain.append(plainly(pixels))
    pair = [np.concatenate(fast), np.concatenate(plain)]
    pair = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in pair]
    cosine = (pair[0] * pair[1]).sum(axis=1)
    near = []
    for vectors in pair:
        similarity = vectors @ vectors.T
        np.fill_diagonal(similarity, -2)
        near.append(np.argsort(-similarity, axis=1)[:, :10])
    same = np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(*near, strict=True)])
    report.add(
        f"{arch}: lowest cosine with float32",
        [cosine.min()],
        "",
        target=at_least(0.999),
    )
    report.add(f"{arch}: median cosine with float32", [np.median(cosine)], "")
    report.add(f"{arch}: same 10 neighbours", [same], "", target=at_least(0.98))


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--archs",
        nargs="*",
        default=["resnet18", "resnet34", "mobilenet_v3_small", "squeezenet1_1"],
    )
    parser.add_argument("--covers", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="pictures in a folder per genre")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda", "auto"])
    parser.add_argument("--fastai", nargs="*", default=["resnet18"])
    parser.add_argument("--agreement", default="squeezenet1_0", help="'' leaves it out")
    parser.add_argument("--weights", help="of the network of --agreement")
    parser.add_argument("--memory", type=int, default=0)
    args = parser.parse_args()
    if args.weights and not Path(args.weights).is_file():
        parser.error(f"no file '{args.weights}': give weights of '{args.agreement}'")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    device = pick_device(args.device)
    report = Report("embed", {**vars(args), "folder": str(args.folder)})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = args.folder or folder / "library"
        if args.folder is None:
            write_library(source, args.covers, size_px=500, blocks=24, quality=88)
        scan_workspace(folder / "ws", [source])
        workspace = Workspace.open(folder / "ws")
        files = cover_files(read_catalogue(workspace))
        some = files[:: max(1, len(files) // args.covers)][: args.covers]
        sizes = [f.locations[0]["size"] for f in some]
        report.notes["bytes_of_a_cover"] = statistics.median(sizes)
        ways = {arch: Ways(workspace, some, arch, device) for arch in args.archs}
        for arch, way in ways.items():
            bench_arch(report, way, arch, args.rounds)
            if not way.on_gpu:
                bench_stages(report, way, arch)
        for arch in args.fastai:
            bench_fastai(
                report, Subject(workspace, some, arch, device), ways[arch], args.rounds
            )
        if args.agreement:
            fewer = files[:3000:3] if len(files) > 3000 else files
            subject = Subject(workspace, fewer, args.agreement, device)
            bench_agreement(report, subject, args.weights)
        if args.memory:
            bench_memory(report, folder, args.memory)
    report.print()


if __name__ == "__main__":
    main()
