"""Builds datasets from the command line: `python -m tfds_builders build fashion_pairs`.

Takes the options of `tfds build`, and needs neither Apache Beam nor mlcroissant.
"""

import sys

import tensorflow_datasets as tfds

import tfds_builders

_USAGE = """usage: python -m tfds_builders build NAME[/CONFIG] ... [--data_dir DIR] [--help]
       python -m tfds_builders list"""


def main(arguments: list[str]) -> int:
    """Runs one command; returns the exit status."""
    command, *rest = arguments or [""]
    if command == "list":
        for name in names():
            print(name)
        return 0
    if command != "build" or not rest:
        print(_USAGE, file=sys.stderr)
        return 2
    _build(rest)
    return 0


def names() -> list[str]:
    """The datasets of this package."""
    return sorted(
        name
        for name in tfds.list_builders(with_community_datasets=False)
        if tfds.builder_cls(name).__module__.startswith(f"{tfds_builders.__name__}.")
    )


def _build(arguments: list[str]) -> None:
    import simple_parsing
    from absl import app, flags
    from tensorflow_datasets.scripts.cli import build

    def parse(argv: list[str]) -> build.Args:
        parser = simple_parsing.ArgumentParser(prog="python -m tfds_builders build")
        parser.add_arguments(build.Args, dest="args")
        parsed = parser.parse_args(argv[1:]).args
        flags.FLAGS(argv[:1])  # absl's own flags keep their defaults
        return parsed

    # The datasets are registered already; `imports` says that names mean those.
    arguments = [*arguments, f"--imports={tfds_builders.__name__}"]
    try:
        app.run(lambda args: args.execute(), argv=["build", *arguments], flags_parser=parse)
    except SystemExit as end:
        if end.code:
            raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
