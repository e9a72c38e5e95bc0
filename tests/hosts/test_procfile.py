"""The Procfile, run as a host runs it: by a program that reads it, with the settings in the environment alone."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from sandbox.world import World

ROOT = Path(__file__).parents[2]
WITHIN_S = 30.0


@pytest.mark.parametrize("process", ["web", "worker"])
async def test_each_process_serves_after_its_release_phase(process: str, tmp_path: Path) -> None:
    (tmp_path / "no.env").touch()
    (tmp_path / "world").mkdir()
    async with World(tmp_path / "world", socket_mode=process == "worker") as world:
        # What the world started makes room for what the Procfile starts; both take the same settings.
        await world.bot.kill()
        environment = {
            **world.bot.settings,
            "DATABASE_URL": f"sqlite:///{tmp_path / 'host.db'}",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}",
            "HOST": "127.0.0.1",
            "PYTHONUNBUFFERED": "1",
        }
        assert await _run("run", "python", "-m", "bot", "migrate", environment=environment, env_file=tmp_path) == 0
        started = await _honcho("start", process, environment=environment, env_file=tmp_path)
        try:
            async with asyncio.timeout(WITHIN_S):
                assert started.stdout is not None
                while b'"listening"' not in (line := await started.stdout.readline()):
                    assert line, "it ended"
        finally:
            started.send_signal(signal.SIGTERM)
            async with asyncio.timeout(WITHIN_S):
                await started.communicate()


async def _honcho(*words: str, environment: dict[str, str], env_file: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "honcho", "--procfile", str(ROOT / "Procfile"), "--env", str(env_file / "no.env")),
        *("--app-root", str(ROOT), *words),
        env=environment,
        cwd=env_file,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def _run(*words: str, environment: dict[str, str], env_file: Path) -> int | None:
    process = await _honcho(*words, environment=environment, env_file=env_file)
    async with asyncio.timeout(WITHIN_S):
        await process.communicate()
    return process.returncode
