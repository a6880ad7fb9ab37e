"""Requirements files, packages and options that refer to local files."""

from pathlib import Path
from typing import Any

import flyte
import pytest

from boatyard.errors import BoatyardError
from boatyard_flyte.lowering import lower
from tests.flyte.images import named
from tests.flyte.projects import write
from tests.flyte.test_lowering_files import entries
from tests.flyte.test_lowering_projects import key, project

WHEEL = "lib-1-py3-none-any.whl"


def layer(image: flyte.Image) -> dict[str, Any]:
    (found,) = lower(image).spec["layers"]
    (kind,) = found
    content: dict[str, Any] = found[kind]
    return content


def sent(image: flyte.Image) -> list[str]:
    """The lines of the requirements file in the context."""
    path = layer(image)["file"]
    (source,) = [source for source in lower(image).sources if source.path == path]
    data = source.file if isinstance(source.file, bytes) else source.file.read_bytes()
    return data.decode().splitlines()


def made(image: flyte.Image, path: str) -> str:
    (source,) = [source for source in lower(image).sources if source.path == path]
    assert isinstance(source.file, bytes)
    return source.file.decode()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(write(tmp_path / "elsewhere", {"x": ""}))
    return write(
        tmp_path / "project",
        {
            f"dist/{WHEEL}": "",
            "dist/notes.txt": "",
            "sub/base.txt": "idna==3.4\n-c ../limits.txt\n",
            "limits.txt": "urllib3<3  # no more\n",
            "app/pyproject.toml": project("app"),
            "app/src/app/__init__.py": "",
        },
    )


def requirements(folder: Path, text: str, **more: Any) -> flyte.Image:
    return named("x").with_requirements(write(folder, {"requirements.txt": text}) / "requirements.txt", **more)


def test_a_file_that_refers_to_nothing_goes_as_it_is(folder: Path) -> None:
    text = "six==1.16.0 \\\n    --hash=sha256:00  # six\n--index-url https://${USER_TOKEN}@i.example/simple\n"
    image = requirements(folder, text)
    assert layer(image) == {"file": "0/requirements.txt"}
    assert "\n".join(sent(image)) + "\n" == text


def test_pre_releases_that_a_file_asks_for_are_asked_of_uv(folder: Path) -> None:
    assert layer(requirements(folder, "--pre\nsix\n"))["options"] == {"pre": True}


def test_included_files_take_the_place_of_their_lines(folder: Path) -> None:
    image = requirements(folder, "six\n-r sub/base.txt\n--requirement=sub/base.txt # again\n")
    assert sent(image) == ["six", "idna==3.4", "-c ./0/constraints.txt", "idna==3.4", "-c ./0/constraints.txt"]
    assert made(image, "0/0/constraints.txt") == "urllib3<3\n"
    assert layer(image) == {"file": "0/requirements.txt", "sourceDir": "0"}


@pytest.mark.parametrize(
    "value",
    [
        r"my\ files/it\"s.txt",
        '"my files/it\\"s.txt"',
        "'my files/it\"s.txt'",
        r"""my files/'it"'s.txt""",
        r"my' 'files/it\"s.txt",
    ],
)
def test_names_are_quoted_as_in_a_shell(folder: Path, value: str) -> None:
    write(folder, {'my files/it"s.txt': "idna==3.4\n"})
    assert sent(requirements(folder, f"-r {value}\n")) == ["idna==3.4"]
    assert made(requirements(folder, f"six\n-c {value}\n"), "0/0/constraints.txt") == "idna==3.4\n"


def test_a_quote_that_is_not_closed_is_a_part_of_the_name(folder: Path) -> None:
    write(folder, {"it's.txt": "idna==3.4\n"})
    assert sent(requirements(folder, "-r it's.txt\n")) == ["idna==3.4"]


@pytest.mark.parametrize("file", ["sub/base.txt", "limits.txt"])
def test_what_is_included_counts_in_the_key(folder: Path, file: str) -> None:
    image = requirements(folder, "-r sub/base.txt\n")
    before = key(image)
    write(folder, {file: "attrs\n"})
    assert key(image) != before


