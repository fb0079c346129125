"""Sets back the clock that PyJWT sees in the services: the clocks of machines always differ."""

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
