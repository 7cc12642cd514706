# Two commands are promised to work from a clean clone: `make demo` and `make test`.
# Both set up `.venv` first; a second run reuses it.

VENV ?= .venv
# `tensorflow-cpu` is half the size of `tensorflow`; it is built for x86 only.
TENSORFLOW ?= $(if $(filter Linux-x86_64,$(shell uname -s)-$(shell uname -m)),tensorflow-cpu,tensorflow)
export KERAS_BACKEND ?= tensorflow
export TF_CPP_MIN_LOG_LEVEL ?= 3
# Off by default on AMD processors, where convolutions are then 3 times as slow.
export TF_ENABLE_ONEDNN_OPTS ?= 1
BIN := $(VENV)/bin
# A process for each core, up to four: each loads TensorFlow.
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev setup-docs demo test lint types format docs docs-serve notebooks clean

help:
	@echo "make demo   set up, train on Fashion-MNIST and search it (ARGS=--sample for the bundled sample)"
	@echo "make test   set up and run the tests"
	@echo "make docs   build the documentation in site/ (make docs-serve: with a server that follows changes)"
	@echo "make notebooks   make examples/notebooks/ from the tutorials' scripts and run them (ARGS=siamese for one)"
	@echo "make lint types format clean   for contributors"

setup:
	@.ci/setup $(VENV) $(TENSORFLOW),test

demo: setup
	$(BIN)/python examples/quickstart.py $(ARGS)

test: setup
	$(PYTEST) $(ARGS)

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

# mkdocs-material tells of its successor at every build.
export NO_MKDOCS_2_WARNING ?= 1

setup-docs:
	@.ci/setup $(VENV) $(TENSORFLOW),test,docs

docs: setup-docs
	$(BIN)/mkdocs build --strict

docs-serve: setup-docs
	$(BIN)/mkdocs serve

notebooks:
	@.ci/setup $(VENV) $(TENSORFLOW),clustering,notebooks
	$(BIN)/python examples/notebooks/make.py $(ARGS)

clean:
	rm -rf $(VENV) build dist site quickstart_output .mypy_cache .pytest_cache .ruff_cache
