#include "bindings/bindings.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "C++ kernels; call them through the checked fronts of the package.";
  edgewright::bind_context_window(module);
  edgewright::bind_cpu_features(module);
  edgewright::bind_griffin_lim(module);
  edgewright::bind_image(module);
  edgewright::bind_kmer(module);
  edgewright::bind_length_regulator(module);
  edgewright::bind_lexicon_trie(module);
  edgewright::bind_log_mel(module);
  edgewright::bind_log_mel_stream(module);
  edgewright::bind_ngram(module);
  // The types of its arguments are bound above.
  edgewright::bind_ctc_beam(module);
  edgewright::bind_ctc_greedy(module);
  edgewright::bind_ctc_words(module);
  edgewright::bind_nucleotides(module);
  edgewright::bind_samples(module);
  edgewright::bind_sequence_parser(module);
  edgewright::bind_softmax(module);
  edgewright::bind_stft(module);
  edgewright::bind_voice_activity(module);
  edgewright::bind_window_slicer(module);
}
