"""The halves of `FastSpeech2ConformerModel`, cut at its length regulator.

transformers keeps tables of 9,999 relative positions and grows them in `forward`; here the
positions that a length needs are computed in the graph, which bounds no length and adds no weights.
"""

import math
from typing import Any

import torch
from torch import Tensor, nn

from edgewright_export.recipes.fastspeech2_voice import Voice


class ConformerEncoder(nn.Module):
    """Token ids and speaking rate to what the length regulator takes."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, token_ids: Tensor, speaking_rate: Tensor) -> tuple[Tensor, Tensor]:
        """Return hidden float32 (batch, time, size) and durations int64 (batch, time)."""
        hidden, pitch, energy, durations = self._predict(token_ids, speaking_rate)
        return self._vary(hidden, pitch, energy), durations

    def _predict(
        self, token_ids: Tensor, speaking_rate: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        model: Any = self.model
        hidden = run_conformer(model.encoder, model.encoder.embed(token_ids))
        durations = model.duration_predictor(hidden)
        scaled = durations.float() * model.config.speaking_speed / speaking_rate[:, None]
        pitch, energy = model.pitch_predictor(hidden), model.energy_predictor(hidden)
        return hidden, pitch, energy, torch.round(scaled).long()

    def _vary(self, hidden: Tensor, pitch: Tensor, energy: Tensor) -> Tensor:
        model: Any = self.model
        varied: Tensor = hidden + model.energy_embed(energy) + model.pitch_embed(pitch)
        return varied


class ScaledConformerEncoder(ConformerEncoder):
    """The same with factors on F0 and energy, which need the statistics of the training data.

    The predictors give (ln F0 - mean) / std and (energy - mean) / std (ESPnet's recipe).
    """

    def __init__(self, model: nn.Module, pitch_std: float, energy_mean: float, energy_std: float):
        super().__init__(model)
        self._pitch_std, self._energy_mean, self._energy_std = pitch_std, energy_mean, energy_std

    def forward(  # type: ignore[override]
        self, token_ids: Tensor, speaking_rate: Tensor, pitch_scale: Tensor, energy_scale: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Return hidden float32 (batch, time, size) and durations int64 (batch, time)."""
        hidden, pitch, energy, durations = self._predict(token_ids, speaking_rate)
        pitch = pitch + torch.log(pitch_scale)[:, None, None] / self._pitch_std
        factor = energy_scale[:, None, None]
        energy = energy * factor + (factor - 1.0) * (self._energy_mean / self._energy_std)
        return self._vary(hidden, pitch, energy), durations


class ConformerDecoder(nn.Module):
    """Regulated frames to mel, through the post-net."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, frames: Tensor) -> Tensor:
        """Return float32 (batch, frames, bins)."""
        model: Any = self.model
        mel: Tensor = model.speech_decoder_postnet(run_conformer(model.decoder, frames))[1]
        return mel


class HifiGan(nn.Module):
    """Mel to waveform."""

    def __init__(self, vocoder: nn.Module):
        super().__init__()
        self.vocoder = vocoder

    def forward(self, mel: Tensor) -> Tensor:
        """Return float32 (batch, samples)."""
        waveform: Tensor = self.vocoder(mel)
        return waveform


class ConformerVoice(Voice):
    """`FastSpeech2ConformerModel`, with or without HiFi-GAN."""

    def __init__(self, model: Any, vocoder: Any | None, encoder: ConformerEncoder):
        self._model, self._vocoder = model, vocoder
        self.encoder, self.decoder = encoder, ConformerDecoder(model)
        self.vocoder = None if vocoder is None else HifiGan(vocoder)

    def speak(self, token_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Run the model as transformers does, unsplit."""
        answer = self._model(token_ids[None], return_dict=True)
        durations, speed = answer.duration_outputs[0], self._model.config.speaking_speed
        if speed != 1.0:  # transformers reports durations before it applies the speed
            durations = torch.round(durations.float() * speed).long()
        return answer.spectrogram[0], durations if durations.any() else torch.ones_like(durations)

    def vocode(self, mel: Tensor) -> Tensor | None:
        """Run the vocoder as transformers does, on a mel without batch."""
        if self._vocoder is None:
            return None
        waveform: Tensor = self._vocoder(mel[None])[0]
        return waveform


def run_conformer(encoder: Any, hidden: Tensor) -> Tensor:
    """Run `FastSpeech2ConformerEncoder` behind its embedding, for rows without padding."""
    positions = relative_positions(hidden.shape[1], hidden.shape[2])
    hidden = hidden * math.sqrt(hidden.shape[2])
    for layer in encoder.conformer_layers:
        hidden = layer(hidden, positions)[0]
    return hidden


def relative_positions(time: int, size: int) -> Tensor:
    """Return sines and cosines of the distances time - 1 … 1 - time, (1, 2 time - 1, size)."""
    rates = torch.exp(torch.arange(0, size, 2).float() * -(math.log(10000.0) / size))
    distances = (time - 1) - torch.arange(2 * time - 1).float()
    angles = distances[:, None] * rates
    return torch.stack((torch.sin(angles), torch.cos(angles)), dim=-1).flatten(1)[None]
