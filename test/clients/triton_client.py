"""Classifies an image and a text with NVIDIA's client for the Open Inference Protocol; prints what came back as JSON.

    python triton_client.py http 127.0.0.1:8080 '{"text_features": […]}' coffee.jpg "a cup of coffee"
"""

import json
import sys
from pathlib import Path

import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

protocol, address, embeddings, image, text = sys.argv[1:]
over_http = protocol == "http"
triton = tritonclient.http if over_http else tritonclient.grpc
client = triton.InferenceServerClient(address)
# gRPC's own form of metadata has no place for labels.
metadata = client.get_model_metadata("emoji") if over_http else client.get_model_metadata("emoji", as_json=True)
server = client.get_server_metadata() if over_http else client.get_server_metadata(as_json=True)


def output(name: str, binary: bool):
    return triton.InferRequestedOutput(name, **({"binary_data": binary} if over_http else {}))


def tensor(name: str, elements: list[bytes], binary: bool):
    result = triton.InferInput(name, [len(elements)], "BYTES")
    result.set_data_from_numpy(np.array(elements, dtype=np.object_), **({"binary_data": binary} if over_http else {}))
    return result


both = [tensor("image", [Path(image).read_bytes(), b""], True), tensor("text", [text.encode(), text.encode()], True)]
# Features that somebody has already, as /v1/embeddings gave them: JSON, bytes, or gRPC's own.
features = {name: np.array([row], dtype=np.float32) for name, row in json.loads(embeddings).items()}


def infer_features(given: dict[str, np.ndarray], binary: bool):
    tensors = []
    for name, rows in given.items():
        result = triton.InferInput(name, list(rows.shape), "FP32")
        result.set_data_from_numpy(rows, **({"binary_data": binary} if over_http else {}))
        tensors.append(result)
    return client.infer("emoji", tensors, outputs=[output("probabilities", binary)]).as_numpy("probabilities").tolist()


def refusal(given: dict[str, np.ndarray]):
    try:
        infer_features(given, True)
    except InferenceServerException as error:
        return error.message()


outputs = [output("label", True), output("probabilities", True)]
answer = client.infer("emoji", both, model_version="1", outputs=outputs, request_id="7")
plain = client.infer(
    "emoji",
    [tensor("text", [text.encode()], False)],
    outputs=[output("probability", False)],
)
try:
    client.infer("emoji", [tensor("image", [b"no image"], True)])
    refused = None
except InferenceServerException as error:
    refused = error.message()

print(
    json.dumps(
        {
            "ready": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("emoji")],
            "server": server["extensions"],
            "labels": metadata.get("parameters", {}).get("labels"),
            "inputs": {tensor["name"]: [int(size) for size in tensor["shape"]] for tensor in metadata["inputs"]},
            "label": [label.decode() for label in answer.as_numpy("label")],
            "probabilities": answer.as_numpy("probabilities").tolist(),
            "probability": plain.as_numpy("probability").tolist(),
            "refused": refused,
            "of_features": [infer_features(features, binary) for binary in (False, True)],
            "of_text_features": infer_features({"text_features": features["text_features"]}, True),
            "wrong_width": refusal({"text_features": features["image_features"]}),
            "not_finite": refusal({"text_features": features["text_features"] * np.float32("nan")}),
        }
    )
)
