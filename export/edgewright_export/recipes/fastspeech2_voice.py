"""What the recipe of FastSpeech 2 needs of a checkpoint, whatever its layout."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn import functional

from edgewright.specs import Array
from edgewright_export.models.fastspeech2 import FastSpeech2
from edgewright_export.models.istft_vocoder import IstftVocoder
from edgewright_export.subject import Sample


class Voice(ABC):
    """A model that can be run unsplit, and the parts that become graphs."""

    encoder: nn.Module
    """Token ids and scales to hidden states and durations."""
    decoder: nn.Module
    """Frames to mel."""
    vocoder: nn.Module | None
    """Mel to waveform, or to spectra."""
    vocoder_output = "waveform"
    """Or "spectrum": which of them."""
    speaks_in_chunks = False
    """Whether the runtime also gives the waveform chunk by chunk."""

    @abstractmethod
    def speak(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Run the unsplit model: int64 (tokens,) -> mel (frames, bins), durations (tokens,)."""

    def vocode(self, mel: Tensor) -> Tensor | None:
        """Return the waveform (samples,) of a mel (frames, bins), where there is a vocoder."""
        return None


class OwnVoice(Voice):
    """The project's own FastSpeech 2, with or without its own vocoder."""

    vocoder_output = "spectrum"

    def __init__(self, model: FastSpeech2, vocoder: IstftVocoder | None):
        self._model, self._vocoder = model, vocoder
        self.encoder, self.decoder = _OwnEncoder(model.encoder), model.decoder
        self.vocoder = vocoder
        self.speaks_in_chunks = vocoder is not None

    def speak(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Run the unsplit model."""
        mel, durations = self._model(token_ids)
        return mel, durations

    def vocode(self, mel: Tensor) -> Tensor | None:
        """Run the vocoder, and PyTorch's inverse STFT behind it."""
        if self._vocoder is None:
            return None
        sizes = self._vocoder.config
        if len(mel) == 1:  # no sample lies between the centres of two frames
            return torch.zeros(sizes.hop_length)
        spectrum = torch.view_as_complex(self._vocoder(mel[None])[0]).T
        waveform = torch.istft(
            spectrum, sizes.n_fft, sizes.hop_length, sizes.n_fft, torch.hann_window(sizes.n_fft)
        )
        return functional.pad(waveform, (0, len(mel) * sizes.hop_length - len(waveform)))


class _OwnEncoder(nn.Module):
    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.encoder = encoder

    def forward(
        self, token_ids: Tensor, speaking_rate: Tensor, pitch_scale: Tensor, energy_scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        hidden, durations, _, _ = self.encoder(token_ids, speaking_rate, pitch_scale, energy_scale)
        return hidden, durations


class VoiceReference:
    """PyTorch on token ids: the unsplit model."""

    def __init__(self, voice: Voice):
        self._voice = voice

    def infer(self, sample: Sample) -> dict[str, Array]:
        """Return `durations`, `mel`, and `waveform` where there is a vocoder.

        Where the runtime also speaks in chunks, `stream_waveform` is the same waveform.

        The sample's durations are those that PyTorch predicts, so they are not needed here.
        """
        with torch.inference_mode():
            mel, durations = self._voice.speak(torch.from_numpy(sample["token_ids"]))
            waveform = self._voice.vocode(mel)
        answer: dict[str, Array] = {"durations": durations.numpy(), "mel": mel.numpy()}
        if waveform is not None:
            answer["waveform"] = waveform.numpy()
            if self._voice.speaks_in_chunks:
                answer["stream_waveform"] = answer["waveform"]
        return answer

    def durations(self, token_ids: Array) -> Array:
        """Return what PyTorch predicts, int64 (tokens,)."""
        with torch.inference_mode():
            return self._voice.speak(torch.from_numpy(token_ids))[1].numpy()
