FROM docker.io/library/python:3.12-slim
USER root
COPY --from=uv /uv /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "if [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=0,target=/tmp/boatyard/403071f871f083e0311c798e956cf669,rw ["/bin/sh", "-c", "set -e\ncd /tmp/boatyard/403071f871f083e0311c798e956cf669\nVIRTUAL_ENV=${VIRTUAL_ENV-/opt/venv} uv sync --active --inexact --locked --script /tmp/boatyard/403071f871f083e0311c798e956cf669/script.py"]
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=1,target=/tmp/boatyard/6d04f40549a8d091c91e5cae998ba7ba,rw ["/bin/sh", "-c", "set -e\ncd /tmp/boatyard/6d04f40549a8d091c91e5cae998ba7ba\nuv pip install --python \"$UV_PYTHON\" -c ./1/constraints.txt -- six ./0/app-1-py3-none-any.whl"]
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=2,target=/tmp/boatyard/cdf8300a6ab649c905ad24d5ed8875ba,rw ["/bin/sh", "-c", "set -e\ncd /tmp/boatyard/cdf8300a6ab649c905ad24d5ed8875ba\nuv pip install --python \"$UV_PYTHON\" --requirement /tmp/boatyard/cdf8300a6ab649c905ad24d5ed8875ba/requirements.txt"]
ENV _F_IMG_ID="registry.example.com/images/image:be645dd7e70658e1534d4b8aadacf0c7"
SHELL ["/bin/bash", "-c"]
