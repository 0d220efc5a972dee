#include "core/sequence_parser.h"

#include <stdexcept>
#include <utility>

#include "core/nucleotides.h"

namespace edgewright {
namespace {

// A longer first word is no name but a file of another kind; the limit keeps memory bounded.
constexpr std::size_t kMaxNameSize = 4096;

bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }

char to_upper(char letter) { return static_cast<char>(letter & ~0x20); }

}  // namespace

std::vector<SequencePiece> SequenceParser::feed(const char* data, std::size_t size) {
  std::size_t i = 0;
  while (i < size) {
    if (state_ == State::kSequence && !carriage_return_) i += take_bases(data + i, size - i);
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

// Takes the letters at the front of `data` and returns how many they were: the fast path of `take`.
std::size_t SequenceParser::take_bases(const char* data, std::size_t size) {
  std::size_t count = 0;
  while (count < size &&
         kNucleotideCodes[static_cast<unsigned char>(data[count])] != kNoNucleotide) {
    ++count;
  }
  const std::size_t old_size = sequence_.size();
  sequence_.resize(old_size + count);
  for (std::size_t i = 0; i < count; ++i) sequence_[old_size + i] = to_upper(data[i]);
  column_ += count;
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
  if (kNucleotideCodes[static_cast<unsigned char>(byte)] == kNoNucleotide) {
    refuse_letter(where(), byte);
  }
  sequence_ += to_upper(byte);
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
  if (start_ + sequence_.size() == 0) {
    refuse("got no bases, expected at least one; remove the record or complete it");
  }
  state_ = State::kPlusStart;
}

void SequenceParser::end_quality() {
  const std::uint64_t num_bases = start_ + sequence_.size();
  if (quality_size_ != num_bases) {
    refuse("got " + std::to_string(quality_size_) + " quality values for " +
           std::to_string(num_bases) + " bases, expected one a base; the record is damaged");
  }
  end_record();
  state_ = State::kLineStart;
}

void SequenceParser::end_record() {
  if (sequence_.empty()) {
    refuse("got no bases, expected at least one; remove the record or complete it");
  }
  pieces_.push_back({name_, start_, std::exchange(sequence_, {}), true});
  in_record_ = false;
}

// Gives out all but one base of the open record: the last one waits until it is known whether the
// record ends with it, so that no piece is ever empty.
void SequenceParser::flush_open_record() {
  if (sequence_.size() < 2) return;
  const char last = sequence_.back();
  sequence_.pop_back();
  const std::uint64_t size = sequence_.size();
  pieces_.push_back({name_, start_, std::exchange(sequence_, std::string(1, last)), false});
  start_ += size;
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
