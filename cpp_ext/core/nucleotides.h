// The alphabet of nucleotide sequences: A, C, G, T and the IUPAC ambiguity codes, in either case.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace edgewright {

inline constexpr char kAmbiguityLetters[] = "RYSWKMBDHVN";

// Code of a letter: 0 to 3 for A, C, G, T, `kAmbiguous` for the other IUPAC codes, `kNoNucleotide`
// for everything else. U is none: models of DNA know T only.
inline constexpr std::uint8_t kAmbiguous = 4;
inline constexpr std::uint8_t kNoNucleotide = 255;

constexpr std::array<std::uint8_t, 256> make_nucleotide_codes() {
  std::array<std::uint8_t, 256> codes{};
  for (auto& code : codes) code = kNoNucleotide;
  constexpr char kToLower = 'a' - 'A';
  for (const char* letter = kAmbiguityLetters; *letter != '\0'; ++letter) {
    codes[static_cast<unsigned char>(*letter)] = kAmbiguous;
    codes[static_cast<unsigned char>(*letter + kToLower)] = kAmbiguous;
  }
  constexpr char kBases[] = "ACGT";
  for (std::uint8_t code = 0; code < 4; ++code) {
    codes[static_cast<unsigned char>(kBases[code])] = code;
    codes[static_cast<unsigned char>(kBases[code] + kToLower)] = code;
  }
  return codes;
}

inline constexpr std::array<std::uint8_t, 256> kNucleotideCodes = make_nucleotide_codes();

// Throws std::invalid_argument that says where, what came, what was expected and what to do.
[[noreturn]] void refuse_letter(const std::string& where, char letter);

// Writes the reverse complement of `sequence[0, size)` to `output`; the case of each letter stays.
// Throws std::invalid_argument at a letter that is no nucleotide.
void reverse_complement(const char* sequence, std::size_t size, char* output);

}  // namespace edgewright