@pytest.mark.parametrize(
    ("line", "becomes", "files"),
    [
        (f"./dist/{WHEEL}", f"./0/{WHEEL}", [f"0/0/{WHEEL}"]),
        (f"dist/{WHEEL} ; python_version > '3'", f"./0/{WHEEL} ; python_version > '3'", [f"0/0/{WHEEL}"]),
        (f"dist/{WHEEL} --hash=sha256:00", f"./0/{WHEEL} --hash=sha256:00", [f"0/0/{WHEEL}"]),
        (f"lib[a,b] @ file:dist/{WHEEL}", f"lib[a,b] @ ./0/{WHEEL}", [f"0/0/{WHEEL}"]),
        ("--find-links ./dist", "--find-links ./0", [f"0/0/{WHEEL}"]),
        ("-f=dist", "--find-links ./0", [f"0/0/{WHEEL}"]),
        ("./app", "./0", ["0/0/pyproject.toml", "0/0/src/app/__init__.py"]),
        ("app/", "./0", ["0/0/pyproject.toml", "0/0/src/app/__init__.py"]),
        ("-e ./app[dev]", "./0[dev]", ["0/0/pyproject.toml", "0/0/src/app/__init__.py"]),
        ("-e ./app; os_name == 'posix'", "./0; os_name == 'posix'", ["0/0/pyproject.toml", "0/0/src/app/__init__.py"]),
        ('-e "./app"', "./0", ["0/0/pyproject.toml", "0/0/src/app/__init__.py"]),
        ("--editable=app", "./0", ["0/0/pyproject.toml", "0/0/src/app/__init__.py"]),
        ("-e git+https://h.example/x.git@1", "git+https://h.example/x.git@1", []),
    ],
)
def test_local_packages_go_along(folder: Path, line: str, becomes: str, files: list[str]) -> None:
    image = requirements(folder, f"{line}\n")
    assert sent(image) == [becomes]
    assert [path for path in entries(image) if not path.endswith("requirements.txt")] == files


def test_an_absolute_path_goes_along_too(folder: Path) -> None:
    assert sent(requirements(folder, f"-r file://{folder}/limits.txt\n-r {folder}/limits.txt\n")) == ["urllib3<3"] * 2
    assert sent(requirements(folder, f"lib @ file://{folder}/dist/{WHEEL}\n{folder}/app\n")) == [
        f"lib @ ./0/{WHEEL}",
        "./1",
    ]


def test_the_working_directory_comes_before_the_files_own_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = write(folder.parent / "cwd", {f"dist/{WHEEL}": "another"})
    monkeypatch.chdir(other)
    image = requirements(folder, f"./dist/{WHEEL}\n")
    assert {source.path: source.file for source in lower(image).sources}[f"0/0/{WHEEL}"] == other / "dist" / WHEEL


def test_the_projects_folder_itself(folder: Path) -> None:
    write(folder, {"pyproject.toml": project("mine"), "src/mine/__init__.py": ""})
    image = requirements(folder, "-e .\nsix\n")
    assert sent(image) == ["./0", "six"]
    assert {"0/0/pyproject.toml", "0/0/src/mine/__init__.py"} <= set(entries(image))


def test_a_local_project_brings_its_own_sources(folder: Path) -> None:
    write(
        folder,
        {
            "app/pyproject.toml": project("app", '"beside"', '[tool.uv.sources]\nbeside = { path = "../beside" }\n'),
            "beside/pyproject.toml": project("beside"),
        },
    )
    image = requirements(folder, "./app\n")
    assert sent(image) == ["./0/project"]
    assert "0/0/beside/pyproject.toml" in entries(image)


def test_the_files_name_and_that_of_its_folder_are_not_in_the_key(folder: Path) -> None:
    before = key(requirements(folder, "-r sub/base.txt\n-e ./app\n"))
    other = folder.rename(folder.with_name("project@2"))
    file = (other / "requirements.txt").rename(other / "requirements-dev.txt")
    assert key(named("x").with_requirements(file)) == before


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_any_encoding_is_sent_as_utf_8(folder: Path, encoding: str) -> None:
    file = folder / "requirements.txt"
    file.write_bytes(f"# -*- coding: {encoding} -*- é\r\nsix==1.16.0\r\n".encode(encoding))
    assert sent(named("x").with_requirements(file)) == ["six==1.16.0"]


