# Everything is installed in this stage, so that neither pip nor a build tool ends up in the final image.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build
WORKDIR /src
COPY requirements-build.lock requirements.lock ./
RUN python -m venv --without-pip /opt/tunesmith \
 && pip install --no-cache-dir --require-hashes --only-binary :all: --requirement requirements-build.lock
RUN pip --python /opt/tunesmith/bin/python install --no-cache-dir --require-hashes --only-binary :all: \
    --requirement requirements.lock
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY bot ./bot
RUN python -m build --wheel --no-isolation --outdir dist \
 && pip --python /opt/tunesmith/bin/python install --no-cache-dir --no-deps dist/*.whl

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
LABEL org.opencontainers.image.title="Tunesmith" \
      org.opencontainers.image.licenses="MIT"
RUN pip uninstall --yes --root-user-action ignore pip \
 && rm -r /usr/local/lib/python3.*/ensurepip \
 && groupadd --gid 10001 tunesmith \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin tunesmith \
 && install --directory --mode=0700 --owner=10001 --group=10001 /data
COPY --from=build /opt/tunesmith /opt/tunesmith
ENV PATH=/opt/tunesmith/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATABASE_URL=sqlite:////data/tunesmith.db \
    SPOOL_DIR=/data/spool \
    SQLITE_TMPDIR=/data
# Numeric, so that an orchestrator can verify that the user is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
# Requests /healthz at HTTP_LISTEN. -P: never import from the working directory /data, which is writable.
HEALTHCHECK --interval=20s --timeout=10s --start-period=60s --retries=2 \
    CMD ["python", "-P", "-m", "bot.ops.probe"]
# In exec form, the bot itself receives the signal and shuts down gracefully.
ENTRYPOINT ["tunesmith"]
CMD ["run"]
