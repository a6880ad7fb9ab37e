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

    flyte's tag cannot be used to look for an image: different images can have the same tag (its hash has no
    separator between packages, and leaves out the platform). Boatyard's key identifies an image, and its server answers
    in milliseconds. Without any checker, the SDK would assume that every image exists.
    """

    @classmethod
    async def image_exists(cls, repository: str, tag: str, arch: tuple[str, ...] = ("linux/amd64",)) -> str | None:
        return None


class BoatyardImageBuilder:
    """Builds images with the Boatyard service that `boatyard_client.endpoint` finds. Select it with
    FLYTE_IMAGE_BUILDER=boatyard or `image.builder: boatyard` in the SDK's configuration.
    """

    def __init__(self, connect: Callable[[], Client] = Client) -> None:
        self._connect = connect

    def get_checkers(self) -> list[type[AlwaysAsk]]:
        return [AlwaysAsk]

    async def build_image(
        self, image: sdk.Image, dry_run: bool = False, wait: bool = True, force: bool = False
    ) -> sdk.ImageBuild:
        """Builds the image and returns it by digest. With `dry_run`, prints its plan and returns its target;
        without `wait`, the uri is None while the image is being built.

        Raises flyte.errors.ImageBuildError for every foreseen error.
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
