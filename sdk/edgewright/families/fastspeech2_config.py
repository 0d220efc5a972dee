"""What the configuration of a voice says, and whether its graphs fit."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgewright import strict_json
from edgewright.backends.base import Runner
from edgewright.errors import BundleError
from edgewright.families.base import require
from edgewright.families.front_ends import Language
from edgewright.families.phone_tokens import Style
from edgewright.synthesis import GriffinLimConfig, IstftConfig

SCALES = ("speaking_rate", "pitch_scale", "energy_scale")


@dataclass(frozen=True)
class FastSpeech2Config:
    """`manifest.config` of the family."""

    sample_rate: int
    """Of the waveform, samples per second."""
    hop_length: int
    """Samples of one mel frame."""
    style: Style
    """How the vocabulary writes phones."""
    spaces: bool
    """Whether a space token stands between words."""
    griffin_lim: GriffinLimConfig | None
    """How a mel becomes a waveform; none where the bundle has a vocoder."""
    mel_scale: tuple[float, ...]
    """One, or one a bin: the decoder's mel times this plus `mel_offset` is the natural-log mel that
    Griffin-Lim takes."""
    mel_offset: tuple[float, ...]
    """One, or one a bin."""
    istft: IstftConfig | None = None
    """How the spectra of a vocoder become a waveform; none where it gives a waveform."""
    context: int | None = None
    """Frames of the mel each way that a sample depends on, those that the inverse STFT adds up
    included, so that sentences can be spoken in chunks; none where they are spoken at once."""
    max_phones: int = 200
    """Longer sentences are cut, after a pause or before a word."""
    vocabulary: str = "assets/vocab.json"
    """JSON object {token: id}."""
    language: Language = "en"
    """Of the texts: which front end reads them."""
    lexicon: str | None = "assets/lexicon.xz"
    """Pronunciations of English; none for Spanish."""
    letter_to_sound: str | None = "assets/letter_to_sound.xz"
    """The model for unknown words of English; none for Spanish."""

    @property
    def text_data(self) -> tuple[str, ...]:
        """Assets that the front end needs."""
        return tuple(name for name in (self.lexicon, self.letter_to_sound) if name is not None)


def check_graphs(runners: Mapping[str, Runner], config: FastSpeech2Config) -> None:
    """Raise a BundleError unless the components and their signatures are those of the family."""
    outputs = {"encoder": ["durations", "hidden"], "decoder": ["mel"]}
    if config.griffin_lim is None:
        outputs["vocoder"] = ["waveform" if config.istft is None else "spectrum"]
    got = {name: sorted(spec.name for spec in runner.outputs) for name, runner in runners.items()}
    if got != outputs:
        raise BundleError(
            f"manifest: got components with outputs {got}, expected {outputs}; export it again"
        )
    required = {"encoder": {"token_ids"}, "decoder": {"frames"}, "vocoder": {"mel"}}
    for name, runner in runners.items():
        inputs = {spec.name for spec in runner.inputs}
        optional = set(SCALES) if name == "encoder" else set()
        if not required[name] <= inputs <= required[name] | optional:
            raise BundleError(
                f"component '{name}': got inputs {sorted(inputs)}, expected "
                f"{sorted(required[name])} and at most {sorted(optional)}; export it again"
            )
    if config.istft is not None:
        sizes = runners["vocoder"].outputs[0].shape[2:]
        fits = sizes == (config.istft.n_fft // 2 + 1, 2)
        require(fits, "istft", config.istft, f"that of spectra {sizes}")


def check_config(config: FastSpeech2Config) -> None:
    """Raise a BundleError unless the values of `config` fit one another."""
    if min(config.sample_rate, config.hop_length, config.max_phones) < 1:
        raise BundleError(
            f"manifest.config: got sample_rate {config.sample_rate}, hop_length "
            f"{config.hop_length} and max_phones {config.max_phones}, expected 1 or more; export "
            "the bundle again"
        )
    expected_data = 2 if config.language == "en" else 0
    require(
        len(config.text_data) == expected_data, "lexicon, letter_to_sound", config.text_data,
        f"{expected_data} files for the language '{config.language}'",
    )  # fmt: skip
    if config.griffin_lim is not None:
        mel = config.griffin_lim.mel
        got, expected = (mel.sample_rate, mel.hop_length), (config.sample_rate, config.hop_length)
        require(got == expected, "griffin_lim.mel", got, f"rate and hop {expected} as beside it")
    if config.istft is not None:
        _check_istft(config, config.istft)
    if config.context is not None:
        fits = config.istft is not None and config.context >= 0
        require(fits, "context", config.context, "0 or more, and istft beside it")
    bins = config.griffin_lim.mel.num_mel_bins if config.griffin_lim else 1
    for name, values in (("mel_scale", config.mel_scale), ("mel_offset", config.mel_offset)):
        if len(values) not in {1, bins}:
            raise BundleError(
                f"manifest.config.{name}: got {len(values)} values, expected 1 or {bins}; export "
                "the bundle again"
            )


def _check_istft(config: FastSpeech2Config, istft: IstftConfig) -> None:
    require(config.griffin_lim is None, "istft", "it beside griffin_lim", "one of them")
    sizes = istft.n_fft in range(2, 65537, 2) and istft.hop_length < istft.n_fft
    require(sizes, "istft", istft, "an even n_fft up to 65536, above hop_length")
    hop = config.hop_length
    require(istft.hop_length == hop, "istft", istft, f"the hop_length beside it, {hop}")


def read_vocabulary(data: bytes) -> dict[str, int]:
    """Return {token: id} of a JSON file."""
    vocabulary = strict_json.parse(data, "vocabulary")
    if not isinstance(vocabulary, dict) or not all(
        type(value) is int and value >= 0 for value in vocabulary.values()
    ):
        raise BundleError(
            "vocabulary: got something else, expected an object {token: id}; export it again"
        )
    return vocabulary
