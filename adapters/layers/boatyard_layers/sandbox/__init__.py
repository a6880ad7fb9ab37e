"""Runs programs that end with the job, and confines those that come from an image.

`enter` is the only code that runs between the start of the process and the program. It and what it imports need the
standard library alone.
"""
