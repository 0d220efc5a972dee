"""Voice activity of a whole waveform, one sample and one frame after the other.

The arithmetic is that of Python's floats in the order of the definition, so that decisions can be
compared exactly.
"""

import math


def high_pass(waveform, frequency, sample_rate):
    """Return a Butterworth high-pass of order 4: two sections, one behind the other."""
    t = math.tan(math.pi * frequency / sample_rate)
    samples = [float(sample) for sample in waveform]
    for damping in (0.7653668647301796, 1.8477590650225735):  # 2 cos(3 pi / 8), 2 cos(pi / 8)
        gain = 1 / (1 + damping * t + t * t)
        a1 = 2 * (t * t - 1) * gain
        a2 = (1 - damping * t + t * t) * gain
        x1 = x2 = y1 = y2 = 0.0
        for index, x in enumerate(samples):
            y = gain * (x - 2 * x1 + x2) - a2 * y2 - a1 * y1
            x1, x2, y1, y2 = x, x1, y, y1
            samples[index] = y
    return samples


def levels(waveform, sample_rate, high_pass_frequency):
    """Return the level of every whole frame of 10 ms, dB."""
    size = round(sample_rate / 100)
    filtered = high_pass(waveform, high_pass_frequency, sample_rate)
    found = []
    for start in range(0, len(filtered) - size + 1, size):
        energy = 0.0
        for y in filtered[start : start + size]:
            energy += y * y
        found.append(10 * math.log10(energy / size + 1e-10))
    return found


def floors(frame_levels, noise_frames):
    """Return the least of the last smoothed levels, with silence before the first."""
    smoothed, found = [-100.0] * noise_frames, []
    for level in frame_levels:
        smoothed.append(smoothed[-1] + 0.3 * (level - smoothed[-1]))
        found.append(min(smoothed[-noise_frames:]))
    return found


def voice_activity(waveform, sample_rate, config):
    """Return whether each whole frame is speech."""
    frame_seconds = round(sample_rate / 100) / sample_rate
    attack = max(1, round(config.attack / frame_seconds))
    hangover = round(config.hangover / frame_seconds)
    frame_levels = levels(waveform, sample_rate, config.high_pass_frequency)
    frame_floors = floors(frame_levels, round(config.noise_window / frame_seconds))
    answers, loud_run, quiet_run = [], 0, 0
    for level, floor in zip(frame_levels, frame_floors, strict=True):
        was_speech = bool(answers) and answers[-1]
        margin = config.silence_margin_db if was_speech else config.speech_margin_db
        loud = level >= max(config.least_level_db, floor + margin)
        loud_run, quiet_run = (loud_run + 1, 0) if loud else (0, quiet_run + 1)
        answers.append(quiet_run <= hangover if was_speech else loud_run >= attack)
    return answers
