"""The usual device: Microsoft's SDK for Python, and a table of SQLite for what is not acknowledged yet.

    sdk.py FOLDER append|drain COUNT HOST CA_FILE KEY
"""

import asyncio
import json
import sqlite3
import sys
import time
import uuid
from pathlib import Path

from azure.iot.device import Message
from azure.iot.device.aio import IoTHubDeviceClient

WINDOW = 16
TEXT = "x" * 900


def main():
    folder, what, count, host, ca, key = sys.argv[1:]
    table = sqlite3.connect(Path(folder) / "outbox.db", isolation_level=None)
    table.execute("PRAGMA journal_mode = WAL")
    table.execute("PRAGMA synchronous = FULL")
    table.execute("CREATE TABLE report (sequence INTEGER PRIMARY KEY, id TEXT UNIQUE, properties TEXT, json TEXT)")
    count = int(count)
    if what == "append":
        clocks = now()
        fill(table, count)
        tell(count, clocks)
    else:
        fill(table, count)
        asyncio.run(drain(table, count, host, Path(ca).read_text(encoding="ascii"), key))


def fill(table, count):
    for number in range(count):
        text = json.dumps({"number": number, "text": TEXT})
        row = (str(uuid.uuid4()), json.dumps({"severity": "major"}), text)
        table.execute("INSERT INTO report (id, properties, json) VALUES (?, ?, ?)", row)


async def drain(table, count, host, ca, key):
    clocks = now()
    client = IoTHubDeviceClient.create_from_symmetric_key(
        symmetric_key=key,
        hostname="localhost",
        device_id="press-3",
        gateway_hostname=host,
        server_verification_cert=ca,
    )
    await client.connect()
    room = asyncio.Semaphore(WINDOW)

    async def send(sequence, message_id, properties, text):
        message = Message(text, message_id=message_id, content_encoding="utf-8", content_type="application/json")
        message.custom_properties.update(json.loads(properties))
        try:
            await client.send_message(message)
            table.execute("DELETE FROM report WHERE sequence = ?", (sequence,))
        finally:
            room.release()

    under_way = set()
    cursor = 0
    while rows := table.execute(
        "SELECT sequence, id, properties, json FROM report WHERE sequence > ? ORDER BY sequence LIMIT ?",
        (cursor, WINDOW),
    ).fetchall():
        for row in rows:
            cursor = row[0]
            await room.acquire()
            task = asyncio.create_task(send(*row))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
    tell(count, clocks)
    await client.shutdown()
    left = table.execute("SELECT count(*) FROM report").fetchone()[0]
    if left:
        sys.exit(f"{left} reports are left")


def now():
    return time.perf_counter(), time.process_time()


def tell(reports, since):
    wall, cpu = now()
    print(json.dumps({"reports": reports, "seconds": wall - since[0], "cpu_seconds": cpu - since[1]}), flush=True)


if __name__ == "__main__":
    main()
