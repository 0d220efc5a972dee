// The options of the log-mel kernels, as the fields of the Python record `LogMelConfig`.
#pragma once

#include <pybind11/pybind11.h>

#include "core/log_mel.h"

namespace edgewright {

// Reads a dictionary of the record's fields; the front has checked their values.
LogMelOptions to_log_mel_options(const pybind11::dict& fields);

}  // namespace edgewright
