"""The ingest that a person would write in Python: Pillow decodes, onnxruntime encodes, with the same encoder.

One JSON object a line in, one out. `threads` of Pillow decode ahead of the encoder; with none, each batch is decoded
and then encoded, as most scripts do.
"""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnxruntime
from PIL import Image, ImageOps

BATCH = 16
KERNELS = {"cubic": "BICUBIC", "linear": "BILINEAR", "lanczos3": "LANCZOS", "nearest": "NEAREST"}


class Decoder:
    def __init__(self, short_side: int, crop: int, kernel: str):
        self.short_side, self.crop, self.resampling = short_side, crop, Image.Resampling[KERNELS[kernel]]

    def __call__(self, path: str) -> np.ndarray:
        image = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        scale = self.short_side / min(image.size)
        image = image.resize([round(side * scale) for side in image.size], self.resampling)
        left, top = (image.width - self.crop) // 2, (image.height - self.crop) // 2
        return np.asarray(image.crop((left, top, left + self.crop, top + self.crop)))


def batches(paths: list[str]) -> list[list[str]]:
    return [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]


def ingest(session: onnxruntime.InferenceSession, decode: Decoder, paths: list[str], threads: int) -> np.ndarray:
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
            decode = Decoder(request["shortSide"], request["crop"], request["kernel"])
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
