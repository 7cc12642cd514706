"""Tests of both packages; a package, since tensorflow-similarity installs another `tests`."""
