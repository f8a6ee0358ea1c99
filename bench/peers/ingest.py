"""The ingest that a person would write in Python: Pillow decodes, onnxruntime encodes, with the same encoder.

One JSON object a line in, one out. `threads` of Pillow decode ahead of the encoder; with none, each batch is decoded
and then encoded, as most scripts do.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import onnxruntime

from pixels import pixels

BATCH = 16


def batches(paths: list[str]) -> list[list[str]]:
    return [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]


def ingest(session: onnxruntime.InferenceSession, decode: Callable[[str], np.ndarray], paths: list[str], threads: int) -> np.ndarray:
    rows = []
    if threads == 0:
        for batch in batches(paths):
            rows.append(session.run(["features"], {"pixels": np.stack([decode(path) for path in batch])})[0])
        return np.concatenate(rows)
    with ThreadPoolExecutor(threads) as pool:
        waiting = [[pool.submit(decode, path) for path in batch] for batch in batches(paths)]
        for batch in waiting:
            rows.append(session.run(["features"], {"pixels": np.stack([future.result() for future in batch])})[0])
    return np.concatenate(rows)


def main() -> None:
    session, decode = None, None
    for line in sys.stdin:
        request = json.loads(line)
        if request["command"] == "load":
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = request["threads"]
            session = onnxruntime.InferenceSession(request["model"], options, providers=["CPUExecutionProvider"])
            decode = partial(pixels, **request["preprocessing"])
            answer = {}
        else:
            started, cpu = time.perf_counter(), time.process_time()
            features = ingest(session, decode, request["paths"], request["threads"])
            answer = {
                "seconds": time.perf_counter() - started,
                "cpuSeconds": time.process_time() - cpu,
                "first": features[0].tolist(),
            }
        print(json.dumps(answer), flush=True)


main()
