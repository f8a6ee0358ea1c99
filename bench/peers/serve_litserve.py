"""LitServe with its dynamic batching: up to 16 requests, collected for up to 3 ms."""

import os

import litserve
from fastapi import Request

from serving import Classifier, decode


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.classifier = Classifier()

    def decode_request(self, request: Request) -> tuple:
        return decode(request["image"].file.read()), request["text"]

    def batch(self, inputs: list) -> list:
        return inputs

    def predict(self, items: list) -> list[dict]:
        images, texts = zip(*items)
        return self.classifier.classify(list(images), list(texts))

    def unbatch(self, output: list) -> list:
        return output

    def encode_response(self, output: dict) -> dict:
        return output


if __name__ == "__main__":
    server = litserve.LitServer(Api(max_batch_size=16, batch_timeout=0.003), accelerator="cpu", track_requests=False)
    server.run(host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), generate_client_file=False, log_level="warning")
