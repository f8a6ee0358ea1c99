"""The last blocks of MiniLM trained with a head by PyTorch: the same maths, batches and starting values as Tandem's.

One JSON object a line on stdin, one a line on stdout: `load`, then `train` any number of times, each from the start.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

HEADS, EPSILON = 12, 1e-12


def read(file, dtype, *shape):
    return torch.from_numpy(np.fromfile(file, dtype=dtype).reshape(shape))


def memory(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))


class LowRank(torch.nn.Linear):
    """A layer that stays as it is, and LoRA's adapter beside it: `x W + 2 (x A) B`."""

    def __init__(self, inputs, outputs, rank):
        super().__init__(inputs, outputs)
        self.requires_grad_(False)
        rank = min(rank, inputs, outputs)
        self.adapter = torch.nn.Parameter(torch.zeros(inputs, rank))
        self.up = torch.nn.Parameter(torch.zeros(rank, outputs))

    def forward(self, x):
        return super().forward(x) + 2 * ((x @ self.adapter) @ self.up)


class Block(torch.nn.Module):
    """A layer of BERT, its attention by PyTorch's own kernel, as transformers has it."""

    def __init__(self, width, rank):
        super().__init__()

        def linear(inputs, outputs):
            return LowRank(inputs, outputs, rank) if rank else torch.nn.Linear(inputs, outputs)

        self.query, self.key, self.value, self.out = (linear(width, width) for _ in range(4))
        self.up, self.down = linear(width, 4 * width), linear(4 * width, width)
        self.norm, self.last = (torch.nn.LayerNorm(width, eps=EPSILON).requires_grad_(rank == 0) for _ in range(2))

    def forward(self, x, mask):
        batch, tokens, width = x.shape
        q, k, v = (
            layer(x).view(batch, tokens, HEADS, width // HEADS).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = self.norm(self.out(mixed.transpose(1, 2).reshape(x.shape)) + x)
        return self.last(self.down(F.gelu(self.up(x))) + x)


class Model(torch.nn.Module):
    def __init__(self, request):
        super().__init__()
        self.width, self.tokens = request["width"], request["tokens"]
        self.blocks = torch.nn.ModuleList(Block(self.width, request["rank"]) for _ in range(request["blocks"]))
        self.adapter = torch.nn.Linear(self.width, request["hidden"])
        self.norm = torch.nn.LayerNorm(request["hidden"])
        self.fusion = torch.nn.Linear(request["hidden"], request["classes"])

    def load(self, request):
        """Tandem's weights are the transposes of PyTorch's."""
        files = request["files"]["parameters"]
        first = 6 - len(self.blocks)

        def matrix(name, rows):
            return read(files[name], np.float32, rows, -1).t()

        def vector(name):
            return read(files[name], np.float32, -1)

        def load_matrix(layer, name):
            layer.weight.copy_(matrix(name, layer.in_features))
            if isinstance(layer, LowRank):
                layer.adapter.copy_(read(files[f"{name}.down"], np.float32, layer.in_features, -1))

        with torch.no_grad():
            for index, block in enumerate(self.blocks, first):
                name = f"bert.encoder.layer.{index}."
                packed = vector(f"{name}attention.self.bias").chunk(3)
                for part, bias in zip(("query", "key", "value"), packed):
                    layer = getattr(block, part)
                    load_matrix(layer, f"{name}attention.self.{part}.weight_transposed")
                    layer.bias.copy_(bias)
                for layer, path in (
                    (block.out, "attention.output.dense"),
                    (block.up, "intermediate.dense"),
                    (block.down, "output.dense"),
                ):
                    load_matrix(layer, f"{name}{path}.weight_transposed")
                    layer.bias.copy_(vector(f"{name}{path}.bias"))
                for layer, path in ((block.norm, "attention.output"), (block.last, "output")):
                    layer.weight.copy_(vector(f"{name}{path}.LayerNorm.weight"))
                    layer.bias.copy_(vector(f"{name}{path}.LayerNorm.bias"))
            self.adapter.weight.copy_(matrix("adapter.0.weight", self.width))
            self.adapter.bias.copy_(vector("adapter.0.bias"))
            self.norm.weight.copy_(vector("adapter.0.norm.weight"))
            self.norm.bias.copy_(vector("adapter.0.norm.bias"))
            self.fusion.weight.copy_(matrix("fusion.0.weight", self.adapter.out_features))
            self.fusion.bias.copy_(vector("fusion.bias"))

    def forward(self, rows):
        rows = rows.view(-1, self.tokens, self.width + 1)
        x, shown = rows[..., : self.width], rows[..., self.width :]
        mask = shown.view(-1, 1, 1, self.tokens) > 0
        for block in self.blocks:
            x = block(x, mask)
        features = (x * shown).sum(1) / shown.sum(1).clamp(min=1e-9)
        features = F.normalize(features, dim=-1)
        return self.fusion(F.gelu(self.norm(self.adapter(features))))


class Training:
    def __init__(self, request):
        self.request = request
        torch.set_num_threads(request["threads"])
        files = request["files"]
        self.rows = read(files["rows"], np.float32, -1, request["tokens"] * (request["width"] + 1))
        self.labels = read(files["labels"], np.int32, -1).long()
        self.order = read(files["order"], np.int32, -1, request["batchSize"]).long()

    def train(self, first, steps):
        request = self.request
        model = Model(request)
        model.load(request)
        groups = [
            {"params": [p for p in model.blocks.parameters() if p.requires_grad], "share": request["blockShare"]},
            {"params": [p for name, p in model.named_parameters() if not name.startswith("blocks.")], "share": 1.0},
        ]
        optimizer = torch.optim.AdamW(groups, weight_decay=0.0, fused=True)
        losses = []
        for index in range(steps):
            if index == first:
                started, busy = time.perf_counter(), time.process_time()
            rows = self.order[index]
            loss = F.cross_entropy(model(self.rows.index_select(0, rows)), self.labels.index_select(0, rows))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), request["clipNorm"])
            for group in optimizer.param_groups:
                group["lr"] = request["schedule"][index] * group["share"]
            optimizer.step()
            losses.append(loss.detach())
        seconds = (time.perf_counter() - started) / (steps - first)
        return {
            "secondsPerStep": seconds,
            "cpuSecondsPerStep": (time.process_time() - busy) / (steps - first),
            "losses": [float(loss) for loss in losses],
            "memory": memory("VmHWM"),
        }


training = None
for line in sys.stdin:
    request = json.loads(line)
    if request["command"] == "load":
        training, answer = Training(request), {"memory": memory("VmRSS")}
    else:
        answer = training.train(request["first"], request["steps"])
    print(json.dumps(answer), flush=True)
