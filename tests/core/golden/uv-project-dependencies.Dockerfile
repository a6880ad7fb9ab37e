FROM registry.example.com/python:3.12-slim
USER root
COPY --from=uv /uv /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "if [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=0/app/pyproject.toml,target=pyproject.toml --mount=type=bind,source=0/app/uv.lock,target=uv.lock,rw --mount=type=bind,source=0/app/libs/one,target=libs/one,rw ["/bin/sh", "-c", "VIRTUAL_ENV=${VIRTUAL_ENV-/opt/venv} uv sync --active --inexact --no-install-project"]
ENV _F_IMG_ID="registry.example.com/images/image:74bd5791eb9277119a6ebdd9a6025953"
SHELL ["/bin/bash", "-c"]
