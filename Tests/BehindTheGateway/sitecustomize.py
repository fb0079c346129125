"""Sets the services' clock back, as PyJWT sees it: machines are never of one mind about the time."""

import os

behind = float(os.environ.get("SERVICES_CLOCK_BEHIND", "0"))
if behind:
    import datetime

    import jwt.api_jwt

    class Clock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return super().now(tz) - datetime.timedelta(seconds=behind)

    jwt.api_jwt.datetime = Clock
