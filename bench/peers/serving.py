"""What every Python server here shares: Pillow decodes, tokenizers tokenizes, onnxruntime encodes and asks the head.

The same ONNX files and as many threads as Tandem gets; settings come by environment, because each framework starts
its workers in its own way.
"""

import io
import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

from pixels import pixels

MODELS = Path(os.environ["BENCH_MODELS"])
IMAGE_FOLDER = MODELS / "efficientnet-lite0-whole"
IMAGE = json.loads((IMAGE_FOLDER / "encoder.json").read_text())
MOST_TOKENS = 128


def decode(content: bytes) -> np.ndarray:
    return pixels(io.BytesIO(content), **IMAGE["preprocessing"])


class Classifier:
    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["BENCH_THREADS"])

        def session(path: Path) -> onnxruntime.InferenceSession:
            return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

        self.image = session(IMAGE_FOLDER / IMAGE["weights"])
        self.text = session(MODELS / "all-MiniLM-L6-v2/onnx/model_fp16.onnx")
        self.head = session(MODELS / "heads/emoji/1/head.onnx")
        self.labels = json.loads((MODELS / "heads/emoji/1/head.json").read_text())["labels"]
        self.tokenizer = Tokenizer.from_file(str(MODELS / "all-MiniLM-L6-v2/tokenizer.json"))
        self.tokenizer.enable_truncation(MOST_TOKENS)
        self.tokenizer.enable_padding()

    def classify(self, images: list[np.ndarray], texts: list[str]) -> list[dict]:
        encodings = self.tokenizer.encode_batch(texts)
        tokens = {
            "input_ids": np.array([encoding.ids for encoding in encodings], dtype=np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64),
        }
        features = {
            "image": self.image.run(["features"], {"pixels": np.stack(images)})[0],
            "text": self.text.run(["features"], tokens)[0],
        }
        logits = self.head.run(["fused"], features)[0]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = odds / odds.sum(axis=1, keepdims=True)
        return [self.answer(row) for row in probabilities]

    def answer(self, probabilities: np.ndarray) -> dict:
        best = np.argsort(-probabilities)[:5]
        return {"labels": [{"label": self.labels[i], "probability": float(probabilities[i])} for i in best]}
