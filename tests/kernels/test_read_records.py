import gzip
import os
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor, wait

import numpy as np
import pytest
from Bio import SeqIO
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewright.errors import InputError, InputNotFoundError, UsageError
from edgewright.sequence import SequenceChunk, read_records
from reference import sequence as reference

FASTA = ">chr1 the first\nACGT\nnnry\n\n>chr2\tsecond\nT T\n>x\nACGTAC\nA\n"
FASTQ = "@r1 x\nACGT\n+\nII~!\n@r2\nG\n+r2\n@\n\n@r3\nTTN\n+\n>>>\n"


def write(tmp_path, data):
    path = tmp_path / "sequences"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def records(path, chunk_size=1 << 20):
    """Join the chunks of every record, checking that they fit together."""
    joined = []
    open_record = False
    for chunk in read_records(path, chunk_size):
        assert chunk.sequence
        if not open_record:
            joined.append((chunk.name, ""))
        name, sequence = joined[-1]
        assert (name, len(sequence)) == (chunk.name, chunk.start)
        joined[-1] = (name, sequence + chunk.sequence.decode())
        open_record = not chunk.last
    assert not open_record
    return joined


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_fasta_in_chunks_of_any_size(tmp_path, chunk_size, line_end, end):
    text = (FASTA.removesuffix("\n") + end).replace("\n", line_end)
    path = write(tmp_path, text)
    expected = [("chr1", "ACGTNNRY"), ("chr2", "TT"), ("x", "ACGTACA")]
    assert records(path, chunk_size) == expected == reference.fasta(text)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7, 1 << 20])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("end", ["\n", ""])
def test_fastq_in_chunks_of_any_size(tmp_path, chunk_size, line_end, end):
    path = write(tmp_path, (FASTQ.removesuffix("\n") + end).replace("\n", line_end))
    assert records(path, chunk_size) == [("r1", "ACGT"), ("r2", "G"), ("r3", "TTN")]


@pytest.mark.parametrize("text", [FASTA.replace("T T", "TT"), FASTQ.replace("@\n\n", "@\n")])
def test_records_equal_those_of_biopython(tmp_path, text):
    path = write(tmp_path, text)
    kind = "fasta" if text[0] == ">" else "fastq"
    with path.open() as file:
        expected = [(record.id, str(record.seq).upper()) for record in SeqIO.parse(file, kind)]
    assert records(path) == expected


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.text("ACGTNacgtn", min_size=1, max_size=50), min_size=1, max_size=5),
    st.integers(1, 20),
    st.integers(1, 30),
)
def test_wrapped_fasta_comes_back(tmp_path_factory, sequences, width, chunk_size):
    lines = []
    for i, sequence in enumerate(sequences):
        wrapped = [sequence[j : j + width] for j in range(0, len(sequence), width)]
        lines += [f">record{i}", *wrapped]
    path = write(tmp_path_factory.mktemp("fasta"), "\n".join(lines))
    expected = [(f"record{i}", sequence.upper()) for i, sequence in enumerate(sequences)]
    assert records(path, chunk_size) == expected


@settings(deadline=None, max_examples=200)
@given(st.text(">@+ACGTnIE \t\n\r", max_size=40), st.sampled_from(["", ">a\n", "@a\nA\n+\n"]))
def test_any_text_gives_the_same_in_chunks_of_any_size(tmp_path_factory, text, start):
    path = write(tmp_path_factory.mktemp("any"), start + text)

    def outcome(chunk_size):
        try:
            return records(path, chunk_size)
        except InputError as error:
            return str(error)

    assert outcome(1) == outcome(7) == outcome(1 << 20)


@pytest.fixture(params=["isal", "gzip"])
def unpacker(request, monkeypatch):
    """What unpacks gzip with and without the extra `dna`."""
    if request.param == "isal":
        pytest.importorskip("isal", reason="the extra `dna` is not installed")
    else:
        monkeypatch.setattr("edgewright.sequence.igzip", gzip)
        monkeypatch.setattr("edgewright.sequence.isal_zlib", zlib)


