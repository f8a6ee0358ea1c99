"""The whole job as a person would write it in Python: a folder with metadata.csv and JPEG files to a trained head.

`job.py DATASET MODELS OUTPUT THREADS`: Pillow decodes, onnxruntime encodes with the same encoders, PyTorch trains the
same form of head with the same number of steps, measures it on a fifth of the examples and saves it.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from pixels import pixels

ENCODED_AT_ONCE = 16
HIDDEN, DROPOUT, SMOOTHING, RATE, DECAY = 512, 0.5, 0.1, 3e-4, 0.05
EPOCHS, LEAST_STEPS, BATCH, NORM = 15, 150, 32, 16


def session(file, threads):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])


def encode(folder, rows, models, threads):
    encoder = models / "efficientnet-lite0-whole"
    manifest = json.loads((encoder / "encoder.json").read_text())
    image = session(encoder / manifest["weights"], threads)
    text = session(models / "all-MiniLM-L6-v2/onnx/model_fp16.onnx", threads)
    tokenizer = Tokenizer.from_file(str(models / "all-MiniLM-L6-v2/tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(128)
    images, texts = [], []
    for start in range(0, len(rows), ENCODED_AT_ONCE):
        some = rows[start : start + ENCODED_AT_ONCE]
        batch = np.stack([pixels(folder / row["file_name"], **manifest["preprocessing"]) for row in some])
        images.append(image.run(None, {"pixels": batch})[0])
        encoded = tokenizer.encode_batch([row["text"] for row in some])
        ids = np.array([item.ids for item in encoded], dtype=np.int64)
        mask = np.array([item.attention_mask for item in encoded], dtype=np.int64)
        texts.append(text.run(None, {"input_ids": ids, "attention_mask": mask})[0])
    return [torch.from_numpy(np.concatenate(part).astype(np.float32)) for part in (images, texts)]


class Head(torch.nn.Module):
    def __init__(self, dimensions, classes):
        super().__init__()
        self.adapters = torch.nn.ModuleList(
            torch.nn.Sequential(
                torch.nn.Dropout(DROPOUT), torch.nn.Linear(d, HIDDEN), torch.nn.LayerNorm(HIDDEN), torch.nn.GELU()
            )
            for d in dimensions
        )
        self.fusion = torch.nn.ModuleList(torch.nn.Linear(HIDDEN, classes, bias=False) for _ in dimensions)
        self.bias = torch.nn.Parameter(torch.zeros(classes))

    def forward(self, features):
        parts = [fuse(adapt(x)) for adapt, fuse, x in zip(self.adapters, self.fusion, features)]
        return [sum(parts) + self.bias] + [part + self.bias for part in parts]


def main():
    folder, models, output = map(Path, sys.argv[1:4])
    threads = int(sys.argv[4])
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    with open(folder / "metadata.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["label"] for row in rows})
    labels = torch.tensor([names.index(row["label"]) for row in rows])
    features = encode(folder, rows, models, threads)
    order = torch.randperm(len(rows))
    test, train = order[: len(rows) // 5], order[len(rows) // 5 :]
    for m, x in enumerate(features):
        mean, deviation = x[train].mean(0), x[train].std(0) + 1e-6
        features[m] = (x - mean) / deviation * NORM / x.shape[1] ** 0.5
    head = Head([x.shape[1] for x in features], len(names))
    optimizer = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY, fused=True)
    steps = max(LEAST_STEPS, -(-EPOCHS * len(train) // BATCH))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for step in range(steps):
        if step * BATCH % len(train) < BATCH:
            train = train[torch.randperm(len(train))]
        batch = train[torch.arange(step * BATCH, (step + 1) * BATCH) % len(train)]
        answers = head([x[batch] for x in features])
        loss = sum(F.cross_entropy(answer, labels[batch], label_smoothing=SMOOTHING) for answer in answers)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    head.eval()
    with torch.no_grad():
        accuracy = (head([x[test] for x in features])[0].argmax(1) == labels[test]).float().mean().item()
    torch.save(head.state_dict(), output / "head.pt")
    print(json.dumps({"accuracy": accuracy}))


main()
