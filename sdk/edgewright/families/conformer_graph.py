"""The graph of a recognizer: waveform in, logits out, whole or as a stream."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from edgewright.audio import Waveform
from edgewright.backends.base import Runner
from edgewright.errors import BundleError
from edgewright.families.base import check_input
from edgewright.families.conformer_config import ConformerCTCConfig
from edgewright.features import LogMel
from edgewright.specs import Array

Logits = NDArray[np.float32]
"""float32 (frames, vocabulary)."""
_VARIANCE_EPSILON = 1e-7  # Wav2Vec2FeatureExtractor.zero_mean_unit_var_norm
_MASK, _LOGITS = "attention_mask", "logits"


class ConformerGraph:
    """The one component of a recognizer and what stands in front of it; for any number of callers.

    Raises:
        BundleError: The graph and the configuration do not fit together.
    """

    def __init__(self, config: ConformerCTCConfig, runners: Mapping[str, Runner]) -> None:
        self.config = config
        self.input = "waveform" if config.features is None else "features"
        self._check(runners)
        self.runner = runners["model"]
        self.log_mel = None if config.features is None else LogMel(config.features)
        if config.features is not None:
            bins = config.features.num_mel_bins
            check_input(self.runner, "features", (None, None, bins), "features")
        specs = {spec.name: spec for spec in (*self.runner.inputs, *self.runner.outputs)}
        self._masked = _MASK in specs
        self.num_tokens = int(specs[_LOGITS].shape[-1])
        self._first_states = {pair.input: specs[pair.input].zeros() for pair in self.runner.states}

    @property
    def keeps_states(self) -> bool:
        """Whether the graph can be given audio in chunks."""
        return bool(self._first_states)

    def features(self, waveform: Waveform) -> NDArray[np.float32]:
        """Return what the graph takes, without the batch: (frames, bins) or (samples,)."""
        if self.config.normalize_waveform and waveform.size:
            deviation = np.sqrt(np.var(waveform) + _VARIANCE_EPSILON)
            waveform = ((waveform - waveform.mean()) / deviation).astype(np.float32)
        if self.log_mel is None:
            return waveform
        if waveform.size < self.log_mel.min_samples:
            return np.zeros((0, self.log_mel.config.num_mel_bins), np.float32)
        return self.log_mel(waveform)

    def run(self, features: NDArray[np.float32]) -> Logits:
        """Return the logits of a whole input, and of the silence behind it; none for too short."""
        steps = len(features)
        if self.num_frames(steps) < 1:
            return self.no_logits()
        widths = ((0, self.padding(steps)),) + ((0, 0),) * (features.ndim - 1)
        padded = np.pad(features, widths, constant_values=self.config.pad_value)
        arrays: dict[str, Array] = {self.input: padded[None], **self._first_states}
        if self._masked:
            arrays[_MASK] = (np.arange(len(padded)) < steps).astype(np.int64)[None]
        logits = self.runner.run(arrays)[_LOGITS][0, : self.num_frames(len(padded))]
        return np.ascontiguousarray(logits, np.float32)

    def no_logits(self) -> Logits:
        """Return those of no frames."""
        return np.zeros((0, self.num_tokens), np.float32)

    def padding(self, steps: int) -> int:
        """Return the steps of silence behind `steps` of an input: the flush, and whole chunks."""
        flush, chunk = self.config.flush_frames, self.config.chunk_frames
        return flush + -(steps + flush) % chunk

    def num_frames(self, steps: int) -> int:
        """Return the rows of logits of `steps` of an input."""
        for kernel, stride, padding in self.config.subsampling:
            steps = max(0, (steps + 2 * padding - kernel) // stride + 1)
        return steps

    def _check(self, runners: Mapping[str, Runner]) -> None:
        states = {pair.input for one in runners.values() for pair in one.states}
        following = {pair.output for one in runners.values() for pair in one.states}
        names = {spec.name for one in runners.values() for spec in one.inputs} - states
        outputs = {spec.name for one in runners.values() for spec in one.outputs} - following
        fits = names - {_MASK} == {self.input} and outputs == {_LOGITS}
        if set(runners) != {"model"} or not fits:
            raise BundleError(
                f"manifest: got components {sorted(runners)} with inputs {sorted(names)} and "
                f"outputs {sorted(outputs)} beside states, expected 'model' from '{self.input}' "
                "(and 'attention_mask') to 'logits'; export the bundle again"
            )
        config = self.config
        whole = config.normalize_waveform or (
            config.features is not None and config.features.normalization != "none"
        )
        if states and (config.features is None or _MASK in names or whole):
            raise BundleError(
                f"manifest: got a graph with states that takes {sorted(names)}, normalized over "
                f"whole audio: {whole}, expected one that takes features as they are, and no mask; "
                "export the bundle again"
            )
