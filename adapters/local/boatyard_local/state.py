"""Defines all paths below a server's state folder.

    <state>/
      builds/<tag>-<n>/      one build
        job.json             the job's input (boatyard.job.BuildJob)
        record.json          the server's record (jobs/record.py)
        pid                  the job's pid, written by its own process before it executes the job
        lock                 locked (flock) from the job's start to its end, however its process or the server ends
        progress.json, log.jsonl, result.json, work/    from the job (boatyard_buildkit.outbox)
        output               the job's own stdout and stderr, such as a traceback
      builds/.removing/<…>   discarded folders; removals.py retries what could not be removed
      builds/.<…>            being created; never read, removed at the server's start
      contexts/<sha256>.tar.gz
      contexts/.<…>          uploads in progress; removed at the server's start
      secrets/<project>/<domain>/<name>     the value; files 0600, folders 0700
      cache/                 what jobs share: uv's cache, unpacked interpreters (boatyard_layers.builder_cache)
      buildkit.json          the jobs' access to BuildKit (boatyard_buildkit.access), written at the server's start
      upload.key             signs upload URLs; 0600
      token                  the API's bearer token; 0600, new at each start (web/bearer.py)
      deployment.key         separates projects (boatyard.realm); 0600, created once, never replaced
      server.json            url, pid and start time of the running server; 0600
      port                   the last server's; the next one reuses it if possible
      server.lock            locked (flock) while the server runs
      server.log             the log of a server in the background
      .gitignore             ignores the whole folder

`.boatyard/` is such a folder too; `boatyard_local.engine` documents its other contents.
"""

from dataclasses import dataclass
from pathlib import Path

from boatyard_buildkit import outbox


@dataclass(frozen=True)
class BuildFolder:
    path: Path

    @property
    def job(self) -> Path:
        return self.path / "job.json"

    @property
    def record(self) -> Path:
        return self.path / "record.json"

    @property
    def pid(self) -> Path:
        return self.path / "pid"

    @property
    def lock(self) -> Path:
        return self.path / "lock"

    @property
    def progress(self) -> Path:
        return self.path / outbox.PROGRESS

    @property
    def log(self) -> Path:
        return self.path / outbox.LOG

    @property
    def output(self) -> Path:
        return self.path / "output"

    @property
    def work(self) -> Path:
        """The job's own files while it runs, credentials included."""
        return self.path / "work"

    @property
    def result(self) -> Path:
        return self.path / outbox.RESULT


@dataclass(frozen=True)
class StateFolder:
    path: Path

    @property
    def builds(self) -> Path:
        return self.path / "builds"

    def build(self, build_id: str) -> BuildFolder:
        return BuildFolder(self.builds / build_id)

    @property
    def removing(self) -> Path:
        """On the builds' file system, wherever that is, because builds are moved here by a rename."""
        return self.builds / ".removing"

    @property
    def contexts(self) -> Path:
        return self.path / "contexts"

    @property
    def cache(self) -> Path:
        return self.path / "cache"

    @property
    def secrets(self) -> Path:
        return self.path / "secrets"

    @property
    def port(self) -> Path:
        return self.path / "port"

    @property
    def gitignore(self) -> Path:
        return self.path / ".gitignore"

    @property
    def buildkit(self) -> Path:
        return self.path / "buildkit.json"

    @property
    def upload_key(self) -> Path:
        return self.path / "upload.key"

    @property
    def token(self) -> Path:
        return self.path / "token"

    @property
    def deployment_key(self) -> Path:
        return self.path / "deployment.key"

    @property
    def server(self) -> Path:
        return self.path / "server.json"

    @property
    def server_lock(self) -> Path:
        return self.path / "server.lock"

    @property
    def server_log(self) -> Path:
        return self.path / "server.log"

    @property
    def remade(self) -> tuple[Path, ...]:
        """Files that a server creates if they are missing, so that anything else in their place may be removed."""
        return (
            self.gitignore,
            self.buildkit,
            self.upload_key,
            self.token,
            self.server,
            self.server_lock,
            self.port,
        )
