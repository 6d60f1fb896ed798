# The service, run by nobody in particular; compose.yaml has the rest: a database, a read-only root, tokens.
FROM python:3.12-slim AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE NOTICE ./
COPY src src
RUN python -m venv /opt/goodsight \
    && /opt/goodsight/bin/pip install --no-cache-dir --constraint constraints.txt '.[serve]'

FROM python:3.12-slim
RUN useradd --system --uid 10001 --no-create-home goodsight \
    && install --directory --owner goodsight /data
COPY --from=build /opt/goodsight /opt/goodsight
ENV PATH=/opt/goodsight/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GOODSIGHT_CACHE=/data/cache
USER 10001
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/v2/health/ready', timeout=4)"]
ENTRYPOINT ["goodsight"]
CMD ["serve", "/models/model", "--data", "/data", "--tokens", "/run/secrets/tokens", "--host", "0.0.0.0"]
