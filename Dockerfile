# Two stages: the first installs, the second only runs. No layer holds a secret: secrets come with the container's environment
# or as mounted files. Mount a configuration at /etc/tokend/config.yaml; without one, APP_ID and APP_CERTIFICATE are enough.
FROM python:3.13-slim AS build
WORKDIR /src
COPY requirements.txt requirements-release.txt ./
RUN python -m venv /opt/release && /opt/release/bin/pip install --no-cache-dir -r requirements-release.txt
RUN python -m venv --without-pip /opt/tokend && \
    /opt/release/bin/pip --python /opt/tokend/bin/python install --no-cache-dir -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY tokend ./tokend
COPY clients ./clients
COPY plugins ./plugins
RUN /opt/release/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . ./plugins/tokend-* && \
    /opt/release/bin/pip --python /opt/tokend/bin/python install --no-cache-dir --no-deps /wheels/*.whl && \
    find /opt/tokend -name direct_url.json -delete && \
    /opt/release/bin/cyclonedx-py environment --output-reproducible --output-file /opt/tokend/sbom.cdx.json /opt/tokend

FROM python:3.13-slim
# nothing can be installed into the image: the base's pip is removed
RUN useradd --system --no-create-home --shell /usr/sbin/nologin tokend && \
    rm -rf /usr/local/bin/pip* /usr/local/lib/python3*/site-packages/pip* /usr/local/lib/python3*/ensurepip
COPY --from=build /opt/tokend /opt/tokend
# `make image` and the release say which version and commit this is
ARG VERSION="" REVISION="" CREATED="" SOURCE=""
LABEL org.opencontainers.image.title="tokend" \
      org.opencontainers.image.description="A lightweight, self-hosted token server for real-time services" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="the tokend authors" \
      org.opencontainers.image.base.name="docker.io/library/python:3.13-slim" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE"
# TOKEND_HOST overrides server.listen: a container is only reachable from outside if it listens on all addresses
ENV PATH=/opt/tokend/bin:$PATH TOKEND_HOST=0.0.0.0 PYTHONUNBUFFERED=1
WORKDIR /etc/tokend
USER tokend
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["tokend", "health"]
ENTRYPOINT ["tokend"]
CMD ["serve"]
