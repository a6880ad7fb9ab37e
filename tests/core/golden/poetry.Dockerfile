FROM registry.example.com/python:3.12-slim
USER root
COPY --from=uv /uv /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "if [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "uv pip install poetry"]
ENV POETRY_CACHE_DIR="/tmp/poetry_cache" POETRY_VIRTUALENVS_IN_PROJECT="true"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-poetry,target=/tmp/poetry_cache,sharing=locked --mount=type=bind,source=1/poetry.lock,target=poetry.lock --mount=type=bind,source=0/pyproject.toml,target=pyproject.toml ["/bin/sh", "-c", "VIRTUAL_ENV=${VIRTUAL_ENV-/opt/venv} poetry install --no-root --only main"]
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "uv pip install poetry"]
ENV POETRY_CACHE_DIR="/tmp/poetry_cache"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-poetry,target=/tmp/poetry_cache,sharing=locked --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=2/app,target=/root/.flyte/2/app,rw --mount=type=bind,source=2/app/poetry.lock,target=/tmp/boatyard/poetry.lock ["/bin/sh", "-c", "set -e\ncmp -s /tmp/boatyard/poetry.lock /root/.flyte/2/app/poetry.lock || cp /tmp/boatyard/poetry.lock /root/.flyte/2/app/poetry.lock\nVIRTUAL_ENV=${VIRTUAL_ENV-/opt/venv} poetry install -C /root/.flyte/2/app\nlinks=$(grep -lsF /root/.flyte/2/app \"${VIRTUAL_ENV-/opt/venv}\"/lib/python3*/site-packages/*.pth) || exit 0\nrm -- $links && uv pip install --python \"${VIRTUAL_ENV-/opt/venv}\" --no-deps --reinstall /root/.flyte/2/app"]
ENV _F_IMG_ID="registry.example.com/images/image:7200370aad59bbed0f6941a35cdcec7b"
SHELL ["/bin/bash", "-c"]
