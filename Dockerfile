# The wheel is built apart, so that no build tool reaches the image that runs.
FROM python:3.13-slim AS build
WORKDIR /src
RUN pip install --no-cache-dir "build==1.3.0" "hatchling>=1.27,<2"
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY bot ./bot
RUN python -m build --wheel --no-isolation --outdir /wheels

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Tunesmith" \
      org.opencontainers.image.licenses="MIT"
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATABASE_URL=sqlite:////data/tunesmith.db \
    SPOOL_DIR=/data/spool \
    SQLITE_TMPDIR=/data
COPY requirements.lock /tmp/requirements.lock
COPY --from=build /wheels /tmp/wheels
RUN pip install --no-cache-dir --require-hashes --requirement /tmp/requirements.lock \
 && pip install --no-cache-dir --no-deps /tmp/wheels/*.whl \
 && rm -r /tmp/requirements.lock /tmp/wheels \
 && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin tunesmith \
 && install --directory --owner=tunesmith --group=tunesmith /data
USER tunesmith
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
# In exec form the bot itself gets the signal, and ends what must not be cut off.
ENTRYPOINT ["tunesmith"]
CMD ["run"]
