"""FastSpeech 2: the Conformer of transformers, with or without HiFi-GAN, and the project's own."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
import transformers
from torch import Tensor

from edgewright import records
from edgewright.errors import BundleError, CheckpointError, InputError, UnsupportedCheckpointError
from edgewright.families.fastspeech2 import FastSpeech2Config
from edgewright.families.phone_tokens import PhoneTokens, Style, pieces
from edgewright.features import LogMelConfig
from edgewright.synthesis import GriffinLimConfig
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint, built_by_config
from edgewright_export.evaluation import AgreementEvaluation, Evaluation, Floats
from edgewright_export.models.fastspeech2 import load_checkpoint
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.quantize import QuantizationPlan
from edgewright_export.recipes.base import MAX_CALIBRATION_SAMPLES, Recipe
from edgewright_export.recipes.fastspeech2_conformer import (
    ConformerEncoder,
    ConformerVoice,
    ScaledConformerEncoder,
)
from edgewright_export.recipes.fastspeech2_texts import DEFAULT, read_texts
from edgewright_export.recipes.fastspeech2_voice import OwnVoice, Voice, VoiceReference
from edgewright_export.subject import Sample

OWN, CONFORMER = "FastSpeech2", "FastSpeech2ConformerModel"
WITH_HIFI_GAN, HIFI_GAN = "FastSpeech2ConformerWithHifiGan", "FastSpeech2ConformerHifiGan"
VOCABULARY = "assets/vocab.json"
_TEXT_DATA = {"assets/lexicon.xz": "lexicon.xz", "assets/letter_to_sound.xz": "letter_to_sound.xz"}
_BATCH_SCALES = ("speaking_rate", "pitch_scale", "energy_scale")


@dataclass(frozen=True)
class FastSpeech2Options:
    """Options of the family in `edgewright.json`; transformers stores none of them."""

    sample_rate: int | None = None
    """Of the waveform, Hz; required for the layouts of transformers."""
    features: LogMelConfig | None = None
    """Convention of the mel, required where there is no vocoder: Griffin-Lim inverts it."""
    mel_mean: tuple[float, ...] = (0.0,)
    """One, or one a bin: what the training subtracted from the mel, in the units of `log_base`."""
    mel_std: tuple[float, ...] = (1.0,)
    """One, or one a bin: what it divided the mel by then."""
    log_base: float | None = None
    """Base of the mel's logarithm, such as 10; natural by default."""
    vocoder: str = "vocoder"
    """Folder of a `FastSpeech2ConformerHifiGan`, relative to the checkpoint; used if it exists."""
    should_strip_spaces: bool | None = None
    """Whether words are joined without a space token; by default as `tokenizer_config.json` says,
    or true."""
    pitch_std: float | None = None
    """Standard deviation of ln F0 in training; with the next two the voice takes pitch and energy
    scales."""
    energy_mean: float | None = None
    """Mean of the energy in training."""
    energy_std: float | None = None
    """Standard deviation of the energy in training."""


