// The words that a language model or the user knows, as a tree of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/ngram.h"
#include "core/pair_table.h"

namespace edgewright {

using Hotwords = std::vector<std::pair<std::string, double>>;  // and a natural logarithm of each

class KnownWords {
 public:
  static constexpr std::int32_t kRoot = 0;
  static constexpr std::int32_t kNowhere = -1;  // behind letters that begin no known word

  // `model` may be null. Of hotwords that come twice the first one counts.
  KnownWords(const NgramModel* model, const Hotwords& hotwords);

  // The place behind `text`, which follows `place`.
  std::int32_t walk(std::int32_t place, const std::string& text) const;
  // The model's id of the word that ends at `place`; -1 where it lists none.
  std::int32_t model_id(std::int32_t place) const {
    return place == kNowhere ? -1 : places_[static_cast<std::size_t>(place)].model_id;
  }
  // What the hotword that ends at `place` adds; 0 where none does.
  double hotword_score(std::int32_t place) const {
    return place == kNowhere ? 0 : places_[static_cast<std::size_t>(place)].hotword_score;
  }
  bool begins_hotword(std::int32_t place) const {
    return place != kNowhere && places_[static_cast<std::size_t>(place)].begins_hotword;
  }
  // What each letter adds on the way to the shortest hotword that begins so.
  double hotword_rate(std::int32_t place) const {
    return places_[static_cast<std::size_t>(place)].hotword_rate;
  }
  bool begins_model_word(std::int32_t place) const {
    return place != kNowhere && places_[static_cast<std::size_t>(place)].begins_model_word;
  }

 private:
  struct Place {
    std::int32_t model_id = -1;
    bool begins_model_word = false;
    bool begins_hotword = false;
    bool ends_hotword = false;
    double hotword_score = 0;
    double hotword_rate = 0;
  };

  void add_model_word(const std::string& word, std::int32_t id);
  void add_hotword(const std::string& word, double score);
  std::int32_t step(std::int32_t place, char letter);

  std::vector<Place> places_;
  PairTable children_;
};

// Code points of UTF-8.
std::int32_t count_letters(const std::string& text);

}  // namespace edgewright
