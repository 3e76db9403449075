"""Timing of functions in turn, their percentiles and ratios, and peak memory."""

import resource
import threading
import time
from pathlib import Path

import numpy as np


class PeakMemory:
    """Samples the private memory of this process; mapped files are not private."""

    def __enter__(self):
        self.peak = self.start = self.read()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self.mib = round((self.peak - self.start) / 2**20, 1)

    def _watch(self):
        while not self._stop.wait(0.02):
            self.peak = max(self.peak, self.read())

    @staticmethod
    def read():
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def timed(function):
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def cpu_timed(function):
    """Result, seconds, and seconds of the processor, which other work does not lengthen."""
    before = time.process_time()
    result, seconds = timed(function)
    return result, seconds, time.process_time() - before


def alternate(rounds, **functions):
    """Time several functions in turn, each warm; seconds of each call, by name."""
    seconds = {name: [] for name in functions}
    for round_number in range(rounds):
        for name, function in functions.items():
            function(round_number)
            start = time.perf_counter()
            function(round_number)
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(values) for name, values in seconds.items()}


def in_ms(seconds):
    """Percentiles; the tenth is what a call costs that nothing interrupted."""
    return {
        "p10_ms": round(1e3 * float(np.percentile(seconds, 10)), 3),
        "p50_ms": round(1e3 * float(np.percentile(seconds, 50)), 3),
        "p99_ms": round(1e3 * float(np.percentile(seconds, 99)), 3),
    }


def ratio(times, name, base):
    """Median of the ratios of neighbouring calls: a busy machine slows both."""
    return round(float(np.median(times[name] / times[base])), 3)


def spread(values):
    """Lower and upper quartile."""
    return [round(float(np.percentile(values, q)), 3) for q in (25, 75)]


def compare(times):
    """Percentiles of every function, and how the index compares with the others."""
    result = {name: in_ms(values) for name, values in times.items()}
    for name in times:
        if name != "index":
            result[f"index_over_{name}"] = ratio(times, "index", name)
            quiet = [np.percentile(times[key], 10) for key in ("index", name)]
            result[f"index_over_{name}_p10"] = round(float(quiet[0] / quiet[1]), 3)
            result[f"spread_over_{name}"] = spread(times["index"] / times[name])
    return result


def recall(found, true):
    return float(
        np.mean(
            [len(set(a) & set(b)) / len(b) for a, b in zip(found, true, strict=True)]
        )
    )
