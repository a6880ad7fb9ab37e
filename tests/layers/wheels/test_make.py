"""Layers of wheels are what uv itself installs at the real path."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from boatyard.spec import PipOptions, PipPackages, PythonWheels, Requirements, Secret
from boatyard_layers.errors import NotExact
from boatyard_layers.wheels.bytecode import byte_code_of
from tests.flyte import index
from tests.layers.wheels.conftest import Image, packages
from tests.layers.wheels.tiny import sdist, wheel

PASSWORD = "s3cret-of-the-index"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A package index: its folder and its address."""
    folder = tmp_path_factory.mktemp("index")
    wheel(folder, "alpha", "1.0", requires=("beta",), scripts="alpha = alpha:main\nother = alpha:main")
    wheel(folder, "alpha", "2.0", {"alpha/__init__.py": "a = 2\n", "alpha/more/x.py": "x\n"}, requires=("beta>=1",))
    wheel(folder, "beta", "0.5", {"beta.py": "b = 'one'\n", "beta_old.py": "pass\n"})
    wheel(folder, "beta", "1.1", {"beta.py": "b = 'two'\n"})
    wheel(folder, "gamma", "1.0", extras={"more": "delta"})
    wheel(folder, "delta", "1.0", {"spaces/delta/__init__.py": "d = 1\n", "broken.py": "this is no Python\n"})
    wheel(folder, "epsilon", "1.0", {"spaces/epsilon/__init__.py": "e = 1\n", "spaces/epsilon/data.txt": "x"})
    wheel(
        folder,
        "zeta",
        "1.0",
        {
            "zeta/__init__.py": "",
            "zeta-1.0.data/data/share/man/zeta.1": "manual",
            "zeta-1.0.data/data/etc/zeta.cfg": "configuration",
            "zeta-1.0.data/scripts/zeta-tool": "#!python\nprint()\n",
            "zeta-1.0.data/scripts/zeta-shell": "#!/bin/sh\necho\n",
            "zeta-1.0.data/purelib/zeta_pure.py": "p = 1\n",
        },
    )
    wheel(folder, "clash", "1.0", {"beta.py": "another = 'file'\n"})
    sdist(folder, "source", "1.0")
    with index.serve(folder, PASSWORD, hashes=True) as url:
        yield folder, url


@pytest.fixture
def indexed(image: Image, served: tuple[Path, str]) -> Image:
    image.index, url = served
    image.address = f"{url}/public/simple"
    image.private = f"{url}/private/simple"
    return image


SEQUENCES: dict[str, list[tuple[str, ...]]] = {
    "extras, data files, a namespace, an upgrade of a dependency": [
        ("beta==0.5", "Zeta"),
        ("gamma", "delta"),
        ("gamma[more]", "epsilon", "alpha==2.0"),
    ],
    "scripts, already installed, an upgrade, a downgrade that removes folders": [
        ("alpha==1.0",),
        ("beta", "alpha==2.0"),
        ("alpha==1.0", "beta==0.5"),
    ],
}


@pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)
def test_the_tree_is_what_uv_installs(indexed: Image, sequence: list[tuple[str, ...]]) -> None:
    for names in sequence:
        indexed.make(packages(*names))
        assert indexed.made == indexed.real("--index-url", indexed.address, *names)
        assert indexed.facts.inventory == indexed.described().inventory
        assert indexed.facts.files == indexed.described().files


def test_what_is_reinstalled_stays_the_same(indexed: Image) -> None:
    indexed.make(packages("alpha"))
    indexed.make(packages("alpha", arguments="--reinstall"))
    assert indexed.made == indexed.real("--index-url", indexed.address, "alpha")


def test_a_layer_with_nothing_new_has_no_bytes(indexed: Image) -> None:
    indexed.make(packages("beta"))
    made = indexed.make(packages("beta"))
    assert (made.layers, made.packages, made.removed) == ((), (), ())


