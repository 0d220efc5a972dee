// One function a kernel, each adding its Python names to the module.
#pragma once

#include <pybind11/pybind11.h>

namespace edgewright {

void bind_context_window(pybind11::module_& module);
void bind_cpu_features(pybind11::module_& module);
void bind_ctc_beam(pybind11::module_& module);
void bind_ctc_greedy(pybind11::module_& module);
void bind_ctc_words(pybind11::module_& module);
void bind_griffin_lim(pybind11::module_& module);
void bind_image(pybind11::module_& module);
void bind_kmer(pybind11::module_& module);
void bind_length_regulator(pybind11::module_& module);
void bind_lexicon_trie(pybind11::module_& module);
void bind_log_mel(pybind11::module_& module);
void bind_log_mel_stream(pybind11::module_& module);
void bind_ngram(pybind11::module_& module);
void bind_nucleotides(pybind11::module_& module);
void bind_samples(pybind11::module_& module);
void bind_sequence_parser(pybind11::module_& module);
void bind_softmax(pybind11::module_& module);
void bind_stft(pybind11::module_& module);
void bind_voice_activity(pybind11::module_& module);
void bind_window_slicer(pybind11::module_& module);

}  // namespace edgewright
