"""An existing Django service. It verifies Martlet's access tokens with djangorestframework-simplejwt."""

import os

import django
from django.conf import settings

settings.configure(
    # Only the gateway connects to it, and it uses the host name.
    ALLOWED_HOSTS=["legacy.example.org"],
    SECRET_KEY=os.urandom(32).hex(),
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    REST_FRAMEWORK={
        # The user comes from the token. The service's database has no row for them.
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    },
    SIMPLE_JWT={
        "ALGORITHM": "ES256",
        "JWK_URL": os.environ["JWKS_URL"],
        "AUDIENCE": "martlet",
        "ISSUER": "martlet",
        "LEEWAY": 10,
        "USER_ID_CLAIM": "sub",
        "AUTH_TOKEN_CLASSES": ["rest_framework_simplejwt.tokens.UntypedToken"],
        "TOKEN_USER_CLASS": "martlet_user.MartletUser",
    },
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.decorators import api_view, authentication_classes, permission_classes  # noqa: E402
from rest_framework.response import Response  # noqa: E402


@api_view()
def me(request):
    user = request.user
    return Response({
        "user": user.id,
        "may_add": user.has_perm("catalog.add_product"),
        "may_all": user.has_perms(["catalog.add_product", "catalog.delete_product"]),
        "may_in_catalog": user.has_module_perms("catalog"),
        "headers": {key.lower(): value for key, value in request.headers.items()},
    })


@api_view()
@authentication_classes([])
@permission_classes([])
def health(request):
    return Response({"status": "ok"})


@api_view(["POST"])
@authentication_classes([])
@permission_classes([])
def upload(request):
    return Response({"count": len(request.body), "length": request.headers.get("Content-Length")})


urlpatterns = [path("legacy/me", me), path("legacy/health", health), path("legacy/upload", upload)]
application = get_wsgi_application()
