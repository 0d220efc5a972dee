"""FastSpeech 2: the Conformer of transformers, with or without HiFi-GAN, and the project's own."""

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from edgewright.errors import InputError
from edgewright.families.fastspeech2_config import FastSpeech2Config
from edgewright.families.front_ends import make_front_end
from edgewright.families.phone_tokens import PhoneTokens, pieces
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.evaluation import AgreementEvaluation, Evaluation, Floats
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantization import QuantizationPlan
from edgewright_export.recipes.base import MAX_CALIBRATION_SAMPLES, Recipe
from edgewright_export.recipes.fastspeech2_checkpoint import (
    CONFORMER,
    OWN,
    VOCABULARY,
    WITH_HIFI_GAN,
    load_voice,
)
from edgewright_export.recipes.fastspeech2_conformer import ConformerEncoder
from edgewright_export.recipes.fastspeech2_texts import DEFAULT, read_texts
from edgewright_export.recipes.fastspeech2_voice import Voice, VoiceReference
from edgewright_export.sizes import BATCH, lengths
from edgewright_export.subject import Sample

FRAMES = lengths(3, 128, 768, 4096)
"""Mel frames that engines are built for: 200 phones, the longest piece, at 0.4 times their pace."""
_PRONUNCIATION_LICENSES = ("MIT-Festival", "BSD-2-Clause")


