FROM registry.example.com/python:3.12-slim
USER root
COPY --from=uv /uv /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "if [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared --mount=type=bind,source=0,target=/tmp/boatyard/89c42f78e3ba3251b2505c63ded61ea1,rw ["/bin/sh", "-c", "set -e\ncd /tmp/boatyard/89c42f78e3ba3251b2505c63ded61ea1/app\nif [ -n \"${UV_DEFAULT_INDEX-}${UV_INDEX-}\" ] || grep -q 'index = \"file:' /tmp/boatyard/89c42f78e3ba3251b2505c63ded61ea1/uv.lock; then\nlocked=\"$(grep -E '^(name|version) = ' /tmp/boatyard/89c42f78e3ba3251b2505c63ded61ea1/uv.lock || true)\"\nVIRTUAL_ENV=${VIRTUAL_ENV-/opt/venv} uv lock --quiet\nif [ \"$locked\" != \"$(grep -E '^(name|version) = ' /tmp/boatyard/89c42f78e3ba3251b2505c63ded61ea1/uv.lock || true)\" ]; then\necho 'error: The lockfile at `uv.lock` needs to be updated: its packages do not fit the project' >&2\nexit 1\nfi\nfi\nVIRTUAL_ENV=${VIRTUAL_ENV-/opt/venv} uv sync --active --inexact --locked --no-editable --no-install-project"]
ENV _F_IMG_ID="registry.example.com/images/image:e2afa7427ca316954280ecebbf2631ba"
SHELL ["/bin/bash", "-c"]
