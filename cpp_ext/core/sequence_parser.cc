#include "core/sequence_parser.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "core/nucleotides.h"
#include "core/simd/letters.h"

namespace edgewright {
namespace {

// A longer first word is no name but a file of another kind; the limit keeps memory bounded.
constexpr std::size_t kMaxNameSize = 4096;

bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }

bool is_base(char byte) {
  return kNucleotideCodes[static_cast<unsigned char>(byte)] != kNoNucleotide;
}

char to_upper(char letter) { return static_cast<char>(letter & ~0x20); }

// Bytes of `data` in front of the first `byte`.
std::size_t size_before(char byte, const char* data, std::size_t size) {
  const void* const found = std::memchr(data, byte, size);
  return found == nullptr ? size : static_cast<std::size_t>(static_cast<const char*>(found) - data);
}

// Bytes of the line in front of its end, LF or CR.
std::size_t size_of_line(const char* data, std::size_t size) {
  return size_before('\r', data, size_before('\n', data, size));
}

}  // namespace

std::vector<SequencePiece> SequenceParser::feed(const char* data, std::size_t size) {
  make_room(size);
  std::size_t i = 0;
  while (i < size) {
    if (!carriage_return_) i += take_run(data + i, size - i);
    if (i < size) take(data[i++]);
  }
  flush_open_record();
  return std::exchange(pieces_, {});
}

std::vector<SequencePiece> SequenceParser::finish() {
  if (in_record_ && format_ == Format::kFastq && state_ != State::kQuality) {
    refuse("got the end of the file, expected four lines a record; the file is cut off");
  }
  if (state_ != State::kLineStart) end_line();
  if (in_record_) end_record();
  if (format_ == Format::kUnknown) {
    refuse("got no record, expected FASTA or FASTQ; check that the file was written completely");
  }
  return std::exchange(pieces_, {});
}

// Moves the bases that were not given out to the front, and makes room for `size` more.
void SequenceParser::make_room(std::size_t size) {
  const std::size_t kept = num_open_bases();
  if (kept != 0) std::memmove(bases_.data(), bases_.data() + open_begin_, kept);
  open_begin_ = 0;
  num_bases_ = kept;
  if (bases_.size() < kept + size) bases_.resize(kept + size);
}

// The fast path of `take`: takes bytes at the front of `data` that do not change the state, or
// whole lines of bases, and returns how many they were. `take` decides on the next one.
std::size_t SequenceParser::take_run(const char* data, std::size_t size) {
  std::size_t count = 0;
  switch (state_) {
    case State::kHeaderName:
      count = take_name_run(data, size);
      break;
    case State::kHeaderRest:
    case State::kPlus:
      count = size_of_line(data, size);
      break;
    case State::kQuality:
      count = take_quality_run(data, size);
      break;
    case State::kLineStart:
    case State::kSequence:
      if (format_ == Format::kFasta && in_record_) return take_fasta_lines(data, size);
      if (state_ == State::kSequence) count = take_bases(data, size);
      break;
    case State::kPlusStart:
      break;
  }
  column_ += count;
  return count;
}

// Takes whole letters of the first word, never more than the limit of a name.
std::size_t SequenceParser::take_name_run(const char* data, std::size_t size) {
  const char* const end = data + std::min(size, kMaxNameSize - name_.size());
  const auto stops = [](char byte) { return is_blank(byte) || byte == '\n' || byte == '\r'; };
  const char* const stop = std::find_if(data, end, stops);
  name_.append(data, stop);
  return static_cast<std::size_t>(stop - data);
}

std::size_t SequenceParser::take_quality_run(const char* data, std::size_t size) {
  const std::size_t count = size_of_line(data, size);
  if (!letter_loops().are_visible(data, count)) return 0;
  quality_size_ += count;
  return count;
}

std::size_t SequenceParser::take_fasta_lines(const char* data, std::size_t size) {
  std::size_t taken = 0;
  while (taken < size && is_base(data[taken])) {
    state_ = State::kSequence;
    const std::size_t count = take_bases(data + taken, size - taken);
    taken += count;
    column_ += count;
    if (taken == size || data[taken] != '\n') break;
    ++taken;
    ++line_;
    column_ = 0;
    state_ = State::kLineStart;
  }
  return taken;
}

// Appends the letters at the front of `data` that are bases and returns how many they were.
std::size_t SequenceParser::take_bases(const char* data, std::size_t size) {
  const LetterLoops& loops = letter_loops();
  char* const output = bases_.data() + num_bases_;
  std::size_t count = loops.copy_bases(data, size, output);
  while (count < size && is_base(data[count])) {
    output[count] = to_upper(data[count]);  // an ambiguity code
    ++count;
    count += loops.copy_bases(data + count, size - count, output + count);
  }
  num_bases_ += count;
  return count;
}

