"""Where a run's state is kept: SQLite, outside the repository, readable by its owner alone."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from moot.agent.graph.state import SERIALISED

__all__ = ["open_checkpoints"]


class _LastOnly(AsyncSqliteSaver):
    """Keeps the last checkpoint of each run, which is all that resuming it reads: each holds the whole state.

    LangGraph names `aprune` for that, and its SQLite store has none.
    """

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint, then delete those before it: killed in between, they go with the next."""
        stored = await super().aput(config, checkpoint, metadata, new_versions)
        where = stored.get("configurable", {})
        earlier = (where["thread_id"], where["checkpoint_ns"], where["checkpoint_id"])
        async with self.lock:
            for table in ("checkpoints", "writes"):
                await self.conn.execute(
                    f"DELETE FROM {table} WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
                    earlier,
                )
            await self.conn.commit()
        return stored


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
        saver = _LastOnly(connection, serde=serde)
        await saver.setup()
        yield saver
