"""The image spec: a user's description of an image. `parse_spec` reads it from JSON and refuses unknown fields."""

from boatyard.spec.check import check_spec
from boatyard.spec.json import parse_spec, read_spec, spec_document
from boatyard.spec.messages import (
    AptPackages,
    Commands,
    CopyConfig,
    Env,
    ImageSpec,
    Layer,
    LayerDocument,
    PipOptions,
    PipPackages,
    PoetryProject,
    PythonWheels,
    Requirements,
    Secret,
    SpecDocument,
    UVProject,
    UVScript,
    WorkDir,
    kind_of,
)

__all__ = [
    "AptPackages",
    "Commands",
    "CopyConfig",
    "Env",
    "ImageSpec",
    "Layer",
    "LayerDocument",
    "PipOptions",
    "PipPackages",
    "PoetryProject",
    "PythonWheels",
    "Requirements",
    "Secret",
    "SpecDocument",
    "UVProject",
    "UVScript",
    "WorkDir",
    "check_spec",
    "kind_of",
    "parse_spec",
    "read_spec",
    "spec_document",
]
