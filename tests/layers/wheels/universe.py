"""Distributions and lists of packages that Hypothesis makes up."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from hypothesis import strategies as st

from tests.layers.wheels.tiny import wheel

_NAMES = ("ant", "bee_fly", "cat", "dog")
_VERSIONS = ("1.0", "2.0", "3.0rc1")
_OWN = (
    "{name}/__init__.py",
    "{name}/sub/x.py",
    "{name}/sub/__init__.py",
    "{name}/only/data.txt",
    "{name}/run.sh",
    "{name}/ünï x.py",
    "{name}/broken.py",
    "{name}/__pycache__/other.cpython-311.pyc",
    "{name}_module.py",
    "a_namespace/{name}.py",
    "a_namespace/deep/{name}/y.py",
    "{name}-{version}.data/data/share/{name}/d.txt",
    "{name}-{version}.data/data/etc/of_all/{name}.cfg",
    "{name}-{version}.data/scripts/{name}-python",
    "{name}-{version}.data/scripts/{name}-shell",
    "{name}-{version}.data/headers/{name}.h",
    "{name}-{version}.data/purelib/{name}_pure.py",
    "{name}-{version}.data/platlib/{name}_plat/__init__.py",
)
_OF_SEVERAL = ("in_common.py", "a_namespace/__init__.py", "a_namespace/deep", "{version}.py")
_CONTENTS = ("x = 1\n", "x = 'other'\n", "", "def broken(:\n", "#!python\nprint()\n", "#!/bin/sh\necho\n")
_SCRIPTS = ("", "{name} = {name}:main", "{name} = {name}:main\nshared-name = {name}:other")


class Release(NamedTuple):
    name: str
    version: str
    files: dict[str, str]
    requires: tuple[str, ...]
    extras: dict[str, str]
    scripts: str


class Step(NamedTuple):
    """One layer. Without requirements: the next one starts from an empty environment again, as another image does."""

    requirements: tuple[str, ...]
    options: str
    by_file: bool


class Universe(NamedTuple):
    releases: tuple[Release, ...]
    steps: tuple[Step, ...]

    def put(self, folder: Path) -> None:
        for release in self.releases:
            name, version, files, requires, extras, scripts = release
            wheel(folder, name, version, files, requires=requires, extras=extras, scripts=scripts)

    def conflicts(self) -> bool:
        """Whether two distributions have a path in common, or one has a path below another's."""
        owners: dict[str, set[str]] = {}
        for path, name in self._paths():
            owners.setdefault(path, set()).add(name)
        return any(len(names) > 1 for names in owners.values()) or any(
            path.startswith(f"{other}/") for path in owners for other in owners
        )

    def _paths(self) -> Iterator[tuple[str, str]]:
        for release in self.releases:
            for path in release.files:
                yield path, release.name
            for line in release.scripts.splitlines():
                yield f"bin/{line.split()[0]}", release.name


@st.composite
def universes(draw: st.DrawFn) -> Universe:
    names = _NAMES[: draw(st.integers(2, len(_NAMES)))]
    releases = []
    for place, name in enumerate(names):
        others = st.sampled_from(names[place + 1 :] or names[:1])
        for version in _VERSIONS[: draw(st.integers(1, len(_VERSIONS)))]:
            paths = draw(st.sets(st.sampled_from(_OWN), max_size=6))
            if draw(st.integers(0, 9)) == 9:
                paths = {*paths, draw(st.sampled_from(_OF_SEVERAL))}
            words = {"name": name, "version": version}
            files = {path.format(**words): draw(st.sampled_from(_CONTENTS)) for path in sorted(paths)}
            requires = tuple(draw(st.lists(others, max_size=1)))
            extras = {"more": draw(others)} if draw(st.booleans()) else {}
            scripts = draw(st.sampled_from(_SCRIPTS)).format(**words)
            releases.append(Release(name, version, files, requires, extras, scripts))
    requirement = st.builds(
        str.__add__, st.sampled_from(names), st.sampled_from(("", "", "==1.0", "==2.0", ">=2", "<2", "[more]"))
    )
    package = st.sampled_from(names)
    options = st.one_of(
        st.just(""),
        st.sampled_from(("--upgrade", "--reinstall", "--no-deps", "--pre", "--resolution lowest")),
        st.builds("--upgrade-package {}".format, package),
        st.builds("--reinstall-package {}".format, package),
    )
    requirements = st.lists(requirement, min_size=1, max_size=3, unique_by=lambda text: text[:3]).map(tuple)
    step = st.builds(Step, requirements, options, st.booleans()) | st.just(Step((), "", False))
    return Universe(tuple(releases), tuple(draw(st.lists(step, min_size=2, max_size=4))))
