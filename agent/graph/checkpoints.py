"""Where a run's state is kept: SQLite, outside the repository, readable by its owner alone."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from moot.agent.graph.state import SERIALISED

__all__ = ["open_checkpoints"]


@asynccontextmanager
async def open_checkpoints(data_dir: Path) -> AsyncGenerator[AsyncSqliteSaver]:
    """Open the checkpoint store.

    Only the types of `SERIALISED` are ever rebuilt from it: a tampered store cannot name others.
    """
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = data_dir / "checkpoints.sqlite"
    os.close(os.open(file, os.O_CREAT | os.O_RDWR, 0o600))
    async with aiosqlite.connect(file, timeout=30) as connection:
        serde = JsonPlusSerializer(allowed_msgpack_modules=SERIALISED)
        saver = AsyncSqliteSaver(connection, serde=serde)
        await saver.setup()
        yield saver
