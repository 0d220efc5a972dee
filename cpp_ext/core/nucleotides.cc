#include "core/nucleotides.h"

#include <cctype>
#include <cstdio>
#include <stdexcept>

namespace edgewright {
namespace {

constexpr std::array<char, 256> make_complements() {
  std::array<char, 256> complements{};
  constexpr char kLetters[] = "ACGTRYSWKMBDHVN";
  constexpr char kPartners[] = "TGCAYRSWMKVHDBN";
  constexpr char kToLower = 'a' - 'A';
  for (std::size_t i = 0; kLetters[i] != '\0'; ++i) {
    complements[static_cast<unsigned char>(kLetters[i])] = kPartners[i];
    complements[static_cast<unsigned char>(kLetters[i] + kToLower)] =
        static_cast<char>(kPartners[i] + kToLower);
  }
  return complements;
}

constexpr std::array<char, 256> kComplements = make_complements();

std::string shown(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  if (byte < 128 && std::isprint(byte) != 0) return std::string("'") + letter + "'";
  char text[16];
  std::snprintf(text, sizeof text, "byte 0x%02X", static_cast<unsigned>(byte));
  return text;
}

const char* advice(char letter) {
  if (letter == 'U' || letter == 'u') return "write T for U";
  if (letter == '-' || letter == '.') return "remove the gaps";
  const auto byte = static_cast<unsigned char>(letter);
  if (byte < 128 && (std::isalpha(byte) != 0 || letter == '*')) {
    return "pass nucleotides, not amino acids";
  }
  return "remove it";
}

}  // namespace

void refuse_letter(const std::string& where, char letter) {
  throw std::invalid_argument(where + ": got " + shown(letter) +
                              ", expected A, C, G, T or an IUPAC ambiguity code (" +
                              kAmbiguityLetters + "); " + advice(letter));
}

void reverse_complement(const char* sequence, std::size_t size, char* output) {
  for (std::size_t i = 0; i < size; ++i) {
    const char partner = kComplements[static_cast<unsigned char>(sequence[i])];
    if (partner == '\0') refuse_letter("position " + std::to_string(i), sequence[i]);
    output[size - 1 - i] = partner;
  }
}

}  // namespace edgewright