@pytest.mark.usefixtures("unpacker")
@pytest.mark.parametrize("chunk_size", [1, 5, 1 << 20])
def test_gzip_of_several_members(tmp_path, chunk_size):
    data = gzip.compress(FASTA[:20].encode()) + gzip.compress(FASTA[20:].encode())
    assert records(write(tmp_path, data), chunk_size) == reference.fasta(FASTA)


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_pipe(tmp_path, pack):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(pack(FASTA.encode()),))
    writer.start()
    seen = []
    assert len(list(read_records(pipe, progress=seen.append))) == 4  # the last one in two runs
    writer.join()
    assert seen == [0]  # a pipe has no position


@pytest.mark.usefixtures("unpacker")
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_progress_ends_with_the_size_of_the_file(tmp_path, pack):
    path = write(tmp_path, pack(b">x\n" + b"ACGT" * 500_000))
    seen = []
    list(read_records(path, 100_000, progress=seen.append))
    assert len(seen) == 21
    assert seen == sorted(seen)
    assert seen[-1] == path.stat().st_size


@pytest.mark.parametrize("chunk_size", [1, 1 << 20])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (">p1\nACGT\nMKVL\n", "record 'p1', line 3, column 4: got 'L', .* not amino acids"),
        (">p1\nMEV\n", "record 'p1', line 2, column 2: got 'E', .* not amino acids"),
        (">r\nACGU\n", "record 'r', line 2, column 4: got 'U', .* write T for U"),
        (">a\nAC-T\n", "record 'a', line 2, column 3: got '-', .* remove the gaps"),
        ("ACGT\n", "line 1, column 1: got a line without a header"),
        ("\n\nACGT\n", "line 3, column 1: got a line without a header"),
        ("", "line 1: got no record, expected FASTA or FASTQ"),
        ("\n\r\n\n", "got no record"),
        (">a\n>b\nA\n", "record 'a', line 2, column 1: got no bases"),
        (">a\nACGT\n>b\n", "record 'b', line 4: got no bases"),
        (">a\nACGT\n>b", "record 'b', line 3, column 2: got no bases"),
        (">\nACGT\n", "line 1.*: got a header without a name"),
        (">  \nACGT\n", "got a header without a name"),
        (">a\nAC\rGT\n", "record 'a', line 2, column 4: got a carriage return inside a line"),
        (">" + "x" * 5000 + "\nA\n", "got a name of more than 4096 letters"),
        ("@r\nACGT\n+\nIII\n", "record 'r', line 4.*: got 3 quality values for 4 bases"),
        ("@r\nACGT\n+\nIIIII\n", "got 5 quality values for 4 bases"),
        ("@r\nACGT\n+\nII I\n", "line 4, column 3: got a quality value outside"),
        ("@r\nACGT\nACGT\n+\nIIII\n", r"line 3, column 1: got a line without '\+'"),
        ("@r\nACGT\n\n+\nIIII\n", "line 3, column 1: got a blank line"),
        ("@r\n\n+\n\n", "record 'r', line 2, column 1: got no bases"),
        ("@r\nACGT\n+\n", "record 'r', line 4: got 0 quality values for 4 bases"),
        ("@r\nACGT\n+", "got the end of the file, expected four lines a record"),
        ("@r\nACGT\n", "got the end of the file"),
        ("@r", "got the end of the file"),
        ("@r\nA\n+\nI\n>x\nA\n", r"line 5, column 1: .* starts with '@' \(FASTQ\)"),
        ("\x89PNG", "got a line without a header"),
    ],
)
def test_faults_are_refused_with_their_place(tmp_path, text, message, chunk_size):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=f"sequences', .*({message})"):
        list(read_records(path, chunk_size))


def test_records_before_a_fault_are_given(tmp_path):
    reader = read_records(write(tmp_path, ">a\nACGT\n>b\nACGTE\n"), 10)
    assert next(reader).name == "a"
    with pytest.raises(InputError, match="record 'b', line 4, column 5"):
        list(reader)


