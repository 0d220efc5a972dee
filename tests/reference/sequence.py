"""Sequences as whole strings."""

COMPLEMENTS = dict(zip("ACGTRYSWKMBDHVN", "TGCAYRSWMKVHDBN", strict=True))


def reverse_complement(sequence):
    return "".join(COMPLEMENTS[letter] for letter in reversed(sequence))


def kmer_ids(sequence, k, vocabulary):
    """Look up every k-mer in the list `vocabulary`."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    kmers = [sequence[i : i + k].upper() for i in range(len(sequence) - k + 1)]
    return [ids.get(kmer, ids["[UNK]"]) for kmer in kmers]


def fasta(text):
    """Return (name, sequence) of the records of FASTA without faults."""
    records = []
    for block in text.replace("\r\n", "\n").split(">")[1:]:
        header, *lines = block.split("\n")
        records.append((header.split()[0], "".join("".join(lines).split()).upper()))
    return records


def windows(size, window, stride):
    """Return (start, end) of the windows of a sequence of `size` bases."""
    if size <= window:
        return [(0, size)]
    spans = [(start, start + window) for start in range(0, size - window + 1, stride)]
    return spans if spans[-1][1] == size else [*spans, (size - window, size)]
