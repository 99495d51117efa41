"""Runs the cases of the Autobahn test suite against a WebSocket server that echoes.

    cases.py URL [CASE...]

Cases are ids or globs, such as 5.* ; without any, all run but those of compression (12, 13), which is never agreed on, and of
speed (9). Prints one line of JSON a case: its id, its verdict, that on its end, and how it came to them.
"""

import asyncio
import json
import os
import sys

from kosoku import FailureError, run_fuzzingclient

NOT_RUN = ["9.*", "12.*", "13.*"]
# Most of the time of a case is waiting.
AT_ONCE = 16


async def main(url, cases):
    try:
        results = await run_fuzzingclient(url, cases or None, None if cases else NOT_RUN, concurrency=AT_ONCE)
    except FailureError as failure:
        results = failure.results
    for result in results:
        print(json.dumps({
            "case": result.case_id,
            "verdict": result.behavior.value,
            "end": result.behavior_close.value,
            "result": f"{result.result} {result.result_close}",
            "received": repr(result.received)[:200],
            "code": result.remote_close_code,
        }))


asyncio.run(main(sys.argv[1], sys.argv[2:]))
sys.stdout.flush()
# The package's own threads may still run, and do not survive the interpreter's orderly end.
os._exit(0)
