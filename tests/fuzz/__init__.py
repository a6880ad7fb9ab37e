"""Sends hundreds of thousands of invalid requests in this process: `make fuzz`.

Our own mutators: of a valid request they change a few places, so that most of it is still read. Schemathesis
(tests/api) makes requests from the description, a hundred a second; atheris looks for branches of Python code, of which
a request meets few before msgspec and regular expressions, which are C.
"""
