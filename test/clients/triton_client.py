"""Classifies a picture and a text with NVIDIA's client for the Open Inference Protocol; prints what came back as JSON.

    python triton_client.py 127.0.0.1:8080 coffee.jpg "a cup of coffee"
"""

import json
import sys
from pathlib import Path

import numpy as np
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

address, picture, text = sys.argv[1:]
client = InferenceServerClient(address)
metadata = client.get_model_metadata("emoji")


def tensor(name: str, elements: list[bytes], binary: bool) -> InferInput:
    result = InferInput(name, [len(elements)], "BYTES")
    result.set_data_from_numpy(np.array(elements, dtype=np.object_), binary_data=binary)
    return result


both = [tensor("image", [Path(picture).read_bytes(), b""], True), tensor("text", [text.encode(), text.encode()], True)]
outputs = [InferRequestedOutput("label", binary_data=True), InferRequestedOutput("probabilities", binary_data=True)]
answer = client.infer("emoji", both, model_version="1", outputs=outputs, request_id="7")
plain = client.infer(
    "emoji",
    [tensor("text", [text.encode()], False)],
    outputs=[InferRequestedOutput("probability", binary_data=False)],
)
try:
    client.infer("emoji", [tensor("image", [b"no picture"], True)])
    refused = None
except InferenceServerException as error:
    refused = error.message()

print(
    json.dumps(
        {
            "ready": [client.is_server_live(), client.is_server_ready(), client.is_model_ready("emoji")],
            "server": client.get_server_metadata()["extensions"],
            "labels": metadata["parameters"]["labels"],
            "label": [label.decode() for label in answer.as_numpy("label")],
            "probabilities": answer.as_numpy("probabilities").tolist(),
            "probability": plain.as_numpy("probability").tolist(),
            "refused": refused,
        }
    )
)
