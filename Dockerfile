# The portal as an image: web server, worker, beat and one-shot commands alike.
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1

WORKDIR /srv/portal

COPY requirements.lock ./
RUN pip install --require-hashes -r requirements.lock

RUN useradd --system --uid 10001 --home-dir /srv/portal portal \
    && mkdir -p var/media var/static \
    && chown -R portal:portal var
COPY . .

# The secret is for this one command and stays nowhere.
RUN SECRET_KEY=only-while-the-image-is-built python manage.py collectstatic --noinput \
    && python -m compileall -q iscm_portal engagements finance reporting

USER portal
EXPOSE 8000
VOLUME ["/srv/portal/var/media"]
CMD ["gunicorn", "iscm_portal.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "8", "--no-control-socket", "--access-logfile", "-"]
