FROM registry.example.com/python:3.12-slim
USER root
COPY --from=uv /uv /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "if [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-apt-archives,target=/var/cache/apt,sharing=locked --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-apt-lists,target=/var/lib/apt/lists,sharing=locked ["/bin/sh", "-c", "set -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get update\napt-get install -y --no-install-recommends -- git 'libpq-dev=15.*'\nrm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache"]
RUN --mount=type=secret,id=1b831e064c52ed134476703b964e8ceb-secret-cert,target=/etc/ssl/client.pem,required=true ["/bin/sh", "-c", "echo \"it's\" > /x && cat \u003c\u003cEOF\nRUN not\nEOF"]
RUN --mount=type=secret,id=1b831e064c52ed134476703b964e8ceb-secret-cert,target=/etc/ssl/client.pem,required=true ["/bin/sh", "-c", "true"]
ENV _F_IMG_ID="registry.example.com/images/image:8dee828d04154877b974825e6573d71a"
SHELL ["/bin/bash", "-c"]
