FROM registry.example.com/mirror/python:3.12@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
USER root
ARG TARGETARCH
COPY --from=uv /uv-${TARGETARCH} /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=secret,id=boatyard-ca,target=/run/boatyard/ca.pem --mount=type=secret,id=boatyard-network,target=/run/boatyard/network.sh --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", ". /run/boatyard/network.sh\nif [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN --mount=type=secret,id=boatyard-ca,target=/run/boatyard/ca.pem --mount=type=secret,id=boatyard-network,target=/run/boatyard/network.sh --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", ". /run/boatyard/network.sh\nuv pip install --python \"$UV_PYTHON\" -- six"]
ENV _F_IMG_ID="123456789012.dkr.ecr.eu-west-1.amazonaws.com/images:job-505e89ab6f66fc7b72b31ad57c9657a9"
SHELL ["/bin/bash", "-c"]
