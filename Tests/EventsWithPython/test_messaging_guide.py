"""The commands of the guide on events, jobs and schedules work as they are written."""

import os
import subprocess

from packages import running
from pasting import GUIDES, blocks
from processes import MARTLET


def test_commands_work_as_written(tmp_path):
    (tmp_path / "martlet").symlink_to(MARTLET)
    environment = os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    shown = [block.text for block in blocks((GUIDES / "messaging.md").read_text()) if block.language == "sh"]
    commands = [line for text in shown for line in text.splitlines() if not line.startswith("martlet serve")]
    assert len(commands) > 5
    with running(MARTLET, tmp_path) as platform:
        assert platform.call("POST", "/api/products", {"name": "Jasmine tea", "price": "12.50", "stock": 3})[0] == 201
        for command in commands:
            done = subprocess.run(
                ["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
