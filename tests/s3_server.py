"""moto's S3 server, with conditional writes as real stores have them: `python tests/s3_server.py -H HOST -p PORT`.

moto looks at a condition (If-Match, If-None-Match) and writes in two steps; of two requests at once both can win then.
"""

import functools
import sys
import threading

from moto.s3.responses import S3Response
from moto.server import main

_one_at_a_time = threading.Lock()


def _in_one_step(write):
    @functools.wraps(write)
    def alone(*args, **kwargs):
        with _one_at_a_time:
            return write(*args, **kwargs)

    return alone


S3Response.put_object = _in_one_step(S3Response.put_object)

if __name__ == "__main__":
    main(sys.argv[1:])
