"""docs/bundle-format.md says what the records say, and its twenty lines really read a bundle."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from edgewright import specs
from edgewright.bundle import manifest

DOCUMENT = (Path(__file__).parents[3] / "docs" / "bundle-format.md").read_text("utf-8")
RECORDS = [
    record
    for record in [*vars(manifest).values(), specs.TensorSpec]
    if dataclasses.is_dataclass(record) and isinstance(record, type)
]


@pytest.mark.parametrize(
    "record", sorted(set(RECORDS), key=str), ids=lambda record: record.__name__
)
def test_every_field_has_its_row_in_the_order_of_the_record(record: type) -> None:
    section = DOCUMENT.split(f"\n### {record.__name__}\n")[1].split("\n#")[0]
    rows = re.findall(r"^\| (`.*?) \|", section, re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert names == [field.name for field in dataclasses.fields(record)]


def test_every_section_of_a_record_is_a_record() -> None:
    sections = set(re.findall(r"^### (\w+)$", DOCUMENT, re.MULTILINE))
    assert sections == {record.__name__ for record in RECORDS}


def test_the_reader_without_edgewright_reads_the_stored_bundle(
    stored: Path, tmp_path: Path
) -> None:
    [code] = re.findall(r"```python\n(import hashlib.*?)```", DOCUMENT, re.DOTALL)
    assert "edgewright" not in code.replace("edgewright-bundle", "")
    (tmp_path / "build" / "demo").mkdir(parents=True)
    (tmp_path / "build" / "demo" / "vit-fashion-mnist.edge").symlink_to(stored)
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    differences = dict(line.split() for line in done.stdout.splitlines())
    assert set(differences) == {"fp32", "int8"}
    assert float(differences["fp32"]) < 1e-5
    assert float(differences["int8"]) < 1e-2  # the library multiplies in int8


@pytest.mark.parametrize("location", ["../secret.bin", "{absolute}", "inside/../../secret.bin"])
def test_the_inference_library_reads_no_weights_outside_the_folder(
    tmp_path: Path, location: str
) -> None:
    (tmp_path / "bundle" / "inside").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(np.arange(4, dtype=np.float32).tobytes())
    weights = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4])
    weights.data_location = TensorProto.EXTERNAL
    location = location.format(absolute=tmp_path / "secret.bin")
    weights.external_data.add(key="location", value=location)
    border = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "g", border[:1], border[1:], [weights]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    (tmp_path / "bundle" / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(Exception, match="External data path"):
        onnxruntime.InferenceSession(tmp_path / "bundle" / "model.onnx")
