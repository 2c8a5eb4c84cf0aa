"""OpenAI's Python client, unchanged, against a server with batches: `npm start -- --bulk`.

python test/clients/openai_batches_check.py http://localhost:8787
"""

import json
import os
import sys
import time

from openai import BadRequestError, OpenAI

client = OpenAI(base_url=sys.argv[1] + "/v1", api_key=os.environ.get("EDGE_PREFIX_KEY", "none"))
ENDPOINT = "/v1/tasks/sentiment/predict"


def send(texts):
    lines = [
        {"custom_id": f"r{i}", "method": "POST", "url": ENDPOINT, "body": {"inputs": text}}
        for i, text in enumerate(texts)
    ]
    data = "\n".join(json.dumps(line) for line in lines).encode()
    return client.files.create(file=("rows.jsonl", data), purpose="batch")


def begin(file):
    return client.batches.create(
        input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h", metadata={"by": "check"}
    )


def ended(batch):
    while batch.status not in ("completed", "failed", "cancelled", "expired"):
        time.sleep(0.2)
        batch = client.batches.retrieve(batch.id)
    return batch


file = send(["a gripping film", "", "dull and far too long"])
assert client.files.retrieve(file.id).bytes == file.bytes
batch = ended(begin(file))
counts = batch.request_counts
assert (batch.status, counts.total, counts.completed, counts.failed) == ("completed", 3, 2, 1), batch
rows = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
assert [row["custom_id"] for row in rows] == ["r0", "r2"], rows
assert rows[0]["response"]["body"][0][0]["label"] == "positive", rows
errors = [json.loads(line) for line in client.files.content(batch.error_file_id).text.splitlines()]
assert [error["custom_id"] for error in errors] == ["r1"], errors
assert batch.id in [item.id for item in client.batches.list(limit=5).data]

cancelled = client.batches.cancel(begin(send(["a long film"] * 5000)).id)
assert cancelled.status == "cancelling", cancelled
assert ended(cancelled).status == "cancelled"
try:
    client.batches.cancel(batch.id)
    raise SystemExit("a batch that has ended was cancelled")
except BadRequestError as error:
    assert error.code == "batch-ended", error
assert client.files.delete(file.id).deleted
print("openai batches: create, retrieve, content, list, cancel, delete work unchanged")