void SequenceParser::take(char byte) {
  ++column_;
  if (byte == '\n') {
    end_line();
    carriage_return_ = false;
    ++line_;
    column_ = 0;
    return;
  }
  if (carriage_return_) {
    refuse("got a carriage return inside a line, expected LF or CRLF line ends; convert the file");
  }
  if (byte == '\r') {
    carriage_return_ = true;
    return;
  }
  switch (state_) {
    case State::kLineStart:
      return start_line(byte);
    case State::kHeaderName:
      return take_name(byte);
    case State::kSequence:
      return take_base(byte);
    case State::kPlusStart:
      if (byte != '+') refuse("got a line without '+', expected the '+' line of FASTQ; repair it");
      state_ = State::kPlus;
      return;
    case State::kQuality:
      return take_quality(byte);
    case State::kHeaderRest:
    case State::kPlus:
      return;
  }
}

void SequenceParser::start_line(char byte) {
  const bool fasta = byte == '>' && format_ != Format::kFastq;
  const bool fastq = byte == '@' && format_ != Format::kFasta;
  if (fasta || fastq) return start_record(byte);
  if (in_record_) {
    state_ = State::kSequence;
    return take_base(byte);
  }
  const char* expected = format_ == Format::kFastq ? "'@' (FASTQ)" : "'>' (FASTA) or '@' (FASTQ)";
  refuse(std::string("got a line without a header, expected one that starts with ") + expected +
         "; add a header line");
}

void SequenceParser::start_record(char marker) {
  if (in_record_) end_record();
  format_ = marker == '>' ? Format::kFasta : Format::kFastq;
  in_record_ = true;
  name_.clear();
  start_ = 0;
  quality_size_ = 0;
  state_ = State::kHeaderName;
}

void SequenceParser::take_name(char byte) {
  if (is_blank(byte) && !name_.empty()) {
    state_ = State::kHeaderRest;
  } else if (!is_blank(byte)) {
    name_ += byte;
  }
  if (name_.size() > kMaxNameSize) {
    name_.resize(16);
    refuse("got a name of more than 4096 letters, expected a short first word; shorten it");
  }
}

void SequenceParser::take_base(char byte) {
  if (is_blank(byte)) return;
  if (!is_base(byte)) refuse_letter(where(), byte);
  bases_[num_bases_++] = to_upper(byte);
}

void SequenceParser::take_quality(char byte) {
  if (byte < '!' || byte > '~') {
    refuse("got a quality value outside '!' to '~', expected Phred values; the record is damaged");
  }
  ++quality_size_;
}

void SequenceParser::end_line() {
  switch (state_) {
    case State::kLineStart:
      return;
    case State::kHeaderName:
    case State::kHeaderRest:
      return end_header();
    case State::kSequence:
      return end_sequence_line();
    case State::kPlusStart:
      refuse("got a blank line, expected the '+' line of FASTQ; repair it");
    case State::kPlus:
      state_ = State::kQuality;
      return;
    case State::kQuality:
      return end_quality();
  }
}

void SequenceParser::end_header() {
  if (name_.empty()) {
    refuse("got a header without a name, expected a word after '>' or '@'; name the record");
  }
  state_ = format_ == Format::kFasta ? State::kLineStart : State::kSequence;
}

void SequenceParser::end_sequence_line() {
  if (format_ == Format::kFasta) {
    state_ = State::kLineStart;
    return;
  }
  if (start_ + num_open_bases() == 0) {
    refuse("got no bases, expected at least one; remove the record or complete it");
  }
  state_ = State::kPlusStart;
}

void SequenceParser::end_quality() {
  const std::uint64_t num_bases = start_ + num_open_bases();
  if (quality_size_ != num_bases) {
    refuse("got " + std::to_string(quality_size_) + " quality values for " +
           std::to_string(num_bases) + " bases, expected one a base; the record is damaged");
  }
  end_record();
  state_ = State::kLineStart;
}

void SequenceParser::end_record() {
  if (num_open_bases() == 0) {
    refuse("got no bases, expected at least one; remove the record or complete it");
  }
  pieces_.push_back({name_, start_, open_bases(), true});
  open_begin_ = num_bases_;
  in_record_ = false;
}

// Gives out all but one base of the open record: the last one waits until it is known whether the
// record ends with it, so that no piece is ever empty.
void SequenceParser::flush_open_record() {
  if (num_open_bases() < 2) return;
  std::string_view bases = open_bases();
  bases.remove_suffix(1);
  pieces_.push_back({name_, start_, bases, false});
  open_begin_ += bases.size();
  start_ += bases.size();
}

std::string SequenceParser::where() const {
  std::string text = name_.empty() || !in_record_ ? "" : "record '" + name_ + "', ";
  text += "line " + std::to_string(line_);
  if (column_ > 0) text += ", column " + std::to_string(column_);
  return text;
}

void SequenceParser::refuse(const std::string& got_expected_advice) const {
  throw std::invalid_argument(where() + ": " + got_expected_advice);
}

}  // namespace edgewright
