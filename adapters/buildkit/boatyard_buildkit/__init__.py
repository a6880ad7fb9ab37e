"""The build job: fetches the context, drives BuildKit, and reports the result.

Its interface is `python -m boatyard_buildkit --job job.json --out DIR`; runners read its reports with
`boatyard_buildkit.outbox`.
"""