class FastSpeech2Recipe(Recipe):
    """A voice with its vocabulary."""

    family = "fastspeech2"
    architectures: ClassVar[tuple[str, ...]] = (CONFORMER, WITH_HIFI_GAN, OWN)
    least_sqnr_db: ClassVar[dict[str, float]] = {"mel": 30.0}

    def __init__(self, voice: Voice, vocabulary: dict[str, int], config: FastSpeech2Config):
        self._voice, self._vocabulary, self._config = voice, vocabulary, config

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> "FastSpeech2Recipe":
        """Read weights and vocabulary of `checkpoint`.

        Raises:
            CheckpointError: Something is missing or cannot be used.
        """
        return cls(*load_voice(checkpoint))

    @property
    def config(self) -> FastSpeech2Config:
        """The runtime family's configuration record."""
        return self._config

    def components(self) -> dict[str, TracedComponent]:
        """Return encoder, decoder, and vocoder where there is one."""
        mel, durations = self._example_answer()
        size = self._hidden_size()
        parts = {
            "encoder": self._encoder_component(),
            "decoder": TracedComponent(
                module=self._voice.decoder,
                inputs={"frames": _noise(2, int(durations.sum()), size)},
                outputs=("mel",),
                dynamic={"frames": {0: "batch", 1: "frames"}},
                ranges={"batch": BATCH, "frames": FRAMES},
                probes=tuple({"frames": _noise(n, t, size)} for n, t in ((1, 3), (3, 211))),
            ),
        }
        if self._voice.vocoder is not None:
            bins = mel.shape[1]
            parts["vocoder"] = TracedComponent(
                module=self._voice.vocoder,
                inputs={"mel": _noise(2, 40, bins)},
                outputs=(self._voice.vocoder_output,),
                dynamic={"mel": {0: "batch", 1: "frames"}},
                ranges={"batch": BATCH, "frames": FRAMES},
                probes=tuple({"mel": _noise(n, t, bins)} for n, t in ((1, 3), (3, 61))),
            )
        return parts

    def assets(self) -> dict[str, bytes]:
        """Return the vocabulary, and the data that turn text into phones."""
        vocabulary = json.dumps(self._vocabulary, ensure_ascii=False).encode()
        return {VOCABULARY: vocabulary, **self._text_assets()}

    def asset_licenses(self) -> tuple[str, ...]:
        """Return the licences of the pronunciations, where the language needs them."""
        return _PRONUNCIATION_LICENSES if self._config.text_data else ()

    def asset_notice(self) -> str | None:
        """Return the notices of the pronunciations."""
        return _text_data("NOTICE").decode() if self._config.text_data else None

    def reference(self) -> VoiceReference:
        """Return PyTorch's own unsplit forward."""
        return VoiceReference(self._voice)

    def calibration(self, path: Path | None, seed: int) -> Calibration:
        """Return the sentences of the text file `path` (one a line), or built-in ones."""
        if path is None:
            sentences = DEFAULT[self._config.language]
            return Calibration(self._samples(sentences), "built-in sentences")
        return Calibration(self._samples(read_texts(path, MAX_CALIBRATION_SAMPLES)), path.name)

    def evaluation(self, path: Path | None, calibration: Calibration, seed: int) -> Evaluation:
        """Return the share of durations that equal PyTorch's, on `path` or on `calibration`."""
        judged = calibration if path is None else self.calibration(path, seed)
        expected = tuple(np.asarray(one["durations"], np.float32) for one in judged.samples)
        return AgreementEvaluation(
            "duration_agreement", judged.data, judged.samples, expected, identical, "durations"
        )

    def quantization(self) -> QuantizationPlan:
        """Quantize products and convolutions; predictors and the mel's last layers stay exact.

        A duration that is rounded the other way moves all that follows, and errors of the last
        layer are heard as they are.
        """
        return QuantizationPlan(
            static=True,
            operators=("MatMul", "Gemm", "Conv", "ConvTranspose"),
            keep=("*duration*", "*pitch*", "*energy*", "*output/*", "*feat_out*", "*conv_p*"),
        )

    def _samples(self, texts: Sequence[str]) -> list[Sample]:
        config, reference = self._config, self.reference()
        tokenizer = PhoneTokens(self._vocabulary, config.style, spaces=config.spaces)
        phonemize = make_front_end(config.language, *self._text_assets().values())
        samples: list[Sample] = []
        for sentence in (one for text in texts for one in phonemize(text)):
            for phones in pieces(sentence.tokens, config.max_phones):
                ids = np.array([token.token_id for token in tokenizer(phones)], np.int64)
                samples.append({"token_ids": ids, "durations": reference.durations(ids)})
        if not samples:
            raise InputError(
                "texts: got nothing that can be spoken, expected sentences; write some"
            )
        return samples[:MAX_CALIBRATION_SAMPLES]

    def _text_assets(self) -> dict[str, bytes]:
        return {name: _text_data(PurePosixPath(name).name) for name in self._config.text_data}

    def _encoder_component(self) -> TracedComponent:
        names = ["token_ids", "speaking_rate"]
        if type(self._voice.encoder) is not ConformerEncoder:
            names += ["pitch_scale", "energy_scale"]
        axes = {name: {0: "batch"} for name in names}
        return TracedComponent(
            module=self._voice.encoder,
            inputs=self._example(names, 2, 60, 1.25),
            outputs=("hidden", "durations"),
            dynamic={**axes, "token_ids": {0: "batch", 1: "time"}},
            ranges={"batch": BATCH, "time": lengths(2, 64, 256)},
            probes=(self._example(names, 1, 2, 1.0), self._example(names, 3, 143, 0.8)),
        )

    def _example(
        self, names: Sequence[str], batch: int, tokens: int, scale: float
    ) -> dict[str, Tensor]:
        """Return random ids without pads, and scales that differ from row to row and by name.

        One tensor for all of them would be traced as one input.
        """
        generator = torch.Generator().manual_seed(tokens)
        ids = torch.randint(1, len(self._vocabulary), (batch, tokens), generator=generator)
        rows = torch.arange(1.0, batch + 1.0)
        return {
            name: ids if index == 0 else scale ** (rows / index) for index, name in enumerate(names)
        }

    def _example_answer(self) -> tuple[Tensor, Tensor]:
        ids = self._example(["token_ids"], 1, 40, 1.0)["token_ids"][0]
        with torch.inference_mode():
            return self._voice.speak(ids)

    def _hidden_size(self) -> int:
        component = self._encoder_component()
        with torch.inference_mode():
            hidden = self._voice.encoder(*component.probes[0].values())[0]
        return int(hidden.shape[2])


def identical(answer: Floats, expected: Floats) -> float:
    """Return the share of entries that are equal."""
    return float(np.mean(answer == expected))


def _text_data(name: str) -> bytes:
    return resources.files("edgewright_export").joinpath("data", "en", name).read_bytes()


def _noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(shape[1]))
