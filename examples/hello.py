"""A flyte task and the image that it runs in.

    FLYTE_IMAGE_BUILDER=boatyard flyte build examples/hello.py env
    FLYTE_IMAGE_BUILDER=boatyard python examples/hello.py

Neither needs a control plane. The script's last line is the image: `image: <repository>@sha256:…`.
"""

import flyte

env = flyte.TaskEnvironment(
    name="hello",
    image=flyte.Image.from_debian_base(install_flyte=False, name="hello")
    .with_apt_packages("tree")
    .with_pip_packages("cowsay==6.1", "rich==13.9.4")
    .with_env_vars({"GREETING": "built by Boatyard, run by you"}),
)


@env.task
def hello(name: str) -> str:
    import os

    import cowsay

    return str(cowsay.get_output_string("cow", f"Hello {name}! {os.environ['GREETING']}"))


if __name__ == "__main__":
    flyte.init_from_config()
    build = flyte.build(env.image)
    print(f"image: {build.uri}")
