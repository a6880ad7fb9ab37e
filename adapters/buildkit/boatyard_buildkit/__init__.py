"""The build job: fetches the context, drives BuildKit, and reports how it went.

`python -m boatyard_buildkit --job job.json --out DIR` is the interface; `boatyard_buildkit.outbox` is for
those who read what the job writes.
"""