class FastSpeech2Recipe(Recipe):
    """A voice with its vocabulary."""

    family = "fastspeech2"
    architectures: ClassVar[tuple[str, ...]] = (CONFORMER, WITH_HIFI_GAN, OWN)
    least_sqnr_db: ClassVar[dict[str, float]] = {"mel": 30.0}
    asset_licenses: ClassVar[tuple[str, ...]] = ("MIT-Festival", "BSD-2-Clause")

    def __init__(self, voice: Voice, vocabulary: dict[str, int], config: FastSpeech2Config):
        self._voice, self._vocabulary, self._config = voice, vocabulary, config

    @classmethod
    def load(cls, checkpoint: Checkpoint) -> "FastSpeech2Recipe":
        """Read weights and vocabulary of `checkpoint`.

        Raises:
            CheckpointError: Something is missing or cannot be used.
        """
        options = checkpoint.family_options(FastSpeech2Options)
        vocabulary = _read_vocabulary(checkpoint)
        if checkpoint.architecture == OWN:
            return cls(*_load_own(checkpoint, vocabulary))
        return cls(*_load_conformer(checkpoint, vocabulary, options))

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
                probes=tuple({"frames": _noise(n, t, size)} for n, t in ((1, 3), (3, 211))),
            ),
        }
        if self._voice.vocoder is not None:
            bins = mel.shape[1]
            parts["vocoder"] = TracedComponent(
                module=self._voice.vocoder,
                inputs={"mel": _noise(2, 40, bins)},
                outputs=("waveform",),
                dynamic={"mel": {0: "batch", 1: "frames"}},
                probes=tuple({"mel": _noise(n, t, bins)} for n, t in ((1, 3), (3, 61))),
            )
        return parts

    def assets(self) -> dict[str, bytes]:
        """Return the vocabulary, and the data that turn text into phones."""
        vocabulary = json.dumps(self._vocabulary, ensure_ascii=False).encode()
        text = {name: _text_data(file) for name, file in _TEXT_DATA.items()}
        return {VOCABULARY: vocabulary, **text}

    def asset_notice(self) -> str:
        """Return the notices of the pronunciations."""
        return _text_data("NOTICE").decode()

    def reference(self) -> VoiceReference:
        """Return PyTorch's own unsplit forward."""
        return VoiceReference(self._voice)

    def calibration(self, path: Path | None, seed: int) -> Calibration:
        """Return the sentences of the text file `path` (one a line), or built-in ones."""
        if path is None:
            return Calibration(self._samples(DEFAULT), "built-in sentences")
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
        from edgewright.text import Phonemizer  # only sentences need it

        config, reference = self._config, self.reference()
        tokenizer = PhoneTokens(self._vocabulary, config.style, spaces=config.spaces)
        phonemize = Phonemizer(*map(_text_data, _TEXT_DATA.values()))
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


def _load_own(
    checkpoint: Checkpoint, vocabulary: dict[str, int]
) -> tuple[Voice, dict[str, int], FastSpeech2Config]:
    checkpoint.read_bytes("model.safetensors")  # notes its hash
    try:
        features = records.read(LogMelConfig, checkpoint.config.get("features"), "features")
    except BundleError as error:
        raise CheckpointError(f"config.json: {error}") from error
    with built_by_config(checkpoint.folder, checkpoint.architecture):
        voice = OwnVoice(load_checkpoint(checkpoint.folder))
    return voice, vocabulary, _config(features.sample_rate, "flite", features)


def _load_conformer(
    checkpoint: Checkpoint, vocabulary: dict[str, int], options: FastSpeech2Options
) -> tuple[Voice, dict[str, int], FastSpeech2Config]:
    model, vocoder = _read_weights(checkpoint, options)
    _check_conformer(checkpoint, model.config, vocabulary)
    if options.sample_rate is None:
        raise CheckpointError(
            "options: got no sample_rate, expected it because config.json does not carry it; take "
            "it from the model card (22050 for espnet's LJSpeech) and write it to edgewright.json"
        )
    voice = ConformerVoice(model, vocoder, _conformer_encoder(model, options))
    style: Style = "arpabet"
    spaces = " " in vocabulary and not _strips_spaces(checkpoint, options)
    if vocoder is not None:
        hop = math.prod(vocoder.config.upsample_rates)
        config = FastSpeech2Config(
            options.sample_rate, hop, style, spaces, None, (1.0,), (0.0,), vocabulary=VOCABULARY
        )
        return voice, vocabulary, config
    features = _features(options, model.config.num_mel_bins)
    scale = math.log(options.log_base) if options.log_base is not None else 1.0
    config = _config(
        options.sample_rate,
        style,
        features,
        spaces=spaces,
        mel_scale=tuple(scale * value for value in options.mel_std),
        mel_offset=tuple(scale * value for value in options.mel_mean),
    )
    return voice, vocabulary, config


def _config(
    sample_rate: int, style: Style, features: LogMelConfig, **rest: Any
) -> FastSpeech2Config:
    values = {"spaces": False, "mel_scale": (1.0,), "mel_offset": (0.0,), **rest}
    return FastSpeech2Config(
        sample_rate=sample_rate,
        hop_length=features.hop_length,
        style=style,
        griffin_lim=GriffinLimConfig(features),
        **values,
    )


