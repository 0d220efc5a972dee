"""The bundle that was stored when format 1 was released stays readable, byte for byte."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

import edgewright
from edgewright.bundle import Bundle, Check
from edgewright.errors import BundleError, UsageError

DIGEST = "fa3ae0745d5d99602b59b979b56480dcaeecc41bfdfd70396ba7e4a36acd4445"


@pytest.mark.parametrize("form", ["stored", "stored_zip"])
@pytest.mark.parametrize("check", ["all", "used"])
def test_stored_bundle_opens_with_its_digest(
    form: str, check: Check, request: pytest.FixtureRequest
) -> None:
    with Bundle.open(request.getfixturevalue(form), check=check, expected_digest=DIGEST) as bundle:
        assert bundle.digest == DIGEST
        assert bundle.manifest.name == "colours"
        assert [variant.name for variant in bundle.manifest.variants] == ["fp32", "int8"]
        assert bundle.read_bytes("NOTICE").startswith(b"Made by hand")


@pytest.mark.parametrize("name", ["fp32", "int8"])
def test_stored_graphs_still_give_the_golden_answers(stored: Path, name: str) -> None:
    with Bundle.open(stored) as bundle:
        component = bundle.variant(name).components["model"]
        session = onnxruntime.InferenceSession(bundle.file(component.files[0]))
        for _, inputs, outputs in bundle.golden():
            pixels = (inputs["image"].astype(np.float32) / 255 - 0.5) / 0.5
            [logits] = session.run(None, {"pixel_values": pixels.transpose(2, 0, 1)[None]})
            expected = outputs["logits"].astype(np.float32)
            limit = bundle.manifest.golden.tolerance[name] * np.abs(expected).max()
            np.testing.assert_allclose(logits[0], expected, rtol=0, atol=limit)


@pytest.mark.parametrize("form", ["stored", "stored_zip"])
def test_the_stored_bundle_still_runs(form: str, request: pytest.FixtureRequest) -> None:
    path = request.getfixturevalue(form)
    assert edgewright.verify(path).ok
    with Bundle.open(path) as bundle:
        images = [inputs["image"] for _, inputs, _ in bundle.golden()]
    classify: Any = edgewright.load(path, precision="int8")
    assert [classify(image).labels[0].name for image in images] == ["red", "green"]


def test_what_a_zip_was_unpacked_to_disappears(stored_zip: Path) -> None:
    with Bundle.open(stored_zip) as bundle:
        notice = bundle.file("NOTICE")
        assert notice.is_file()
        assert notice.parent.stat().st_mode & 0o077 == 0, "others can read it"
    assert not notice.parent.exists()
    with pytest.raises(RuntimeError, match="after close"):
        bundle.file("NOTICE")


def test_unknown_names_are_refused_in_words(stored: Path) -> None:
    with Bundle.open(stored) as bundle:
        with pytest.raises(UsageError, match=r"'fp64', expected one of \['fp32', 'int8'\]"):
            bundle.variant("fp64")
        with pytest.raises(BundleError, match="no such entry"):
            bundle.file("../bundle_v1.edge/NOTICE")
        with pytest.raises(BundleError, match="no such entry"):
            bundle.read_bytes("/etc/passwd")


@pytest.mark.parametrize(
    "options", [{"check": "some"}, {"expected_digest": "abc"}, {"expected_digest": DIGEST + "\n"}]
)
def test_arguments_out_of_range(stored: Path, options: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        Bundle.open(stored, **options)  # type: ignore[arg-type]