def test_the_lock_has_versions_and_hashes(indexed: Image) -> None:
    made = indexed.make(packages("alpha==1.0"))
    assert [(each.name, each.version) for each in made.packages] == [("alpha", "1.0"), ("beta", "1.1")]
    assert all(wheel.sha256 and wheel.url.startswith(indexed.address[:20]) for p in made.packages for wheel in p.wheels)
    assert [each.name for each in made.facts.distributions] == ["alpha", "beta"]


def test_known_groups_are_not_made_again_and_have_equal_bytes(indexed: Image) -> None:
    first = indexed.make(packages("alpha==1.0", "gamma"))
    known = dict(indexed.store.groups)
    indexed.reset()
    indexed.store.made.clear()
    assert indexed.make(packages("alpha==1.0", "gamma", "epsilon")).layers != first.layers
    assert len(indexed.store.made) == 1
    indexed.reset()
    indexed.store.groups.clear()
    assert indexed.make(packages("alpha==1.0", "gamma")).layers == first.layers
    assert {key: indexed.store.groups[key].layer for key in known} == {key: known[key].layer for key in known}


def test_byte_code_of_an_untrusted_interpreter_is_in_no_layer_of_another_one(indexed: Image) -> None:
    indexed.make(packages("beta"))
    for identity in ("another", ""):
        indexed.reset()
        indexed.store.made.clear()
        indexed.interpreter = msgspec.structs.replace(indexed.interpreter, identity=identity)
        indexed.make(packages("beta"))
        assert len(indexed.store.made) == 1
    assert len(indexed.store.groups) == 3


def test_byte_code_of_the_wheel_is_replaced_and_not_changed(indexed: Image) -> None:
    """Its file may be a link into uv's cache."""
    code = byte_code_of("coded/module.py", indexed.interpreter)
    wheel(indexed.index, "coded", "1.0", {"coded/module.py": "x = 1\n", code: "of the wheel"})
    indexed.make(packages("coded"))
    assert {path.read_text() for path in (indexed.cache / "uv").rglob(f"*/{code}")} == {"of the wheel"}
    (made,) = (data for path, (_, _, data) in indexed.made.items() if path.endswith(code))
    assert made != b"of the wheel"
    assert indexed.made == indexed.real("--index-url", indexed.address, "coded")


def test_a_requirements_file(indexed: Image) -> None:
    (indexed.work / "r.txt").write_text("# ours\nalpha==1.0 ; python_version > '3'\ngamma[more]  # more\n")
    indexed.make(Requirements(file="r.txt"))
    assert indexed.made == indexed.real("--index-url", indexed.address, "-r", str(indexed.work / "r.txt"))


def test_hashes_of_a_requirements_file_decide_which_wheel_it_is(indexed: Image) -> None:
    minor = ".".join(indexed.interpreter.version.split(".")[:2])
    any_one = wheel(indexed.index, "choice", "1.0", {"choice.py": "c = 'any'\n"})
    wheel(indexed.index, "choice", "1.0", {"choice.py": "c = 'three'\n"}, tag=f"cp{minor.replace('.', '')}-none-any")
    digest = hashlib.sha256(any_one.read_bytes()).hexdigest()
    (indexed.work / "r.txt").write_text(f"choice==1.0 \\\n    --hash=sha256:{digest}\n")
    indexed.make(Requirements(file="r.txt", options=PipOptions(extra_args="--no-deps --require-hashes")))
    real = indexed.real("--index-url", indexed.address, "--require-hashes", "-r", str(indexed.work / "r.txt"))
    assert indexed.made == real
    assert b"any" in indexed.made[f"{indexed.venv}/lib/python{minor}/site-packages/choice.py"][2]


