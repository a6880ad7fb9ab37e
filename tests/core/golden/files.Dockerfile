FROM registry.example.com/python:3.12-slim
USER root
COPY --from=uv /uv /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "if [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=0/requirements.txt,target=/tmp/boatyard/requirements.txt ["/bin/sh", "-c", "uv pip install --python \"$UV_PYTHON\" --requirement /tmp/boatyard/requirements.txt"]
COPY ["[1]/my \\\\[app\\\\]", "\"./my [app]\""]
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=2/dist,target=/tmp/boatyard/dist ["/bin/sh", "-c", "uv pip install --python \"$UV_PYTHON\" --find-links /tmp/boatyard/dist -- acme"]
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=2/dist,target=/tmp/boatyard/dist ["/bin/sh", "-c", "uv pip install --python \"$UV_PYTHON\" --find-links /tmp/boatyard/dist --no-deps --no-index --reinstall -- acme"]
ENV _F_IMG_ID="registry.example.com/images/image:31d88ed0c6f9f48efb7d6e94319f51eb"
SHELL ["/bin/bash", "-c"]
