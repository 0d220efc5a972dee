#include "core/known_words.h"

#include <algorithm>

namespace edgewright {

KnownWords::KnownWords(const NgramModel* model, const Hotwords& hotwords) : places_(1) {
  if (model != nullptr) {
    for (const auto& [word, id] : model->word_ids()) add_model_word(word, id);
  }
  // The shortest come first, so that each place keeps the rate of the shortest.
  Hotwords sorted = hotwords;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
    return count_letters(a.first) < count_letters(b.first);
  });
  for (const auto& [word, score] : sorted) add_hotword(word, score);
}

std::int32_t KnownWords::walk(std::int32_t place, const std::string& text) const {
  for (const char letter : text) {
    if (place == kNowhere) return kNowhere;
    place = children_.find(place, static_cast<unsigned char>(letter));
  }
  return place;
}

void KnownWords::add_model_word(const std::string& word, std::int32_t id) {
  std::int32_t place = kRoot;
  places_[kRoot].begins_model_word = true;
  for (const char letter : word) {
    place = step(place, letter);
    places_[static_cast<std::size_t>(place)].begins_model_word = true;
  }
  places_[static_cast<std::size_t>(place)].model_id = id;
}

void KnownWords::add_hotword(const std::string& word, double score) {
  const double rate = score / count_letters(word);
  std::int32_t index = kRoot;
  for (const char letter : word) {
    index = step(index, letter);
    Place& place = places_[static_cast<std::size_t>(index)];
    if (!place.begins_hotword) place.hotword_rate = rate;
    place.begins_hotword = true;
  }
  Place& end = places_[static_cast<std::size_t>(index)];
  if (!end.ends_hotword) end.hotword_score = score;
  end.ends_hotword = true;
}

std::int32_t KnownWords::step(std::int32_t place, char letter) {
  const std::int32_t byte = static_cast<unsigned char>(letter);
  std::int32_t child = children_.find(place, byte);
  if (child == PairTable::kMissing) {
    child = static_cast<std::int32_t>(places_.size());
    children_.insert(place, byte, child);
    places_.emplace_back();
  }
  return child;
}

std::int32_t count_letters(const std::string& text) {
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  return static_cast<std::int32_t>(text.size()) -
         static_cast<std::int32_t>(std::count_if(text.begin(), text.end(), continues));
}

}  // namespace edgewright
