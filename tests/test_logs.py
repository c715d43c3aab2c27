"""What is logged while mail is sent, and where it goes."""

from __future__ import annotations

import json

from command_line import Folder
from peers.faults import Faults
from peers.faulty_smtp import faulty_server


def test_a_warning_does_not_mix_with_the_result(folder: Folder) -> None:
    """What `send --json` prints is one object; the log has lines of its own."""
    faults = Faults(pipelined="refused", without=frozenset({"CHUNKING"}))
    with faulty_server(faults) as server:
        folder.configure(
            "  lettre: {type: outbox, path: outbox,",
            f"  lettre: {{type: smtp, host: 127.0.0.1, port: {server.port},"
            " security: none,",
        )
        done = folder.run("send", "--yes", "--json")

    warned = [json.loads(line) for line in done.err.splitlines()]
    assert done.json["editions"] != []
    assert [line["event"] for line in warned] == ["cannot pipeline"]
    assert warned[0]["level"] == "warning"
