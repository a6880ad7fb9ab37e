"""Sends hundreds of thousands of invalid requests in this process: `make fuzz`.

The mutators change a few places of a valid request, so that most of it is still read. Schemathesis (tests/api) makes
requests from the description, a hundred per second. atheris looks for branches of Python code, and a request reaches
few before msgspec and regular expressions, which are C.
"""
