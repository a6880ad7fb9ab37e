"""flyte's own client, whose remote builder requests an image from a server that requires a token."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from connectrpc.code import Code
from connectrpc.errors import ConnectError

from tests.local.servers import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("stock") / "state") as started:
        yield started


async def ask(url: str, **options: Any) -> None:
    from flyte.remote._client.auth._session import create_session_config
    from flyteidl2.imagebuilder import definition_pb2, payload_pb2  # type: ignore[import-untyped]
    from flyteidl2.imagebuilder.service_connect import ImageServiceClient  # type: ignore[import-untyped]

    session = await create_session_config(url, **options)
    client = ImageServiceClient(**session.connect_kwargs())
    await client.get_image(payload_pb2.GetImageRequest(id=definition_pb2.ImageIdentifier(name="image:none")))


def refused(url: str, **options: Any) -> Code:
    with pytest.raises(ConnectError) as error:
        asyncio.run(ask(url, **options))
    return error.value.code


def test_it_sends_what_a_command_prints(server: ServerProcess) -> None:
    command = ["cat", str(server.state / "token")]
    assert refused(server.url, auth_type="ExternalCommand", command=command) is Code.NOT_FOUND


def test_it_reads_the_token_again_after_a_restart(server: ServerProcess) -> None:
    server.kill()
    server.start()
    test_it_sends_what_a_command_prints(server)


def test_without_the_token_it_is_not_answered(server: ServerProcess) -> None:
    assert refused(server.url, auth_type="ExternalCommand", command=["echo", "no"]) is Code.UNAUTHENTICATED
    assert refused(server.url, insecure=True) is Code.UNAUTHENTICATED
