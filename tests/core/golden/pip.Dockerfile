FROM registry.example.com/python:3.12-slim
USER root
COPY --from=uv /uv /usr/bin/uv
ARG SOURCE_DATE_EPOCH
ENV UV_COMPILE_BYTECODE="1" UV_LINK_MODE="copy" VIRTUALENV="/opt/venv" UV_PYTHON="/opt/venv/bin/python"
RUN --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "if [ ! -f \"$UV_PYTHON\" ]; then uv venv \"$VIRTUALENV\" --python=3.12 && \"$UV_PYTHON\" -m compileall -q --invalidation-mode checked-hash \"$VIRTUALENV\"; fi"]
ENV PATH="${VIRTUALENV}/bin:${PATH}"
ENV PATH="${PATH}:/usr/local/nvidia/bin:/usr/local/cuda/bin" LD_LIBRARY_PATH="/usr/local/nvidia/lib64"
RUN --mount=type=secret,id=1b831e064c52ed134476703b964e8ceb-secret-ci_TOKEN,target=/run/boatyard/secrets/ci_TOKEN,required=true --mount=type=cache,id=bcd9476ee12fe2e4f082515e044e5c27-uv,target=/root/.cache/uv,sharing=shared ["/bin/sh", "-c", "ci_TOKEN=\"$(cat /run/boatyard/secrets/ci_TOKEN; printf x)\"; export ci_TOKEN=\"${ci_TOKEN%x}\"\nuv pip install --python \"$UV_PYTHON\" --index-url https://index.example.com/simple --extra-index-url https://me:\"${ci_TOKEN}\"@extra.example.com/simple --pre --no-deps --only-binary :all: -- 'pandas>=2' git+https://\"${ci_TOKEN}\"@code.example.com/x.git"]
ENV _F_IMG_ID="registry.example.com/images/image:72c679154f270cacfdcfe7e14cf15ab5"
SHELL ["/bin/bash", "-c"]
