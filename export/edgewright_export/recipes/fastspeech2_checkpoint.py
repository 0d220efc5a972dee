"""Reading a voice: weights, vocabulary, options and vocoder of every layout."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import transformers

from edgewright import records
from edgewright.errors import BundleError, CheckpointError, UnsupportedCheckpointError
from edgewright.families.fastspeech2_config import FastSpeech2Config
from edgewright.families.phone_tokens import Style
from edgewright.features import LogMelConfig
from edgewright.synthesis import GriffinLimConfig, IstftConfig
from edgewright_export.checkpoint import Checkpoint, built_by_config
from edgewright_export.models import istft_vocoder
from edgewright_export.models.fastspeech2 import load_checkpoint
from edgewright_export.models.istft_vocoder import IstftVocoder
from edgewright_export.recipes.fastspeech2_conformer import (
    ConformerEncoder,
    ConformerVoice,
    ScaledConformerEncoder,
)
from edgewright_export.recipes.fastspeech2_voice import OwnVoice, Voice

OWN, CONFORMER = "FastSpeech2", "FastSpeech2ConformerModel"
WITH_HIFI_GAN, HIFI_GAN = "FastSpeech2ConformerWithHifiGan", "FastSpeech2ConformerHifiGan"
ISTFT_VOCODER = istft_vocoder.ARCHITECTURE
VOCABULARY = "assets/vocab.json"


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
    """Folder of a `FastSpeech2ConformerHifiGan` (of an `IstftVocoder` beside the project's own
    model), relative to the checkpoint; used if it exists."""
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


def load_voice(checkpoint: Checkpoint) -> tuple[Voice, dict[str, int], FastSpeech2Config]:
    """Return the models, {token: id}, and the runtime's configuration.

    Raises:
        CheckpointError: Something is missing or cannot be used.
    """
    options = checkpoint.family_options(FastSpeech2Options)
    vocabulary = _read_vocabulary(checkpoint)
    if checkpoint.architecture == OWN:
        voice, config = _load_own(checkpoint, options)
    else:
        voice, config = _load_conformer(checkpoint, vocabulary, options)
    return voice, vocabulary, config


def _load_own(
    checkpoint: Checkpoint, options: FastSpeech2Options
) -> tuple[Voice, FastSpeech2Config]:
    checkpoint.read_bytes("model.safetensors")  # notes its hash
    try:
        features = records.read(LogMelConfig, checkpoint.config.get("features"), "features")
    except BundleError as error:
        raise CheckpointError(f"config.json: {error}") from error
    with built_by_config(checkpoint.folder, checkpoint.architecture):
        model = load_checkpoint(checkpoint.folder)
    vocoder = _load_istft_vocoder(checkpoint, options, features)
    text: dict[str, Any] = {"language": model.config.language}
    if model.config.language != "en":  # only English has pronunciations as data
        text |= {"lexicon": None, "letter_to_sound": None}
    voice = OwnVoice(model, vocoder)
    config = _config(features.sample_rate, "flite", features, **text)
    if vocoder is not None:
        istft = IstftConfig(vocoder.config.n_fft, vocoder.config.hop_length)
        config = dataclasses.replace(
            config, griffin_lim=None, istft=istft, context=vocoder.config.sample_context
        )
    return voice, config


def _load_istft_vocoder(
    checkpoint: Checkpoint, options: FastSpeech2Options, features: LogMelConfig
) -> IstftVocoder | None:
    part = _vocoder_part(checkpoint, options, ISTFT_VOCODER)
    if part is None:
        return None
    part.read_bytes("model.safetensors")  # notes its hash
    with built_by_config(part.folder, part.architecture):
        vocoder = istft_vocoder.load_checkpoint(part.folder)
    _note_hashes(checkpoint, options, part)
    got = vocoder.config.num_mel_bins, vocoder.config.hop_length
    if got != (features.num_mel_bins, features.hop_length):
        raise CheckpointError(
            f"vocoder {part.folder}: got mels of {got[0]} bins every {got[1]} samples, expected "
            f"{features.num_mel_bins} every {features.hop_length} as the voice makes them; use the "
            "vocoder of this voice, or remove the folder to use Griffin-Lim"
        )
    return vocoder


def _load_conformer(
    checkpoint: Checkpoint, vocabulary: dict[str, int], options: FastSpeech2Options
) -> tuple[Voice, FastSpeech2Config]:
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
        return voice, config
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
    return voice, config


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
    part = _vocoder_part(checkpoint, options, HIFI_GAN)
    if part is None:
        return model, None
    vocoder = part.load(transformers.FastSpeech2ConformerHifiGan)
    _note_hashes(checkpoint, options, part)
    return model, vocoder


def _vocoder_part(
    checkpoint: Checkpoint, options: FastSpeech2Options, architecture: str
) -> Checkpoint | None:
    """Return the folder of the vocoder, none where there is none."""
    folder = checkpoint.folder / options.vocoder
    if not folder.is_dir():
        return None
    part = Checkpoint(folder)
    if part.architecture != architecture:
        raise UnsupportedCheckpointError(
            f"vocoder {folder}: got the architecture {part.architecture}, expected {architecture}; "
            "use the vocoder of this model, or remove the folder to use Griffin-Lim"
        )
    return part


def _note_hashes(checkpoint: Checkpoint, options: FastSpeech2Options, part: Checkpoint) -> None:
    checkpoint.hashes.update(
        {f"{options.vocoder}/{name}": digest for name, digest in part.hashes.items()}
    )


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
