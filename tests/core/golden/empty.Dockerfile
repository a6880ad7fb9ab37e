FROM registry.example.com/python:3.12-slim
USER root
COPY --from=uv /uv /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "if [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
ENV _F_IMG_ID="registry.example.com/images/image:baff35ca404d2db14b1844f13c47b01b"
SHELL ["/bin/bash", "-c"]
