"""Reads a request's body from HTTP, while the Gateway counts what it holds."""

from __future__ import annotations

from aiohttp import web

from containerflow.runtime.gateway.failure import failure, too_large, too_much
from containerflow.runtime.gateway.held_bytes import HeldBytes
from containerflow.wire import contract_pb2 as pb


class ArrivingBody:
    """A body that is not wholly there yet.

    Args:
        request: Whose body it is.
        max_bytes: The largest body that is taken.
    """

    def __init__(self, request: web.BaseRequest, max_bytes: int) -> None:
        self._request = request
        self._max_bytes = max_bytes

    async def read(self, held: HeldBytes) -> tuple[tuple[pb.Part], int] | pb.Response:
        """Wait for the whole body.

        Args:
            held: Where its bytes are counted as they come. They stay counted when this returns;
                if it returns a failure or raises, they are given back.

        Returns:
            The body as the only part, and its bytes; or why there is none.
        """
        request = self._request
        stream = request.content
        if request.headers.get("Expect", "").lower() == "100-continue":
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # As aiohttp's own routes do: the answer proper has not begun.
            request.writer.output_size = 0
        chunks: list[bytes] = []
        size = 0
        complete = False
        try:
            while chunk := await stream.readany():
                if size + len(chunk) > self._max_bytes:
                    return too_large(self._max_bytes)
                if not held.take(len(chunk)):
                    return too_much(held.limit)
                size += len(chunk)
                chunks.append(chunk)
            complete = True
        except web.RequestPayloadError as error:
            return undecodable(request, error)
        finally:
            if not complete:
                held.give(size)
        return (pb.Part(codec=pb.CODEC_JSON, body=b"".join(chunks)),), size


def undecodable(request: web.BaseRequest, error: Exception) -> pb.Response:
    """The answer to a body that is not what its Content-Encoding says.

    Args:
        request: Whose body it is; nothing more is read of it.
        error: What aiohttp says.
    """
    if not request.content.is_eof():
        # Else aiohttp reads on after the answer, and meets the same error.
        request.content.feed_eof()
    reason = " ".join(str(error).split())
    return failure(
        pb.CODE_MALFORMED,
        f"The body cannot be read ({reason}). Send it as its Content-Encoding says, or plain.",
    )
