"""One settings module, fed by the environment alone (see `portal/env.py`)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import bootstrap_wrapper
import dj_database_url
import drf_spectacular_sidecar
from csp.constants import NONE, SELF

from portal.api.enum_names import ENUM_NAMES
from portal.dead_peers import with_patience
from portal.env import BASE_DIR, Environment
from portal.logs import configure_logging, know_secret
from portal.run.broker import broker_url

ENVIRONMENT = Environment.read()
VAR_DIR = ENVIRONMENT.var
VAR_DIR.mkdir(parents=True, exist_ok=True)
SHARED_DATA_DIR = ENVIRONMENT.plumbline_shared_data

IS_PRODUCTION = ENVIRONMENT.is_production
DEBUG = False  # the error pages are our own in every mode; a traceback goes to the log
SECRET_KEY = ENVIRONMENT.secret_key()
TOKEN_PEPPERS = ENVIRONMENT.token_peppers()
AUDIT_KEYS = ENVIRONMENT.audit_keys()  # sign the seals of the audit
AUDIT_HEADS_DIR = ENVIRONMENT.audit_heads
CREDENTIAL_KEYS = ENVIRONMENT.credential_keys()
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts or ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "portal",
    "adoption",
    "billing",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.mfa",
    "allauth.usersessions",
    "axes",
    "csp",
    "django_filters",
    "django_htmx",
    "django_structlog",
    "django_tables2",
    "drf_spectacular",
    "health_check",
    "rest_framework",
]

MIDDLEWARE = [
    "portal.shell.headers.SafeHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Outside WhiteNoise: what it serves straight from a package in local mode is not compressed.
    "django.middleware.gzip.GZipMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "portal.audit.middleware.ActorMiddleware",
    "portal.audit.denials.DenialMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.signin.middleware.SignInRulesMiddleware",
    "axes.middleware.AxesMiddleware",  # turns the answer into the lockout page
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "portal.shell.htmx.VaryOnHtmxMiddleware",
    "portal.views.errors.TooManyRequestsMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
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
                "portal.shell.context.shell",
            ],
        },
    }
]
FORM_RENDERER = "portal.shell.forms.ShellFormRenderer"
DJANGO_TABLES2_TEMPLATE = "components/_table.html"

# --- Data -------------------------------------------------------------------------------------

SQLITE_OPTIONS = {
    # Deferred transactions fail under concurrency instead of waiting; see docs/operators.md.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA foreign_keys=ON;"
        "PRAGMA temp_store=FILE;PRAGMA cache_size=-32000;"
    ),
}


def _database(url: str) -> dict[str, Any]:
    if not url:
        url = f"sqlite:///{VAR_DIR / 'plumbline.sqlite3'}"
    config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60))
    if config["ENGINE"] == "django.db.backends.sqlite3":
        config["OPTIONS"] = {**config.get("OPTIONS", {}), **SQLITE_OPTIONS}
        # Workers and threads of a test must reach the same database: a file, not memory.
        config["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
    else:
        config["OPTIONS"] = with_patience(config.get("OPTIONS", {}))
    return config


DATABASES = {"default": _database(ENVIRONMENT.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANDING_DIR = VAR_DIR / "landing"  # imported files as they came, compressed, named by their hash
PEOPLE_FILES_DAYS = ENVIRONMENT.plumbline_people_files_days
IMPORT_MAX_BYTES = ENVIRONMENT.plumbline_max_import_bytes
IMPORT_MAX_ROWS = ENVIRONMENT.plumbline_max_import_rows
PG_BIN_DIR = ENVIRONMENT.plumbline_pg_bin  # pg_dump and pg_restore; empty: where they usually are
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = ENVIRONMENT.plumbline_max_upload_files
UPLOAD_MAX_BYTES = ENVIRONMENT.plumbline_max_upload_bytes
UPLOAD_MAX_FILE_BYTES = ENVIRONMENT.plumbline_max_upload_file_bytes
FILE_UPLOAD_HANDLERS = [
    "portal.uploads.BoundedUpload",  # counts first, the others keep
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # larger uploads go to disk while they arrive

# --- People -----------------------------------------------------------------------------------

AUTH_USER_MODEL = "portal.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
SIGN_IN = ENVIRONMENT.sign_in_settings
TRUSTED_PROXY = ENVIRONMENT.plumbline_trusted_proxy
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",  # first: who is locked out is not even hashed
    "django.contrib.auth.backends.ModelBackend",
]
PASSWORD_HASHERS = [
    "portal.signin.hashers.PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # earlier ones, until the next sign-in
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_HANDLER = "portal.signin.lockout.LockoutHandler"
AXES_LOCKOUT_PARAMETERS = ["username", "ip_address"]
AXES_FAILURE_LIMIT = 10  # of one account, from wherever
SIGN_IN_FAILURES_PER_ADDRESS = 50  # whichever the accounts
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or knocking would keep an account locked
AXES_RESET_ON_SUCCESS = True
AXES_CLIENT_IP_CALLABLE = "portal.signin.addresses.client_address"
AXES_USERNAME_CALLABLE = "portal.signin.lockout.account_key"
AXES_LOCKOUT_CALLABLE = "portal.signin.lockout.lockout_page"
AXES_DISABLE_ACCESS_LOG = True  # sign-in events say more
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
ACCOUNT_ADAPTER = "portal.signin.adapters.AccountAdapter"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_UNIQUE_EMAIL = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_RATE_LIMITS = {"login": "60/m/ip", "login_failed": "50/15m/ip,10/15m/key"}
SOCIALACCOUNT_ADAPTER = "portal.signin.adapters.ProviderAdapter"
SOCIALACCOUNT_LOGIN_ON_GET = True  # a form could not lead there: form-action is 'self'
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_REQUESTS_TIMEOUT = 5
MFA_ADAPTER = "portal.signin.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "portal.signin.forms.SecondFactorForm",
    "reauthenticate": "portal.signin.forms.SecondFactorAgainForm",
}
MFA_TOTP_ISSUER = "Plumbline"
MFA_TOTP_TOLERANCE = 1  # a telephone's clock may be half a minute off
MFA_RECOVERY_CODES_SHOW_ONCE = True

# --- Language and time ------------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"  # stored and computed in UTC; a programme's own zone only cuts days
USE_TZ = True

# --- Static files -----------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"  # built into the image, so not below the data
_BOOTSTRAP = Path(str(bootstrap_wrapper.get_bootstrap_dir()))
_SWAGGER = (
    Path(str(drf_spectacular_sidecar.__file__)).parent
    / "static"
    / "drf_spectacular_sidecar"
    / "swagger-ui-dist"
)
# Third-party files come from installed packages, and only the ones named here are served.
VENDOR_STATIC = {
    "vendor/bootstrap.min.css": _BOOTSTRAP / "css" / "bootstrap.min.css",
    "vendor/bootstrap.bundle.min.js": _BOOTSTRAP / "js" / "bootstrap.bundle.min.js",
    "vendor/swagger-ui/swagger-ui.css": _SWAGGER / "swagger-ui.css",
    "vendor/swagger-ui/swagger-ui-bundle.js": _SWAGGER / "swagger-ui-bundle.js",
    "vendor/swagger-ui/favicon-32x32.png": _SWAGGER / "favicon-32x32.png",
}
STATICFILES_FINDERS = [
    "portal.shell.static.VendorFinder",
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "portal.shell.static.ManifestStorage"
            if IS_PRODUCTION
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
WHITENOISE_AUTOREFRESH = not IS_PRODUCTION
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

# --- Security ---------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # Bootstrap's own icons are data images
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
EMBED_ORIGINS = ENVIRONMENT.embed_origins  # may frame a dashboard's page for embedding, no other
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = SIGN_IN.session_hours * 60 * 60
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.views.errors.csrf_failure"
if IS_PRODUCTION:
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
    CSRF_TRUSTED_ORIGINS = [f"https://{host.lstrip('.')}" for host in ALLOWED_HOSTS]
    if ENVIRONMENT.plumbline_trusted_proxy:
        SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_REDIRECT_EXEMPT = ["^healthz$", "^readyz$"]

# --- API --------------------------------------------------------------------------------------

RATES = {  # how often; see `portal/limits.py`
    "api": ENVIRONMENT.plumbline_api_rate,
    "api_refused": ENVIRONMENT.plumbline_api_refused_rate,
    "upload": ENVIRONMENT.plumbline_upload_rate,
    "export": ENVIRONMENT.plumbline_export_rate,
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "portal.api.authentication.TokenAuthentication",
        "portal.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "portal.api.scopes.WithinScopes",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["portal.api.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_THROTTLE_CLASSES": ["portal.api.throttling.CallerThrottle"],
    "EXCEPTION_HANDLER": "portal.api.errors.problem_handler",
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Plumbline API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": ENUM_NAMES,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
}

# --- E-mail -----------------------------------------------------------------------------------

SITE_ORIGIN = ENVIRONMENT.site_origin  # for links in letters
_MAIL = ENVIRONMENT.mail_server  # without one nothing is sent; locally letters become files
SENDS_MAIL = _MAIL is not None or not IS_PRODUCTION
DEFAULT_FROM_EMAIL = SERVER_EMAIL = ENVIRONMENT.plumbline_mail_from
EMAIL_TIMEOUT = 10
if _MAIL is not None:
    EMAIL_HOST, EMAIL_PORT = _MAIL.host, _MAIL.port
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL.user, _MAIL.password
    EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL.uses_starttls, _MAIL.uses_tls
    know_secret(_MAIL.password)
else:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(VAR_DIR / "mail")

# --- Background work --------------------------------------------------------------------------
# The embedded mode shortens every time together, so that a killed worker's task is soon taken up.
_SOFT, _HARD, _VISIBILITY, _RESTORE = (
    (240, 300, 900, 5) if ENVIRONMENT.celery_broker_url else (110, 120, 300, 2)
)
CELERY_BROKER_URL = ENVIRONMENT.celery_broker_url or broker_url(VAR_DIR)
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True  # runs and work have tables of their own
CELERY_TASK_SOFT_TIME_LIMIT = _SOFT
CELERY_TASK_TIME_LIMIT = _HARD
CELERY_VISIBILITY_TIMEOUT = _VISIBILITY
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _VISIBILITY,
    "unacked_restore_interval": _RESTORE,
    "unacked_restore_throttle": 1,
    "unacked_mutex_expire": 30,  # how long a killed worker's lock on handing out anew is kept
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "global_keyprefix": "plumbline:",
}
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 5 if not ENVIRONMENT.celery_broker_url else 30
CELERY_WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 2,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.4,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TIMEZONE = "UTC"
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {"portal.tasks.run_import": {"queue": "imports"}}
WORK_HEARTBEAT_SECONDS = 5.0  # an attempt beats its heart this often
WORK_STALE_SECONDS = 30.0  # silent for so long, its item is given away
# An idle worker that is handed nothing for so long although messages wait ends itself.
WORK_DEAF_SECONDS = 60.0 if ENVIRONMENT.celery_broker_url else 20.0
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")

# --- Logs -------------------------------------------------------------------------------------

for _secret in (
    SECRET_KEY,
    DATABASES["default"].get("PASSWORD") or "",
    *TOKEN_PEPPERS.by_number.values(),
    *AUDIT_KEYS.by_number.values(),
    *CREDENTIAL_KEYS.by_number.values(),
    SIGN_IN.oidc.client_secret if SIGN_IN.oidc else "",
):
    know_secret(_secret)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
LOGGING_CONFIG = None
LOG_FORMAT = ENVIRONMENT.plumbline_log_format or ("json" if IS_PRODUCTION else "console")
configure_logging(level=ENVIRONMENT.plumbline_log_level, log_format=LOG_FORMAT)
