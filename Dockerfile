# Two stages: the first installs, the second only runs. No layer holds a secret: secrets come with the container's environment
# or as mounted files. Mount a configuration at /etc/tokend/config.yaml; without one, APP_ID and APP_CERTIFICATE are enough.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/tokend
COPY requirements.txt ./
RUN /opt/tokend/bin/pip install --no-cache-dir -r requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY tokend ./tokend
COPY clients ./clients
COPY plugins ./plugins
RUN /opt/tokend/bin/pip install --no-cache-dir --no-deps . ./plugins/tokend-*

FROM python:3.13-slim
RUN useradd --system --no-create-home --shell /usr/sbin/nologin tokend
COPY --from=build /opt/tokend /opt/tokend
# TOKEND_HOST overrides server.listen: a container is only reachable from outside if it listens on all addresses
ENV PATH=/opt/tokend/bin:$PATH TOKEND_HOST=0.0.0.0 PYTHONUNBUFFERED=1
WORKDIR /etc/tokend
USER tokend
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=6s --start-period=5s CMD ["tokend", "health"]
ENTRYPOINT ["tokend"]
CMD ["serve"]
