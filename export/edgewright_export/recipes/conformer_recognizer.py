"""What the recipe of Conformer-CTC needs of a checkpoint, whatever its layout."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgewright.bundle.manifest import SizeRange
from edgewright.bundle.rules import STATE
from edgewright.features import LogMelConfig
from edgewright.specs import Array
from edgewright.transcript import Boundary
from edgewright_export.onnx_graph import TracedComponent
from edgewright_export.sizes import BATCH, lengths
from edgewright_export.subject import Sample


@dataclass(frozen=True)
class TokenTable:
    """The tokens of a recognizer, and how they make words."""

    tokens: tuple[str, ...]
    """By id."""
    boundary: Boundary
    """See `edgewright.transcript.Boundary`."""
    blank_id: int
    """The CTC blank."""
    special_ids: tuple[int, ...]
    """Tokens that are never text, the blank among them."""

    def encode(self) -> bytes:
        """Return the vocabulary file of a bundle: one token a line."""
        return ("\n".join(self.tokens) + "\n").encode()


@dataclass(frozen=True)
class FrontEnd:
    """What lies between the waveform and the logits: fields of `ConformerCTCConfig`."""

    sample_rate: int
    """Hz."""
    features: LogMelConfig | None
    """None where the graph takes the waveform."""
    subsampling: tuple[tuple[int, int, int], ...]
    """(kernel, stride, padding) of each layer that shortens time."""
    masked: bool
    """Whether the graph takes an attention mask."""
    normalize_waveform: bool = False
    """Zero mean and unit variance."""
    chunk_frames: int = 1
    """Steps of the graph's input that its length is a multiple of."""
    flush_frames: int = 0
    """Steps of silence behind the last real one, before those to a whole chunk."""
    pad_value: float = 0.0
    """What stands behind the last real step."""

    @property
    def steps_per_second(self) -> float:
        """Rate of the graph's input, Hz."""
        return self.sample_rate / (1 if self.features is None else self.features.hop_length)

    @property
    def frame_seconds(self) -> float:
        """Seconds from one row of logits to the next."""
        return math.prod(stride for _, stride, _ in self.subsampling) / self.steps_per_second

    def length_ranges(self) -> tuple[SizeRange, ...]:
        """Return the lengths that engines are built for: one chunk, and up to 30 s of audio."""
        whole = self.chunk_frames == 1
        least = (self._steps(0.25),) if whole else (self.chunk_frames, self.chunk_frames)
        flush = self.flush_frames / self.steps_per_second
        longer = (self._steps(seconds + flush) for seconds in (2, 8, 30))
        return lengths(*least, *longer, step=self.chunk_frames)

    def _steps(self, seconds: float) -> int:
        """Return the steps of `seconds` or a little more, in whole chunks."""
        return math.ceil(seconds * self.steps_per_second / self.chunk_frames) * self.chunk_frames

    def example(self, batch: int, seconds: float) -> dict[str, Tensor]:
        """Return random inputs of the graph, the last row of several padded by a third."""
        generator = torch.Generator().manual_seed(batch)
        steps = self._steps(seconds)
        name, tail = "waveform", []
        if self.features is not None:
            name, tail = "features", [self.features.num_mel_bins]
        inputs = {name: torch.randn([batch, steps, *tail], generator=generator)}
        if self.masked:
            mask = torch.ones((batch, steps), dtype=torch.int64)
            if batch > 1:
                mask[-1, steps - steps // 3 :] = 0
            inputs["attention_mask"] = mask
        return inputs


@dataclass(frozen=True)
class Recognizer:
    """A checkpoint in one of the layouts."""

    graph: nn.Module
    """Features or waveform, and the mask and states where there are such, to logits (batch, frames,
    tokens) and the next states."""
    front: FrontEnd
    table: TokenTable
    answer: Callable[[Tensor], Tensor]
    """PyTorch behind the pre-processing of the original library: float32 (samples,) to logits
    float32 (frames, tokens), without those of masked padding."""
    sensitive: tuple[str, ...] = ()
    """Patterns of the nodes that int8 leaves in fp32, as `QuantizationPlan.keep`."""
    states: Callable[[int], dict[str, Tensor]] | None = None
    """The states of a batch before its first chunk; None where the graph takes whole audio."""

    def component(self) -> TracedComponent:
        """Return the graph with inputs of uneven lengths, so that it learns no divisor of one."""
        inputs = self._inputs(2, 2.4)
        next_states = tuple(f"next_{name}" for name in inputs if STATE.fullmatch(name))
        axes = {name: {0: "batch"} for name in inputs if STATE.fullmatch(name)}
        return TracedComponent(
            module=self.graph,
            inputs=inputs,
            outputs=("logits", *next_states),
            dynamic={name: axes.get(name, {0: "batch", 1: "time"}) for name in inputs},
            ranges={"batch": BATCH, "time": self.front.length_ranges()},
            probes=(self._inputs(1, 0.2031), self._inputs(2, 1.0459), self._inputs(3, 2.9077)),
        )

    def _inputs(self, batch: int, seconds: float) -> dict[str, Tensor]:
        """Return random inputs; of the states of row n, 20 n frames are valid."""
        inputs = self.front.example(batch, seconds)
        generator = torch.Generator().manual_seed(batch)
        for name, state in ({} if self.states is None else self.states(batch)).items():
            if state.is_floating_point():
                inputs[name] = torch.randn(state.shape, generator=generator)
            else:
                inputs[name] = 20 * torch.arange(batch)
        return inputs


class RecognizerReference:
    """PyTorch on raw samples."""

    def __init__(self, recognizer: Recognizer):
        self._answer = recognizer.answer
        streams = recognizer.states is not None
        self._outputs = ("logits", "stream_logits") if streams else ("logits",)

    def infer(self, sample: Sample) -> dict[str, Array]:
        """Return the logits of the whole `waveform` float32 (samples,), also for a stream."""
        with torch.inference_mode():
            logits = self._answer(torch.from_numpy(sample["waveform"])).numpy()
        return dict.fromkeys(self._outputs, logits)