def test_variables_of_paths_are_this_machines_and_others_must_be_in_the_build(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WHERE", str(folder))
    monkeypatch.setenv("INDEX_TOKEN", "s3cret")
    assert sent(requirements(folder, f"${{WHERE}}/dist/{WHEEL}\n-r ${{WHERE}}/limits.txt\n"))[0] == f"./0/{WHEEL}"
    line = "--extra-index-url https://me:${INDEX_TOKEN}@i.example/simple\n"
    with pytest.raises(BoatyardError, match=r"line 1: \$\{INDEX_TOKEN\}.*secret_mounts=\['INDEX_TOKEN'\]") as refused:
        lower(requirements(folder, line))
    assert "s3cret" not in refused.value.detail
    assert lower(requirements(folder, line, secret_mounts="INDEX_TOKEN"))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("six\n-r gone.txt\n", "there is no file .*gone.txt', which 'requirements.txt' includes"),
        ("-r requirements.txt\n", "'requirements.txt' includes itself"),
        (
            "six\n./gone.whl\n",
            r"requirements.txt, line 2: there is no '.*elsewhere/gone.whl' and no '.*project/gone.whl'",
        ),
        ("-e sub\n", "line 1: .*sub' is not a project: it has no pyproject.toml"),
        ("./limits.txt\n", "neither a project's folder nor a wheel"),
        ("--find-links sub\n", "neither a wheel nor a source distribution in"),
        ("git+file:///srv/x.git\n", "line 1: a local git repository is not sent; name its folder"),
        ("--index-url ./dist\n", "an index that is a local folder .*--find-links ./dist"),
    ],
)
def test_what_cannot_go_along_is_refused_with_its_line(folder: Path, text: str, reason: str) -> None:
    with pytest.raises(BoatyardError, match=reason) as refused:
        lower(requirements(folder, text))
    assert refused.value.code == "INVALID_SPEC"
    assert refused.value.detail.startswith("with_requirements('requirements.txt'): ")


@pytest.mark.parametrize(
    ("package", "advice"),
    [
        ("requirements.txt", r"use with_requirements\('requirements.txt'\)"),
        ("-r requirements.txt", r"use with_requirements\('requirements.txt'\)"),
        ("--requirement=a/r.in", r"use with_requirements\('a/r.in'\)"),
        ("-c limits.txt", r"use with_pip_packages\(…, extra_args='-c limits.txt'\)"),
        ("--pre", r"use with_pip_packages\(…, extra_args='--pre'\)"),
        ("pyproject.toml", "use with_uv_project"),
        ("./gone", "there is no '.*gone'"),
    ],
)
def test_packages_that_are_none_are_refused_with_the_call_to_use(folder: Path, package: str, advice: str) -> None:
    with pytest.raises(BoatyardError, match=advice):
        lower(named("x").with_pip_packages("six", package))


def test_packages_of_this_machine_go_along(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    image = named("x").with_pip_packages("six", f"./dist/{WHEEL}", "./app[dev]", "-e app", f"lib @ file:dist/{WHEEL}")
    assert layer(image) == {
        "packages": ["six", f"./0/{WHEEL}", "./1[dev]", "./1", f"lib @ ./0/{WHEEL}"],
        "sourceDir": "0",
    }
    before = key(image)
    write(folder, {"app/src/app/__init__.py": "X = 1\n"})
    assert key(image) != before


def test_paths_are_looked_for_beside_the_file_that_describes_the_image_as_well(folder: Path) -> None:
    lowered = lower(named("x").with_pip_packages(f"./dist/{WHEEL}"), beside=folder)
    assert lowered.spec["layers"][0]["pipPackages"]["packages"] == [f"./0/{WHEEL}"]


@pytest.mark.parametrize(
    ("arguments", "becomes"),
    [
        ("-c limits.txt", "-c ./0/constraints.txt"),
        ("--constraint=limits.txt --no-deps", "--constraint ./0/constraints.txt --no-deps"),
        ("-climits.txt", "-c ./0/constraints.txt"),
        ("--override limits.txt", "--override ./0/constraints.txt"),
        ("--find-links ./dist --no-index", "--find-links ./0 --no-index"),
        ("-r sub/base.txt", "-r ./1/constraints.txt"),
        (f"./dist/{WHEEL}", f"./0/{WHEEL}"),
        ("-e ./app", "./0"),
        ("--target ./app", "--target ./app"),
        (
            "--find-links https://x.example/ --python-platform linux",
            "--find-links https://x.example/ --python-platform linux",
        ),
        ("--config-settings a=b -C c=d", "--config-settings a=b -C c=d"),
    ],
)
def test_arguments_that_are_paths_go_along(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, becomes: str
) -> None:
    monkeypatch.chdir(folder)
    assert layer(named("x").with_pip_packages("six", extra_args=arguments))["options"]["extraArgs"] == becomes


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("-c gone.txt", "extra_args -c gone.txt: there is no"),
        ("--index-url ./dist", "name a folder of wheels by --find-links"),
        ("--index mine=file:///srv/x", "name a folder of wheels by --find-links"),
        ("--script x.py", "use flyte.Image.from_uv_script"),
    ],
)
def test_arguments_that_cannot_go_along_are_refused(folder: Path, arguments: str, reason: str) -> None:
    with pytest.raises(BoatyardError, match=reason):
        lower(named("x").with_pip_packages("six", extra_args=arguments))
