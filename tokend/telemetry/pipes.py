"""How lines are written to a pipe that other processes write to, too."""

import select


def end_of_piece(data: bytes, start: int) -> int:
    """Where a write of whole lines from `start` on must end, so that no other process writes into them.

    The system writes up to PIPE_BUF bytes at once or not at all. A longer line is written alone, and may be cut.
    """
    end = data.rfind(b"\n", start, start + select.PIPE_BUF)
    if end < 0:
        end = data.find(b"\n", start)
    return end + 1 or len(data)
