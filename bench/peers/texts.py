"""Texts to features as a person would write it in Python: tokenizers, batches of 32, onnxruntime, with the same file.

One JSON object a line in, one out. Sorted, the texts of a batch are of like length, as sentence-transformers has them; else
they come as they are given. Each batch is padded to its longest text.
"""

import json
import sys
import time

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

BATCH = 32


def load(request: dict) -> tuple[Tokenizer, onnxruntime.InferenceSession]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = request["threads"]
    session = onnxruntime.InferenceSession(request["model"], options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(request["tokenizer"])
    tokenizer.enable_truncation(request["tokens"])
    tokenizer.enable_padding()
    return tokenizer, session


def encode(tokenizer: Tokenizer, session: onnxruntime.InferenceSession, texts: list[str], is_sorted: bool) -> np.ndarray:
    order = sorted(range(len(texts)), key=lambda row: len(texts[row])) if is_sorted else list(range(len(texts)))
    rows = []
    for start in range(0, len(texts), BATCH):
        encoded = tokenizer.encode_batch([texts[row] for row in order[start : start + BATCH]])
        ids = np.array([each.ids for each in encoded], np.int64)
        mask = np.array([each.attention_mask for each in encoded], np.int64)
        rows.append(session.run(["features"], {"input_ids": ids, "attention_mask": mask})[0])
    features = np.concatenate(rows)
    back = np.empty_like(features)
    back[order] = features
    return back


def main() -> None:
    loaded = None
    for line in sys.stdin:
        request = json.loads(line)
        if request["command"] == "load":
            loaded = load(request)
            answer = {}
        else:
            started, cpu = time.perf_counter(), time.process_time()
            features = encode(*loaded, request["texts"], request["sorted"])
            answer = {
                "seconds": time.perf_counter() - started,
                "cpuSeconds": time.process_time() - cpu,
                "first": features[0].tolist(),
            }
        print(json.dumps(answer), flush=True)


main()
