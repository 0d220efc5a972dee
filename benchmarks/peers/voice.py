"""A text to a WAV file.

Phones and loudness come from Edgewright on every side: nobody else reads texts for this checkpoint,
and files are compared sample by sample.
"""

from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from edgewright.families.front_ends import make_front_end
from edgewright.families.phone_tokens import PhoneTokens
from edgewright.loudness import Limiter, gain, loudest_part, rms_from_part
from edgewright_export.models import fastspeech2, istft_vocoder
from peers.opened import BF16, CHECKPOINTS, COMPILED, HAND, Bundle

NAME = "fastspeech2-en"
Floats = NDArray[np.float32]
Speak = Callable[[NDArray[np.int64]], tuple[Floats, Floats]]
"""From token ids to a mel and its waveform, of any loudness."""
LEVEL_SECONDS = 1.6
"""Of the part that tells the level, as in Edgewright."""


def voice(kind: str, variant: str) -> Callable[[str, Path], None]:
    """Return from a text of one sentence and a path to a file of 16-bit samples there."""
    bundle = Bundle.of(NAME)
    config = bundle.config
    assets = (config["lexicon"], config["letter_to_sound"])
    front_end = make_front_end("en", *((bundle.path / name).read_bytes() for name in assets))
    tokens_of = PhoneTokens(bundle.json(config["vocabulary"]), config["style"], spaces=False)
    speak = _by_hand(bundle, variant) if kind == HAND else _in_torch(kind)

    def write(text: str, path: Path) -> None:
        (sentence,) = front_end(text)
        mel, waveform = speak(
            np.array([one.token_id for one in tokens_of(sentence.tokens)], np.int64)
        )
        samples = level(mel, waveform, config["sample_rate"], config["hop_length"])
        soundfile.write(path, samples, config["sample_rate"], subtype="PCM_16")

    return write


def level(mel: Floats, waveform: Floats, sample_rate: int, hop_length: int) -> Floats:
    """Return `waveform` at the loudness of Edgewright's voices."""
    part = loudest_part(mel, round(LEVEL_SECONDS * sample_rate / hop_length))
    rms = rms_from_part(mel, part, waveform[part.start * hop_length : part.stop * hop_length])
    return Limiter(sample_rate).feed(waveform * np.float32(gain(rms)), end=True)


def _by_hand(bundle: Bundle, variant: str) -> Speak:
    encoder, decoder, vocoder = (
        bundle.session(variant, name) for name in ("encoder", "decoder", "vocoder")
    )
    one = np.ones(1, np.float32)
    scales = dict.fromkeys(("speaking_rate", "pitch_scale", "energy_scale"), one)
    istft = partial(inverse_stft, **bundle.config["istft"])

    def speak(token_ids: NDArray[np.int64]) -> tuple[Floats, Floats]:
        inputs = {"token_ids": token_ids[None], **scales}
        hidden, durations = encoder.run(["hidden", "durations"], inputs)
        frames = np.repeat(hidden[0], durations[0], axis=0)
        (mel,) = decoder.run(None, {"frames": frames[None]})
        (spectrum,) = vocoder.run(None, {"mel": mel})
        return mel[0], istft(spectrum[0].view(np.complex64)[..., 0])

    return speak


def inverse_stft(
    spectrum: NDArray[np.complex64], n_fft: int, hop_length: int
) -> NDArray[np.float32]:
    """Return frames * hop samples of spectra (frames, bins), Hann windows, centred frames."""
    window = np.hanning(n_fft + 1)[:-1].astype(np.float32)
    frames = np.fft.irfft(spectrum).astype(np.float32, copy=False) * window
    count, parts = len(frames), n_fft // hop_length
    total, weight = np.zeros((2, count + parts - 1, hop_length), np.float32)
    for part in range(parts):  # overlapping frames, hop by hop
        hop = slice(part * hop_length, (part + 1) * hop_length)
        total[part : part + count] += frames[:, hop]
        weight[part : part + count] += window[hop] ** 2
    begin, end = n_fft // 2, n_fft // 2 + (count - 1) * hop_length
    waveform = (total.ravel()[begin:end] / weight.ravel()[begin:end]).astype(np.float32)
    return np.pad(waveform, (0, hop_length))


def _in_torch(kind: str) -> Speak:
    model = fastspeech2.load_checkpoint(CHECKPOINTS / NAME)
    vocoder = istft_vocoder.load_checkpoint(CHECKPOINTS / NAME / "vocoder").eval()
    sizes, window = vocoder.config, torch.hann_window(vocoder.config.n_fft)
    parts = (model.encoder, model.decoder, vocoder)
    encoder, decoder, vocode = map(torch.compile, parts) if kind == COMPILED else parts
    one = torch.ones(1)

    @torch.inference_mode()
    def speak(token_ids: NDArray[np.int64]) -> tuple[Floats, Floats]:
        with torch.autocast("cpu", torch.bfloat16) if kind == BF16 else nullcontext():
            hidden, durations, _, _ = encoder(torch.from_numpy(token_ids)[None], one, one, one)
            frames = fastspeech2.regulate_length(hidden[0], durations[0])
            mel = decoder(frames[None])
            spectrum = vocode(mel)[0]
        waveform = torch.istft(
            torch.view_as_complex(spectrum).T, sizes.n_fft, sizes.hop_length, sizes.n_fft, window
        )
        padded = torch.nn.functional.pad(waveform, (0, sizes.hop_length))
        return mel[0].float().numpy(), padded.numpy()

    return speak