@pytest.mark.parametrize("before", [(), ("gamma",)])
def test_a_wheel_of_the_context_replaces_the_same_version(indexed: Image, before: tuple[str, ...]) -> None:
    (indexed.work / "dist").mkdir()
    wheel(indexed.work / "dist", "gamma", "1.0", {"gamma/__init__.py": "ours = 1\n"}, requires=("delta",))
    for name in before:
        indexed.make(packages(name))
    made = indexed.make(PythonWheels(dir="dist", package_name="gamma"))
    links = ("--find-links", str(indexed.work / "dist"))
    for name in before:
        indexed.real("--index-url", indexed.address, name)
    indexed.real("--index-url", indexed.address, *links, "gamma")
    real = indexed.real(*links, "--no-deps", "--no-index", "--reinstall", "gamma")
    # The time at which the wheel came to the machine is in uv_cache.json, and so in RECORD.
    varying = {
        path for path in real if path.endswith(("gamma-1.0.dist-info/uv_cache.json", "gamma-1.0.dist-info/RECORD"))
    }
    assert len(varying) == 2
    assert {p: r for p, r in indexed.made.items() if p not in varying} == {
        p: r for p, r in real.items() if p not in varying
    }
    assert set(real) == set(indexed.made)
    assert [each.name for each in made.packages] == (["gamma"] if before else ["delta", "gamma"])


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (packages("source"), "built from source"),
        (packages("clash", "beta"), "in common"),
        (packages("https://example.com/x-1.0-py3-none-any.whl"), "address"),
        (packages("gamma", arguments="--target /x"), "--target"),
        (packages("gamma", arguments="--no-binary gamma"), "--no-binary"),
        (packages("nothing-of-that-name"), "uv ended"),
        (PipPackages(packages=("./x",), source_dir="1"), "folder"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_left_to_the_builder(indexed: Image, layer: PipPackages, reason: str) -> None:
    before = indexed.facts
    with pytest.raises(NotExact, match=reason):
        indexed.make(layer)
    assert indexed.facts is before
    assert not (indexed.index / "it-ran").exists()


def test_a_file_of_another_distribution_is_not_replaced(indexed: Image) -> None:
    indexed.make(packages("beta"))
    with pytest.raises(NotExact, match="there already"):
        indexed.make(packages("clash"))


def test_an_option_of_uv_in_the_image_is_left_to_the_builder(indexed: Image) -> None:
    with pytest.raises(NotExact, match="UV_CONSTRAINT"):
        indexed.make(packages("beta"), environment={"UV_CONSTRAINT": "/x"})


def test_credentials_of_an_index_are_nowhere(indexed: Image) -> None:
    url = indexed.private.replace("//", "//user:$INDEX_PASSWORD@")
    layer = PipPackages(
        packages=("alpha",),
        options=PipOptions(index_url=url),
        secret_mounts=(Secret(key="x", env_var="INDEX_PASSWORD"),),
    )
    made = indexed.make(layer, secrets={"INDEX_PASSWORD": PASSWORD}, environment={})
    assert [each.name for each in made.packages] == ["alpha", "beta"]
    assert PASSWORD not in repr(made)
    assert PASSWORD not in repr(indexed.store.groups)
    assert PASSWORD.encode() not in b"".join(data for _, _, data in indexed.made.values())
    with pytest.raises(NotExact) as refused:
        indexed.make(
            PipPackages(packages=("unknown",), options=layer.options, secret_mounts=layer.secret_mounts),
            secrets={"INDEX_PASSWORD": PASSWORD},
            environment={},
        )
    assert PASSWORD not in str(refused.value)


def test_groups_do_not_depend_on_where_the_wheels_came_from(indexed: Image, tmp_path: Path) -> None:
    first = indexed.make(packages("beta"))
    indexed.reset()
    with index.serve(indexed.index, PASSWORD, hashes=True) as url:
        indexed.address = f"{url}/public/simple"
        indexed.store.made.clear()
        assert indexed.make(packages("beta")).layers == first.layers
    assert indexed.store.made == []
