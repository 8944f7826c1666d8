"""Settings of the portal, all of them from the environment.

With an empty environment the portal runs embedded: SQLite under ``var/``, jobs run in the
process that asks for them. ``DATABASE_URL`` and ``REDIS_URL`` switch to PostgreSQL, Redis and a
Celery worker. A value that cannot be right stops the start rather than being guessed at.
"""

import re
import sys
from pathlib import Path
from typing import Any

import dj_database_url
from celery.schedules import crontab
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import Env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
VAR_DIR.mkdir(exist_ok=True)

env = Env()

DEBUG = env.bool("DEBUG", False)

# --- what makes a production start: a server that is reached by others must bring its own secret
EMBEDDED_SECRET = "embedded-secret-only-for-a-portal-that-listens-on-this-machine"  # noqa: S105
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
SECRET_KEY = env.str("SECRET_KEY", EMBEDDED_SECRET)
IS_LOCAL = set(ALLOWED_HOSTS) <= {"127.0.0.1", "localhost", "[::1]", "testserver"}
if not IS_LOCAL and (SECRET_KEY == EMBEDDED_SECRET or len(SECRET_KEY) < 40):
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS opens the portal to others: set SECRET_KEY to at least 40 random characters."
    )

REDIS_URL = env.str("REDIS_URL", "")
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    raise ImproperlyConfigured("REDIS_URL is an address like redis://host:6379/0.")

INSTALLED_APPS = [
    "iscm_portal.common",
    "engagements",
    "finance",
    "reporting",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "csp",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "simple_history",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    # A bad line pays for every byte.
    "iscm_portal.common.compression.PagesGzipMiddleware",
    "iscm_portal.common.compression.CompressionMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "iscm_portal.common.middleware.ReadableAddressMiddleware",
    "iscm_portal.common.middleware.SignInRequiredMiddleware",
    "iscm_portal.common.middleware.BusyDatabaseMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
]

ROOT_URLCONF = "iscm_portal.urls"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
WSGI_APPLICATION = "iscm_portal.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "iscm_portal.common.context_processors.portal",
            ],
            "builtins": ["django.templatetags.i18n", "iscm_portal.common.templatetags.portal"],
        },
    }
]

