# Two commands are promised to work from a clean clone: `make demo` and `make test`.
# Both set up `.venv` first; a second run reuses it.

VENV ?= .venv
# `tensorflow-cpu` is half the size of `tensorflow`; it is built for x86 only.
TENSORFLOW ?= $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),tensorflow-cpu,tensorflow)
export KERAS_BACKEND ?= tensorflow
export TF_CPP_MIN_LOG_LEVEL ?= 3
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test lint types format clean

help:
	@echo "make demo   set up, train on Fashion-MNIST and search it (ARGS=--sample for the bundled sample)"
	@echo "make test   set up and run the tests"
	@echo "make lint types format clean   for contributors"

setup:
	@.ci/setup $(VENV) $(TENSORFLOW),test

demo: setup
	$(BIN)/python examples/quickstart.py $(ARGS)

test: setup
	$(BIN)/python -m pytest $(ARGS)

setup-dev:
	@.ci/setup $(VENV) $(TENSORFLOW),dev

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup-dev
	$(BIN)/mypy

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist site quickstart_output .mypy_cache .pytest_cache .ruff_cache
