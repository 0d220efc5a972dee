// The most probable alignment of a known token sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ctc_greedy.h"
#include "core/log_probs.h"

namespace edgewright {

// Viterbi over the states blank, token 0, blank, token 1, ..., blank of Graves et al. (2006),
// section 4.1, with the maximum in place of the sum. Ties stay in the later state. The sequence
// must fit: as many frames as tokens and one more between equal neighbours.
std::vector<CtcToken> ctc_align(const LogProbs& log_probs, const std::vector<std::int32_t>& tokens,
                                std::size_t blank_id);

}  // namespace edgewright