def _read_weights(checkpoint: Checkpoint, options: FastSpeech2Options) -> tuple[Any, Any | None]:
    """Return the model, and its vocoder where it has one."""
    if checkpoint.architecture == WITH_HIFI_GAN:
        both = checkpoint.load(transformers.FastSpeech2ConformerWithHifiGan)
        return both.model, both.vocoder
    model = checkpoint.load(transformers.FastSpeech2ConformerModel)
    folder = checkpoint.folder / options.vocoder
    if not folder.is_dir():
        return model, None
    part = Checkpoint(folder)
    if part.architecture != HIFI_GAN:
        raise UnsupportedCheckpointError(
            f"vocoder {folder}: got the architecture {part.architecture}, expected {HIFI_GAN}; "
            "use the vocoder of this model, or remove the folder to use Griffin-Lim"
        )
    vocoder = part.load(transformers.FastSpeech2ConformerHifiGan)
    checkpoint.hashes.update(
        {f"{options.vocoder}/{name}": digest for name, digest in part.hashes.items()}
    )
    return model, vocoder


def _conformer_encoder(model: Any, options: FastSpeech2Options) -> ConformerEncoder:
    given = options.pitch_std, options.energy_mean, options.energy_std
    if None in given and any(value is not None for value in given):
        raise CheckpointError(
            "options: got some of pitch_std, energy_mean and energy_std, expected all or none; "
            "take them from the statistics of the training"
        )
    if options.pitch_std is None or options.energy_mean is None or options.energy_std is None:
        return ConformerEncoder(model)
    if options.pitch_std <= 0 or options.energy_std <= 0:
        raise CheckpointError(
            f"options: got pitch_std {options.pitch_std} and energy_std {options.energy_std}, "
            "expected numbers above 0; correct them"
        )
    return ScaledConformerEncoder(model, options.pitch_std, options.energy_mean, options.energy_std)


def _check_conformer(checkpoint: Checkpoint, config: Any, vocabulary: dict[str, int]) -> None:
    several = [
        name
        for name in ("num_speakers", "num_languages", "speaker_embed_dim")
        if (getattr(config, name) or 0) > (0 if name == "speaker_embed_dim" else 1)
    ]
    if several or config.reduction_factor != 1:
        raise UnsupportedCheckpointError(
            f"checkpoint {checkpoint.folder}: got {several or 'reduction_factor'} in config.json, "
            "expected one voice in one language with reduction_factor 1; export another checkpoint"
        )
    if max(vocabulary.values()) >= config.vocab_size:
        raise CheckpointError(
            f"vocab.json: got ids up to {max(vocabulary.values())}, expected fewer than "
            f"{config.vocab_size} as config.json says; use the file that belongs to the weights"
        )


def _features(options: FastSpeech2Options, bins: int) -> LogMelConfig:
    if options.features is None:
        raise CheckpointError(
            "options: got neither a vocoder nor features, expected one of them because config.json "
            "does not say what the mel is; put a FastSpeech2ConformerHifiGan into the folder "
            f"'{options.vocoder}', or write the mel's convention to edgewright.json as 'features' "
            "(docs/fastspeech2.md has an example)"
        )
    features = options.features
    if features.num_mel_bins != bins or features.sample_rate != options.sample_rate:
        raise CheckpointError(
            f"options: got features of {features.num_mel_bins} bins at {features.sample_rate} Hz, "
            f"expected {bins} bins at {options.sample_rate} Hz; correct edgewright.json"
        )
    for name in ("mel_mean", "mel_std"):
        if len(getattr(options, name)) not in {1, bins}:
            raise CheckpointError(
                f"options: got {len(getattr(options, name))} values of {name}, expected 1 or "
                f"{bins}; correct edgewright.json"
            )
    if options.log_base is not None and not options.log_base > 1:
        raise CheckpointError(
            f"options: got log_base {options.log_base}, expected more than 1; correct it"
        )
    return features


def _strips_spaces(checkpoint: Checkpoint, options: FastSpeech2Options) -> bool:
    if options.should_strip_spaces is not None:
        return options.should_strip_spaces
    if checkpoint.has("tokenizer_config.json"):
        return bool(checkpoint.read_json("tokenizer_config.json").get("should_strip_spaces", False))
    return True


def _read_vocabulary(checkpoint: Checkpoint) -> dict[str, int]:
    vocabulary = checkpoint.read_json("vocab.json")
    if not vocabulary or not all(type(one) is int and one >= 0 for one in vocabulary.values()):
        raise CheckpointError(
            "vocab.json: got something else, expected an object {token: id}; download it again"
        )
    return vocabulary


def _text_data(name: str) -> bytes:
    return resources.files("edgewright_export").joinpath("data", "en", name).read_bytes()


def _noise(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(shape[1]))
