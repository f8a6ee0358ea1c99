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
from PIL import Image, ImageOps
from tokenizers import Tokenizer

SHORT_SIDE, CROP, MOST_TOKENS = 256, 224, 128


def decode(content: bytes) -> np.ndarray:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    scale = SHORT_SIDE / min(image.size)
    image = image.resize([round(side * scale) for side in image.size], Image.Resampling.BICUBIC)
    left, top = (image.width - CROP) // 2, (image.height - CROP) // 2
    return np.asarray(image.crop((left, top, left + CROP, top + CROP)))


class Classifier:
    def __init__(self) -> None:
        models = Path(os.environ["BENCH_MODELS"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(os.environ["BENCH_THREADS"])

        def session(path: str) -> onnxruntime.InferenceSession:
            return onnxruntime.InferenceSession(models / path, options, providers=["CPUExecutionProvider"])

        self.image = session("efficientnet-lite0/onnx/model.onnx")
        self.text = session("all-MiniLM-L6-v2/onnx/model_fp16.onnx")
        self.head = session("heads/emoji/1/head.onnx")
        self.labels = json.loads((models / "heads/emoji/1/head.json").read_text())["labels"]
        self.tokenizer = Tokenizer.from_file(str(models / "all-MiniLM-L6-v2/tokenizer.json"))
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
