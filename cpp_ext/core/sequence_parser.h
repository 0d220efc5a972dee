// An incremental reader of FASTA and four-line FASTQ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace edgewright {

// A run of bases of one record, valid until the next call of the parser that gave it.
struct SequencePiece {
  std::string name;           // first word of the header
  std::uint64_t start;        // offset of the run in its record
  std::string_view sequence;  // upper case, never empty
  bool last;                  // whether the record ends here
};

// Takes the bytes of a file in pieces of any size and gives runs of bases. It keeps at most what
// one `feed` brought, so memory does not grow with the file or its lines.
//
// Lines end with LF or CRLF. Blank lines may stand between the lines of FASTA and between the
// records of FASTQ; spaces and tabs between bases are passed over. Everything else that the formats
// do not know throws std::invalid_argument with record, line and column; the parser is of no use
// after that.
class SequenceParser {
 public:
  std::vector<SequencePiece> feed(const char* data, std::size_t size);

  // Ends the file: the last line may lack its line end.
  std::vector<SequencePiece> finish();

 private:
  enum class Format { kUnknown, kFasta, kFastq };
  enum class State { kLineStart, kHeaderName, kHeaderRest, kSequence, kPlusStart, kPlus, kQuality };

  void take(char byte);
  void start_line(char byte);
  void start_record(char marker);
  void take_name(char byte);
  void take_base(char byte);
  void take_quality(char byte);
  void end_line();
  void end_header();
  void end_sequence_line();
  void end_quality();
  void end_record();
  void flush_open_record();
  std::size_t take_run(const char* data, std::size_t size);
  std::size_t take_name_run(const char* data, std::size_t size);
  std::size_t take_quality_run(const char* data, std::size_t size);
  std::size_t take_fasta_lines(const char* data, std::size_t size);
  std::size_t take_bases(const char* data, std::size_t size);
  void make_room(std::size_t size);
  std::size_t num_open_bases() const { return num_bases_ - open_begin_; }
  std::string_view open_bases() const { return {bases_.data() + open_begin_, num_open_bases()}; }
  std::string where() const;
  [[noreturn]] void refuse(const std::string& got_expected_advice) const;

  Format format_ = Format::kUnknown;
  State state_ = State::kLineStart;
  bool in_record_ = false;
  bool carriage_return_ = false;  // the last byte was a CR, so a LF must follow
  std::uint64_t line_ = 1;
  std::uint64_t column_ = 0;
  std::string name_;
  std::vector<char> bases_;         // of the present `feed` and those that were left before it
  std::size_t num_bases_ = 0;       // in `bases_`
  std::size_t open_begin_ = 0;      // first base that was not given out yet
  std::uint64_t start_ = 0;         // its offset in its record
  std::uint64_t quality_size_ = 0;  // quality values of the FASTQ record so far
  std::vector<SequencePiece> pieces_;
};

}  // namespace edgewright
