"""Makes a boto3 session that loads the descriptions of AWS's services in less time (decision 0030).

To find out whether a service exists, botocore looks into the folders of all four hundred; and it parses megabytes of
JSON. Together this is a sixth of a bare handler's first answer. https://github.com/boto/botocore, botocore/loaders.py
describes loaders as a part of a session that can be replaced.
"""

import gzip
from typing import Any, Literal, get_args

import msgspec
from boto3.session import Session
from botocore.loaders import JSONFileLoader, Loader, create_loader
from botocore.session import get_session

Service = Literal["codebuild", "ecr", "eks", "logs", "s3", "secretsmanager", "sqs", "sts"]
"""The services that Boatyard calls."""


def session() -> Session:
    core = get_session()
    more = create_loader(core.get_config_variable("data_path")).search_paths  # AWS_DATA_PATH, and botocore's own
    models = _Models(extra_search_paths=list(more), file_loader=_Files(), include_default_search_paths=False)
    core.register_component("data_loader", models)
    return Session(botocore_session=core)


class _Models(Loader):
    def list_available_services(self, type_name: str) -> list[str]:
        return list(get_args(Service))


class _Files(JSONFileLoader):
    def load_file(self, file_path: str) -> Any:
        for suffix, opened in ((".json", open), (".json.gz", gzip.open)):
            try:
                with opened(file_path + suffix, "rb") as file:
                    return msgspec.json.decode(file.read())
            except FileNotFoundError:
                continue
        return None
