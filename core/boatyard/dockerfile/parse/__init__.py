"""Parses Dockerfiles as BuildKit's frontend does: directives, instructions, stages, words and their variables.

The reference is moby/buildkit, frontend/dockerfile (parser, shell, instructions, dockerfile2llb). Unknown instructions
and flags are kept, because a newer frontend may know them.
"""

from boatyard.dockerfile.parse.encoding import BYTES, UTF8, decode, encode, spec_text
from boatyard.dockerfile.parse.frontend import Frontend, frontend
from boatyard.dockerfile.parse.graph import Graph, ImageUse, graph
from boatyard.dockerfile.parse.instruction import Flag, Heredoc, Instruction
from boatyard.dockerfile.parse.mounts import Mount
from boatyard.dockerfile.parse.reached import context_sources, reached
from boatyard.dockerfile.parse.stages import Dockerfile, Stage, parse

__all__ = [
    "BYTES",
    "UTF8",
    "Dockerfile",
    "Flag",
    "Frontend",
    "Graph",
    "Heredoc",
    "ImageUse",
    "Instruction",
    "Mount",
    "Stage",
    "context_sources",
    "decode",
    "encode",
    "frontend",
    "graph",
    "parse",
    "reached",
    "spec_text",
]
