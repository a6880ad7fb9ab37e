"""Describes layers as calls of the flyte SDK, for plans, differences and errors."""

from boatyard.spec import (
    AptPackages,
    Commands,
    CopyConfig,
    Env,
    Layer,
    PipOptions,
    PipPackages,
    PoetryProject,
    PythonWheels,
    Requirements,
    UVProject,
    UVScript,
    WorkDir,
)

_LONGEST = 160


def method(layer: Layer) -> str:
    """The SDK's method for the layer."""
    match layer:
        case AptPackages():
            return "with_apt_packages"
        case PipPackages():
            return "with_pip_packages"
        case Requirements():
            return "with_requirements"
        case PythonWheels():
            return "with_local_v2_plugins"
        case UVProject():
            return "with_uv_project"
        case UVScript():
            return "from_uv_script"
        case PoetryProject():
            return "with_poetry_project"
        case Commands():
            return "with_commands"
        case Env():
            return "with_env_vars"
        case WorkDir():
            return "with_workdir"
        case CopyConfig():
            return "with_source_file / with_source_folder"


def call(layer: Layer) -> str:
    """The SDK's call for the layer, shortened, without environment values, which may be private."""
    arguments = ", ".join(_arguments(layer))
    if len(arguments) > _LONGEST:
        arguments = arguments[: _LONGEST - 1] + "…"
    return f"{method(layer)}({arguments})"


def _arguments(layer: Layer) -> list[str]:
    secrets = [f"secret_mounts=[{', '.join(s.name for s in m)}]"] if (m := getattr(layer, "secret_mounts", ())) else []
    options = _options(getattr(layer, "options", PipOptions()))
    match layer:
        case AptPackages(packages=words):
            return [*map(repr, words), *secrets]
        case PipPackages(packages=words):
            return [*map(repr, words), *options, *secrets]
        case Requirements(file=file):
            return [repr(file.rsplit("/", 1)[-1]), *options, *secrets]
        case PythonWheels(package_name=name):
            return [repr(name), *options, *secrets]
        case UVProject():
            return [repr(_pyproject(layer.pyproject, layer.source_dir)), *options, *secrets]
        case UVScript():
            return [*options, *secrets]
        case PoetryProject():
            path = _pyproject(layer.pyproject.removesuffix("/pyproject.toml"), layer.source_dir)
            return [repr(path), *([f"extra_args={layer.extra_args!r}"] if layer.extra_args else []), *secrets]
        case Commands(cmd=commands):
            return [repr(list(commands)), *secrets]
        case Env(env_variables=variables):
            return list(variables)
        case WorkDir(workdir=path):
            return [repr(path)]
        case CopyConfig(src=src, dst=dst):
            return [repr(src), f"dst={dst!r}"]


def _pyproject(folder: str, source_dir: str) -> str:
    """The path of pyproject.toml below the project's tree."""
    inside = folder.removeprefix(source_dir).strip("/") if source_dir else folder
    return f"{inside}/pyproject.toml" if inside else "pyproject.toml"


def _options(options: PipOptions) -> list[str]:
    words = []
    if options.index_url:
        words.append(f"index_url={options.index_url!r}")
    if options.extra_index_urls:
        words.append(f"extra_index_urls={list(options.extra_index_urls)!r}")
    if options.pre:
        words.append("pre=True")
    if options.extra_args:
        words.append(f"extra_args={options.extra_args!r}")
    return words
