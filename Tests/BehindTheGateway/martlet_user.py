"""The class of docs/guides/behind-the-gateway.md."""

from rest_framework_simplejwt.models import TokenUser


class MartletUser(TokenUser):
    """Who a token of Martlet names, with the permissions it carries."""

    @property
    def id(self):
        return int(self.token["sub"])

    @property
    def pk(self):
        return self.id

    def has_perm(self, permission, obj=None):
        return self.is_superuser or permission in self.token["permissions"]

    def has_perms(self, permissions, obj=None):
        return all(self.has_perm(permission, obj) for permission in permissions)

    def has_module_perms(self, app):
        return self.is_superuser or any(name.startswith(f"{app}.") for name in self.token["permissions"])
