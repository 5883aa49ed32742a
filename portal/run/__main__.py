"""`python -m portal.run`: what `python3 quickstart.py` becomes once everything is set up."""

from __future__ import annotations

import sys

from portal.env import Environment, UnsafeEnvironmentError
from portal.run.supervisor import Supervisor


def main() -> int:
    try:
        environment = Environment.read()
    except UnsafeEnvironmentError as problem:
        print(problem, file=sys.stderr)
        return 1
    if environment.is_production:
        print(
            "This starts the local demo programme, and PLUMBLINE_ENV is `production`. For "
            "production see docs/operators.md; for the demo:  PLUMBLINE_ENV=local python3 "
            "quickstart.py",
            file=sys.stderr,
        )
        return 1
    return Supervisor(
        var=environment.var,
        port=environment.plumbline_port,
        broker_url=environment.celery_broker_url,
    ).run()


if __name__ == "__main__":
    raise SystemExit(main())
