"""The ceiling: an aiohttp server that echoes the body, with no hop and no container."""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web


async def echo(request: web.Request) -> web.Response:
    return web.Response(body=await request.read(), content_type="application/json")


def main(port: int) -> None:
    application = web.Application()
    application.router.add_post("/echo", echo)
    loop = uvloop.new_event_loop()
    web.run_app(application, host="127.0.0.1", port=port, loop=loop, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]))
