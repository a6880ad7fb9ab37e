"""What lies where below a server's state folder. Every path of it is made here.

    <state>/
      builds/<tag>-<n>/      one build
        job.json             what the job is told (boatyard.job.BuildJob)
        record.json          what the server knows of it (jobs/record.py)
        pid                  the job's pid, written by the job's own process before it becomes the job
        lock                 locked (flock) from the job's start to its end, whoever dies in between
        progress.json, log.jsonl, result.json, work/    from the job (boatyard_buildkit.outbox)
        output               the job's own stdout and stderr: a traceback, if it has one
      builds/.removing/<…>   to be removed, and what could not be; removals.py tries again
      builds/.<…>            being made; never read, cleared at the server's start
      contexts/<sha256>.tar.gz
      contexts/.<…>          uploads under way; cleared at the server's start
      secrets/<project>/<domain>/<name>     the value; files 0600, folders 0700
      buildkit.json          how jobs reach BuildKit (boatyard_buildkit.access), written at the server's start
      upload.key             signs upload URLs; 0600
      token                  what callers of the API send; 0600, new at each start (web/bearer.py)
      deployment.key         keeps projects apart (boatyard.realm); 0600, made once, never replaced
      server.json            url, pid and start of the server that runs; 0600
      port                   of the last server; the next one takes it again if it can
      server.lock            locked (flock) while it runs
      server.log             of a server that was started in the background
      .gitignore             of all of it

`.boatyard/` is such a folder too; `boatyard_local.engine` documents what it keeps beside these.
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
        """The job's own files while it runs, credentials among them."""
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
        """On the file system of the builds, wherever that is: they come here by a rename."""
        return self.builds / ".removing"

    @property
    def contexts(self) -> Path:
        return self.path / "contexts"

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
        """Files that a server makes anew when they are missing: whatever else stands in their place can go."""
        return (
            self.gitignore,
            self.buildkit,
            self.upload_key,
            self.token,
            self.server,
            self.server_lock,
            self.port,
        )
