"""A head trained by PyTorch: the same maths, order of batches and starting values as Tandem's.

One JSON object a line on stdin, one a line on stdout: `load`, then `train` any number of times, each from the start.
"""

import json
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

TINY = 1e-12


def read(file, dtype, *shape):
    return torch.from_numpy(np.fromfile(file, dtype=dtype).reshape(shape))


class Head(torch.nn.Module):
    """Adapters and concat fusion; W is kept as a block for each modality, as it is cheapest for every engine."""

    def __init__(self, dimensions, hidden, classes, adapter):
        super().__init__()
        self.mlp = adapter == "mlp"
        self.adapters = torch.nn.ModuleList(torch.nn.Linear(d, hidden, bias=self.mlp) for d in dimensions)
        self.norms = torch.nn.ModuleList(torch.nn.LayerNorm(hidden) for _ in dimensions if self.mlp)
        self.fusion = torch.nn.ModuleList(torch.nn.Linear(hidden, classes, bias=False) for _ in dimensions)
        self.bias = torch.nn.Parameter(torch.zeros(classes))

    def named(self):
        """Parameters by Tandem's names; a weight here is the transpose of Tandem's."""
        for m, adapter in enumerate(self.adapters):
            yield f"adapter.{m}.weight", adapter.weight
            if self.mlp:
                yield f"adapter.{m}.bias", adapter.bias
                yield f"adapter.{m}.norm.weight", self.norms[m].weight
                yield f"adapter.{m}.norm.bias", self.norms[m].bias
        for m, block in enumerate(self.fusion):
            yield f"fusion.{m}.weight", block.weight
        yield "fusion.bias", self.bias

    def adapt(self, m, x):
        z = self.adapters[m](x)
        return F.gelu(self.norms[m](z)) if self.mlp else z

    def logits(self, z):
        blocks = [block(value) for block, value in zip(self.fusion, z)]
        return sum(blocks[1:], blocks[0]) + self.bias, [block + self.bias for block in blocks]


def coefficients(unimodal, log_probabilities, temperature):
    """docs/method.md, steps 1 to 3: k, one number for each modality."""
    batch, modalities = len(unimodal[0]), len(unimodal)
    entropy = torch.stack([-(log_p.exp() * log_p).sum() / batch for log_p in log_probabilities]) + TINY
    share = (entropy / entropy.sum()).clamp(min=0.6 / modalities)
    target = 1 / share / (1 / share).sum()
    dependence = torch.stack([logits.abs().sum() / batch for logits in unimodal]) + TINY
    dependence = dependence / dependence.sum()
    return torch.softmax(temperature * target * dependence.flip(0), 0)


class Training:
    def __init__(self, request):
        self.request = request
        torch.set_num_threads(request["threads"])
        files, self.batch = request["files"], request["batchSize"]
        self.labels = read(files["labels"], np.int32, -1).long()
        self.features = [
            read(file, np.float32, -1, dimension)
            for file, dimension in zip(files["features"], request["dimensions"])
        ]
        self.order = read(files["order"], np.int32, -1, self.batch).long()

    def start(self):
        request = self.request
        head = Head(request["dimensions"], request["hidden"], request["classes"], request["adapter"])
        with torch.no_grad():
            for name, parameter in head.named():
                values = read(request["files"]["parameters"][name], np.float32, *reversed(parameter.shape))
                parameter.copy_(values.T if values.ndim == 2 else values)
        settings = request["optimizer"]
        groups = [
            {"params": [p for name, p in head.named() if name.startswith(f"adapter.{m}.")]}
            for m in range(len(self.features))
        ] + [{"params": [p for name, p in head.named() if name.startswith("fusion.")]}]
        if settings["name"] == "sgd":
            optimizer = torch.optim.SGD(
                groups, lr=1.0, momentum=settings["momentum"], weight_decay=settings["weightDecay"], fused=True
            )
        else:
            optimizer = torch.optim.AdamW(
                groups, betas=(settings["beta1"], settings["beta2"]), eps=settings["epsilon"], fused=True
            )
        return head, optimizer

    def step(self, head, optimizer, index):
        request, schedule = self.request, self.request["schedule"][index]
        on_gradient = request["optimizer"]["name"] == "sgd"
        rows = self.order[index]
        labels = self.labels.index_select(0, rows)
        z = [head.adapt(m, features.index_select(0, rows)) for m, features in enumerate(self.features)]
        scale = [1.0 for _ in z]
        if on_gradient:
            for m, value in enumerate(z):
                value.register_hook(lambda gradient, m=m: gradient * scale[m])
        fused, unimodal = head.logits(z)
        log_probabilities = [F.log_softmax(logits, -1) for logits in unimodal]
        auxiliary = sum(F.nll_loss(log_p, labels) for log_p in log_probabilities)
        loss = F.cross_entropy(fused, labels) + schedule["gamma"] * auxiliary
        with torch.no_grad():
            k = coefficients(unimodal, log_probabilities, request["temperature"]).tolist()
        scale[:] = [1 + schedule["residual"] * value for value in k]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters(), request["clipNorm"])
        # An adapter's update is scaled, its weight decay is not.
        for group, factor in zip(optimizer.param_groups, [1.0, 1.0, 1.0] if on_gradient else [*scale, 1.0]):
            group["lr"] = schedule["rate"] * factor
            group["weight_decay"] = request["optimizer"]["weightDecay"] / factor
        optimizer.step()
        return loss.detach()

    def train(self, first, steps):
        """Seconds from step `first` to the end, with the parameters."""
        head, optimizer = self.start()
        losses = []
        for index in range(steps):
            if index == first:
                started = time.perf_counter()
            losses.append(self.step(head, optimizer, index))
        return time.perf_counter() - started, head, float(losses[-1])


training = None
for line in sys.stdin:
    request = json.loads(line)
    if request["command"] == "load":
        training = Training(request)
        answer = {}
    else:
        seconds, head, loss = training.train(request["first"], request["steps"])
        answer = {"seconds": seconds, "loss": loss}
        if "folder" in request:
            for name, parameter in head.named():
                parameter.detach().t().contiguous().numpy().tofile(f"{request['folder']}/{name}")
    print(json.dumps(answer), flush=True)
