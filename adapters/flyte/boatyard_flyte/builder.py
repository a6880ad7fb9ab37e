"""The image builder that the flyte SDK loads: entry point `boatyard` in `flyte.plugins.image_builders`."""

import asyncio
from collections.abc import Callable

from boatyard_client.client import Client
from boatyard_flyte import sdk
from boatyard_flyte.errors import explained
from boatyard_flyte.order import ImageRequest, build, plan
from boatyard_flyte.threads import in_thread


class AlwaysAsk:
    """A checker that never finds anything, so that the SDK asks `build_image` every time.

    flyte's tag would be a poor name to look for: it gives different images one tag (the `""` between two
    packages is not hashed, and neither is the platform). Boatyard's key says what exists, and its server
    answers in milliseconds. No checker at all would mean that every image is taken to be there.
    """

    @classmethod
    async def image_exists(cls, repository: str, tag: str, arch: tuple[str, ...] = ("linux/amd64",)) -> str | None:
        return None


class BoatyardImageBuilder:
    """Ensures images at the Boatyard that `boatyard_client.endpoint` finds. Chosen by FLYTE_IMAGE_BUILDER=boatyard
    or `image.builder: boatyard` in the SDK's configuration.
    """

    def __init__(self, connect: Callable[[], Client] = Client) -> None:
        self._connect = connect

    def get_checkers(self) -> list[type[AlwaysAsk]]:
        return [AlwaysAsk]

    async def build_image(
        self, image: sdk.Image, dry_run: bool = False, wait: bool = True, force: bool = False
    ) -> sdk.ImageBuild:
        """The image by digest. With `dry_run` its plan is printed, and the uri is where it would go; without
        `wait` the uri is None while it is being built.

        Raises flyte.errors.ImageBuildError, and nothing else that is foreseen.
        """
        if sdk.is_bare_reference(image):
            # There is nothing to build; only `force` and `dry_run` bring such an image here.
            return sdk.ImageBuild(uri=image.base_image, remote_run=None)
        request = ImageRequest(image=image, force=force, wait=wait, connect=self._connect)
        try:
            uri = await in_thread(lambda: plan(request) if dry_run else build(request))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if (explanation := explained(error)) is None:
                raise
            raise sdk.ImageBuildError(explanation) from None
        return sdk.ImageBuild(uri=uri, remote_run=None)
