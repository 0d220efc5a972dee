"""What a benchmark found, as it is printed, stored and drawn. docs/benchmarking.md explains it."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

FORMAT = "edgewright-bench"
FORMAT_VERSION = 1


class Sample(NamedTuple):
    """One query, of a stream one word. Times are seconds, those of day from the run's beginning."""

    input: str
    """What was asked about."""
    due: float
    """When it was to begin; when the word ended."""
    begun: float
    """When it began; when the piece was given that the word was told with."""
    latency: float
    """From when it was due to the answer; to the first event that has the word as it stayed."""
    pre: float
    """Preparing the inputs."""
    run: float
    """Running the graphs."""
    post: float
    """Turning outputs into the answer."""
    audio: float | None = None
    """Length of the audio that was heard or spoken."""
    waited: float | None = None
    """Of a streamed word: from its end to that of the piece which was needed to tell it."""
    first: float | None = None
    """Of the first word of a streamed utterance: from its beginning to the first event."""

    @property
    def lateness(self) -> float:
        """How long after it was due it began."""
        return self.begun - self.due


@dataclass(frozen=True)
class Host:
    """The machine."""

    machine: str
    """Name of the processor."""
    architecture: str
    cores: int
    """Physical cores that the process may use."""
    instruction_set: str
    """Of the kernels of pre- and post-processing."""
    system: str
    """Kernel and its version."""


@dataclass(frozen=True)
class Build:
    """The software."""

    edgewright: str
    numpy: str
    python: str
    backend: str
    """Library that runs the graphs, with its version."""


@dataclass(frozen=True)
class Subject:
    """What was measured."""

    bundle: str
    """Name and version."""
    bundle_digest: str
    """SHA-256 (hex) of its manifest."""
    variant: str
    precision: str
    provider: str
    threads: int
    """Of one inference."""
    model_bytes: int
    """Size of the variant's graphs."""


@dataclass(frozen=True)
class Settings:
    """How it was measured."""

    scenario: str
    tier: str
    inputs: tuple[str, ...]
    inputs_sha256: str
    """Hash of the inputs' bytes and names."""
    seed: int
    """Of the order of the inputs and of the arrivals."""
    workers: int
    """Callers at the same time."""
    burst: int
    """Inputs of a query: more than one in multi-stream only."""
    rate: float | None
    """Queries a second that arrive (server) or are due (control)."""
    bound: float | None
    """Seconds within which an answer is in time."""


@dataclass(frozen=True)
class ColdStart:
    """Before the steady state, in the process that measured; files may be in memory already."""

    load: float
    """Seconds from the bundle's path to a model."""
    first: float
    """Seconds of the first answer."""


@dataclass(frozen=True)
class Percentile:
    """A quantile of the latency, if there were enough queries for it."""

    name: str
    """`p50`, `p90`, …"""
    seconds: float | None
    """None where more queries are needed."""
    missing: int
    """Queries that are still needed."""


@dataclass(frozen=True)
class Usage:
    """What the steady state took of the machine."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds that all threads of the process computed."""
    preemptions: int
    """Times that another process was given the core."""
    peak_bytes: int
    """Most memory that the process held at once, since it began."""
    steady_bytes: int | None
    """Memory that it held at the end; none where the system does not tell."""
    joules: float | None
    """Of the processor's package, all processes together: an estimate; none without a counter."""

    @property
    def cpu_per_wall(self) -> float:
        """Cores that were busy on average."""
        return self.cpu / self.wall


@dataclass(frozen=True)
class Parts:
    """Medians of the parts of a query, seconds."""

    pre: float
    run: float
    post: float
    rest: float
    """What is in none of them: waiting, and the calls themselves."""
    audio: float | None = None
    """Waiting for the audio that a word is told with; streaming only."""


@dataclass(frozen=True)
class Pace:
    """How streams kept up with speech; streaming only. Over all streams of the run."""

    piece: float
    """Seconds of audio that a stream was given at a time."""
    calls: int
    """Pieces that were given, and ends that were told."""
    late: int
    """Calls that were answered after the next piece was due."""
    streams: int
    """Recordings that were heard to their end."""
    audio: float
    """Seconds of audio that were given."""
    computing: float
    """Seconds that the calls took."""

    @property
    def in_time(self) -> float:
        """Share of the calls that were answered before the next piece was due."""
        return 1 - self.late / self.calls


@dataclass(frozen=True)
class Warned:
    """Advice on how far the figures carry."""

    kind: Literal["tail", "starved", "busy machine", "overload", "short"]
    text: str


@dataclass(frozen=True)
class BenchResult:
    """Everything but the samples, which are stored as JSON Lines beside it."""

    format: str
    format_version: int
    host: Host
    build: Build
    subject: Subject
    settings: Settings
    cold: ColdStart
    queries: int
    throughput: float
    """Inputs that were answered a second."""
    arrivals: float | None
    """Queries a second that were due, as they came; server and control only."""
    percentiles: tuple[Percentile, ...]
    mean: float
    """Of the latency, as `least` and `most`: seconds."""
    least: float
    most: float
    parts: Parts
    usage: Usage
    real_time_factor: float | None
    """Computing (pre, run and post) over length of audio, the median; of streams all calls over all
    audio; none without audio."""
    in_time: float | None
    """Share of the queries within the bound; none without one."""
    jitter: float | None
    """Standard deviation of when queries began after they were due, seconds; control only."""
    multi_threaded: bool | None
    """Whether the run tells anything of several threads: false for one, and where they starved;
    none where queries or audio come at a rate, so that cores are idle by design."""
    interrupted: bool
    """Whether it was ended before its tier was."""
    warnings: tuple[Warned, ...]
    pace: Pace | None = None
    first_output: tuple[Percentile, ...] | None = None
    """Of the time from the beginning of an utterance's first word to the first event that follows,
    which may be wrong; streaming only."""

    @property
    def quantity(self) -> str:
        """What `percentiles` are of, in words."""
        return "latency" if self.pace is None else "emission delay"

    @property
    def unit(self) -> str:
        """What `queries` counts, in words."""
        return "queries" if self.pace is None else "words"
