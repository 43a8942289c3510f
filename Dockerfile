# One file for every service: docker build --build-arg SERVICE=dataset-svc .
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
RUN --mount=type=cache,target=/root/.cache/pip pip install --quiet --root-user-action=ignore uv
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PYTHON_DOWNLOADS=never UV_PROJECT_ENVIRONMENT=/opt/mcai
WORKDIR /src
# The dependencies first, from the lock alone: this layer lasts until the lock changes.
COPY pyproject.toml uv.lock ./
COPY protos/pyproject.toml protos/
COPY servicekit/pyproject.toml servicekit/
COPY gateway/pyproject.toml gateway/
COPY knowledge-svc/pyproject.toml knowledge-svc/
COPY dataset-svc/pyproject.toml dataset-svc/
COPY task-svc/pyproject.toml task-svc/
COPY monitor-svc/pyproject.toml monitor-svc/
COPY cli/pyproject.toml cli/
ARG SERVICE
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --all-extras --no-install-workspace --package mcai-${SERVICE}
COPY protos/gen protos/gen
COPY servicekit servicekit
COPY ${SERVICE} ${SERVICE}
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --frozen --all-extras --no-editable --package mcai-${SERVICE} \
    && ln -s mcai-${SERVICE} /opt/mcai/bin/service

FROM ${PYTHON_IMAGE}
# The id is fixed so that a volume keeps its owner from one image to the next.
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin mcai \
    && install -d -o mcai -g mcai -m 0700 /data /artifacts
COPY --from=build /opt/mcai /opt/mcai
ENV PATH=/opt/mcai/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 MCAI_DATA_DIR=/data
USER mcai
WORKDIR /data
VOLUME /data
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-m", "servicekit.probe", "127.0.0.1:50051"]
CMD ["service"]
