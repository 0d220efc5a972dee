// The few lines of a test library that these tests need: checks that count, and an exit code.
#pragma once

#include <cstdio>
#include <stdexcept>
#include <string>

namespace edgewright {

inline int& num_failures() {
  static int failures = 0;
  return failures;
}

inline void check(bool passed, const char* what, const char* file, int line) {
  if (passed) return;
  std::fprintf(stderr, "%s:%d: failed: %s\n", file, line, what);
  ++num_failures();
}

// Whether `call` throws std::invalid_argument whose message contains `part`.
template <typename Call>
bool refuses(Call call, const std::string& part) {
  try {
    call();
  } catch (const std::invalid_argument& error) {
    if (std::string(error.what()).find(part) != std::string::npos) return true;
    std::fprintf(stderr, "message was: %s\n", error.what());
  }
  return false;
}

inline int exit_code() { return num_failures() == 0 ? 0 : 1; }

}  // namespace edgewright

#define CHECK(condition) ::edgewright::check((condition), #condition, __FILE__, __LINE__)