# --- databases: SQLite embedded, PostgreSQL otherwise
EMBEDDED_DATABASE = f"sqlite:///{VAR_DIR / 'portal.sqlite3'}"
DATABASES: dict[str, Any] = {
    # An empty DATABASE_URL means the embedded one, like an absent one.
    "default": dj_database_url.parse(env.str("DATABASE_URL", "") or EMBEDDED_DATABASE)
}
_database = DATABASES["default"]
if _database["ENGINE"].endswith("sqlite3"):
    # WAL lets readers go on while one writes; IMMEDIATE takes the write lock at BEGIN, so that
    # two writers queue instead of failing half way.
    _database["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    _database["CONN_MAX_AGE"] = 600
    _database["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CACHES: dict[str, Any] = {
    "default": (
        {
            "BACKEND": "iscm_portal.common.cache.ForgivingRedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        }
        if REDIS_URL
        else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
    ),
    # What a process keeps for itself: never more than can be worked out again.
    "memory": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": "memory",
        "TIMEOUT": 3600,
        "OPTIONS": {"MAX_ENTRIES": 2000},
    },
}

# --- who signs in, and how
AUTH_USER_MODEL = "engagements.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
ACCOUNT_ADAPTER = "iscm_portal.common.accounts.ClosedAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = False
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
CSRF_FAILURE_VIEW = "iscm_portal.common.pages.not_accepted"

# --- mail: to the console unless EMAIL_URL names a server
EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
if env.str("EMAIL_URL", ""):
    _email = env.dj_email_url("EMAIL_URL")
    if "EMAIL_BACKEND" not in _email:
        raise ImproperlyConfigured("EMAIL_URL begins with no way of sending mail that is known.")
    vars().update(_email)

EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("PORTAL_FROM_EMAIL", "portal@localhost")
# Where an answer to a notice goes: to people, not to the machine.
PORTAL_REPLY_TO = env.str("PORTAL_REPLY_TO", "")
# The address of the portal in mails, which no request tells.
PORTAL_URL = env.str("PORTAL_URL", "http://127.0.0.1:8000").rstrip("/")

# --- language
LANGUAGE_CODE = "en-gb"
LANGUAGES = [("en-gb", _("English"))]
LOCALE_PATHS = [BASE_DIR / "iscm_portal" / "common" / "locale"]
FORMAT_MODULE_PATH = ["iscm_portal.common.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
USE_THOUSAND_SEPARATOR = False

# --- files
STATIC_URL = "static/"
STATIC_ROOT = env.path("STATIC_ROOT", VAR_DIR / "static")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or "test" in sys.argv
        else "whitenoise.storage.CompressedStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = env.path("MEDIA_ROOT", VAR_DIR / "media")
# No address leads to a file by itself: a view sends it to those who may read it.
UPLOAD_MAX_BYTES = 20 * 1024 * 1024
FILE_UPLOAD_HANDLERS = [
    "iscm_portal.common.uploads.TooLargeHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]

# --- security: no inline script or style, no other host
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# A portal that others reach is served over TLS only; the embedded one listens on this machine.
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not IS_LOCAL
SECURE_HSTS_SECONDS = 0 if IS_LOCAL else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not IS_LOCAL
CSRF_TRUSTED_ORIGINS = [f"https://{host.lstrip('.')}" for host in ALLOWED_HOSTS if not IS_LOCAL]

# --- REST
# Calls a minute of one token, or of one user who is signed in by a browser.
API_CALLS_PER_MINUTE = env.int("API_CALLS_PER_MINUTE", 600)
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "iscm_portal.common.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["iscm_portal.common.access.HasScope"],
    "DEFAULT_PAGINATION_CLASS": "iscm_portal.common.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_RENDERER_CLASSES": ["iscm_portal.common.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_VERSIONING_CLASS": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ISCM portal API",
    "DESCRIPTION": "IOM's engagement in inter-State consultation mechanisms on migration.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_INCLUDE_SCHEMA": False,
    # Codes stand at each field: named enumerations of many "kind"s would need names that nobody
    # looks up, so that the hook which makes them is not here.
    "POSTPROCESSING_HOOKS": [
        "iscm_portal.common.api_document.declare_answers",
        "iscm_portal.common.api_examples.add_examples",
    ],
}

# --- jobs: without Redis they run in the process that asks, after its commit
CELERY_BROKER_URL = REDIS_URL or "memory://localhost/"
CELERY_TASK_ALWAYS_EAGER = not REDIS_URL
# Then what takes long, as the check of a long file, runs in a thread beside the answer. ``serve``
# says so; a command that ends at once would take its threads with it.
LONG_JOBS_IN_THREADS = env.bool("LONG_JOBS_IN_THREADS", False)
CELERY_TASK_ACKS_LATE = True
CELERY_IMPORTS = [
    "iscm_portal.common.api_keyed",
    "iscm_portal.common.outbox",
    "iscm_portal.common.versions",
    "iscm_portal.common.changes.tasks",
    "iscm_portal.common.webhooks.tasks",
]
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A page must not wait for a broker that is away: the outbox keeps the work until the next tick.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "max_retries": 0,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "deliver-outbox": {"task": "common.deliver_outbox", "schedule": 60.0},
    "send-due-notices": {"task": "reporting.send_due_notices", "schedule": 300.0},
    "look-after-surveys": {"task": "reporting.look_after_surveys", "schedule": 300.0},
    "send-briefings": {"task": "reporting.send_briefings", "schedule": 300.0},
    "remove-loose-files": {"task": "reporting.remove_loose_files", "schedule": 86_400.0},
    # One that a busy worker has not begun when the next is due is not needed any more.
    "deliver-webhooks": {
        "task": "common.deliver_webhooks",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "forget-keyed-calls": {"task": "common.forget_keyed_calls", "schedule": 86_400.0},
    "forget-deliveries": {"task": "common.forget_deliveries", "schedule": 86_400.0},
    "forget-changes": {"task": "common.forget_changes", "schedule": 86_400.0},
    "take-up-imports": {"task": "finance.take_up_imports", "schedule": 300.0},
    "thin-out-versions": {"task": "common.thin_out_versions", "schedule": 600.0},
    "compile-nightly": {
        "task": "reporting.compile_indicators",
        "schedule": crontab(minute=0, hour=2),
    },
    # Of the same day as the compile: a duty is owed from the day after its event.
    "audit-nightly": {"task": "reporting.audit_indicators", "schedule": crontab("30", "3")},
}

# --- the house's own
PORTAL_NAME = env.str("PORTAL_BRAND_NAME", "ISCM portal")
REPORT_DUE_DAYS = 14
# How many answers to surveys are taken, (number, within seconds): by one link, from one address,
# in all; and how many wrong links one address may try. A meeting room has one address.
SURVEY_LIMITS = {
    "link": (120, 60),
    "address": (600, 300),
    "all": (3000, 60),
    "wrong": (30, 300),
}
# A form that comes back sooner was filled by a machine.
SURVEY_LEAST_SECONDS = 3
# Hosts to which webhooks go though they are none of the open internet, over http as well: for tests
# and for receivers in the house. Names or addresses without a port.
WEBHOOK_TEST_HOSTS: list[str] = env.list("WEBHOOK_TEST_HOSTS", [])
# Who publishes at IATI: agency and number, as in XX-ABC-123456. Empty: there is no activity file.
IATI_ORGANISATION_ID = env.str("IATI_ORGANISATION_ID", "")
if not re.fullmatch(r"(?:[A-Za-z]{2,}-[A-Za-z0-9._-]+)?", IATI_ORGANISATION_ID):
    raise ImproperlyConfigured("IATI_ORGANISATION_ID is an identifier like XX-ABC-123456.")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "filters": {"no_tokens": {"()": "iscm_portal.common.logs.WithoutTokens"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["no_tokens"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO" if not DEBUG else "DEBUG"},
    "loggers": {
        "django.db.backends": {"level": "INFO"},
        # Each job has its row (JobRun); the log tells of those that fail.
        "celery.app.trace": {"level": "WARNING"},
    },
}