@pytest.mark.usefixtures("unpacker")
@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: data[:20] + b"\0" * 9])
def test_damaged_gzip_is_refused(tmp_path, damage):
    path = write(tmp_path, damage(gzip.compress(FASTA.encode())))
    with pytest.raises(InputError, match=r"damaged data .* copy it again"):
        list(read_records(path))


def test_paths_and_options_are_checked(tmp_path):
    with pytest.raises(InputNotFoundError, match="does not exist, expected FASTA or FASTQ"):
        next(read_records(tmp_path / "none.fa"))
    with pytest.raises(InputError, match="Is a directory, expected a readable file"):
        next(read_records(tmp_path))
    with pytest.raises(UsageError, match="chunk_size: got 0"):
        next(read_records(write(tmp_path, FASTA), 0))


@pytest.mark.parametrize("size", [1, 15, 31, 32, 33, 64, 70, 4095, 4096, 4097, 9000])
@pytest.mark.parametrize("letters", ["ACGT", "acgtN", "ACGTACGTACGTACGTR"])
def test_lines_of_any_length(tmp_path, size, letters):
    """Lines are copied in vectors, and looked at letter by letter where a code is ambiguous."""
    rng = np.random.default_rng(size)
    sequences = ["".join(rng.choice(list(letters), size)) for _ in range(3)]
    expected = [(f"r{i}", sequence.upper()) for i, sequence in enumerate(sequences)]
    lines = [f">r{i}\r\n{sequence}" for i, sequence in enumerate(sequences)]
    assert records(write(tmp_path, "\r\n".join(lines))) == expected
    quality = "I~!" * size
    lines = [f"@r{i}\n{text}\n+\n{quality[:size]}" for i, text in enumerate(sequences)]
    assert records(write(tmp_path, "\n".join(lines))) == expected
    for place in {0, size // 2, size - 1}:
        bad = sequences[0][:place] + "E" + sequences[0][place + 1 :]
        with pytest.raises(InputError, match=f"line 2, column {place + 1}: got 'E'"):
            list(read_records(write(tmp_path, f">r\n{bad}\n")))
        bad_quality = quality[:place] + " " + quality[place + 1 : size]
        with pytest.raises(InputError, match=f"line 4, column {place + 1}: got a quality value"):
            list(read_records(write(tmp_path, f"@r\n{sequences[0]}\n+\n{bad_quality}\n")))


def test_names_of_any_bytes_are_readable(tmp_path):
    path = write(tmp_path, b">\xffx\xc3\xa9 y\nA\n")
    assert next(read_records(path)).name == "\\xffxé"


def test_records_of_a_pipe_come_while_it_is_open(tmp_path):
    pipe = tmp_path / "pipe.fa"
    os.mkfifo(pipe)
    records = read_records(pipe)
    with ThreadPoolExecutor(1) as reader:
        first = reader.submit(next, records)
        with pipe.open("wb", buffering=0) as file:
            file.write(b">a\nACGT\n>b\nA")
            early = wait([first], timeout=30).done
    assert early == {first}
    assert first.result() == SequenceChunk("a", 0, b"ACGT", last=True)


@pytest.mark.parametrize("byte", [byte for byte in range(256) if chr(byte) not in "\t\n\r >"])
def test_every_byte_inside_a_line_is_a_base_or_refused(tmp_path, byte):
    line = b"ACGTN" * 8 + bytes([byte]) + b"ACGTN" * 8
    path = write(tmp_path, b">x\n" + line + b"\n")
    if chr(byte) in "ACGTNRYSWKMBDHVacgtnryswkmbdhv":
        assert b"".join(chunk.sequence for chunk in read_records(path)) == line.upper()
    else:
        with pytest.raises(InputError, match="line 2, column 41"):
            list(read_records(path))


def test_names_and_errors_give_no_control_characters_to_terminals(tmp_path):
    path = write(tmp_path, ">a\x1b[31mb\u202e first\nAC\n>c\x07\nA1\n")
    reader = read_records(path, 20)
    assert next(reader).name == "a\\x1b[31mb\\u202e"
    with pytest.raises(InputError, match=r"record 'c\\x07'") as raised:
        list(reader)
    assert str(raised.value).isprintable()
