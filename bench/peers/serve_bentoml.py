"""BentoML as its quickstart has it: one service, its pool of threads, images as uploads. Its adaptive batching takes
a single list, not a form with an image and a text."""

import os
from pathlib import Path

import bentoml

from serving import Classifier, decode


@bentoml.service(
    workers=1, threads=8, traffic={"timeout": 60, "max_concurrency": 1024}, http={"port": int(os.environ["BENCH_PORT"])}
)
class Emoji:
    def __init__(self) -> None:
        self.classifier = Classifier()

    @bentoml.api
    def predict(self, image: Path, text: str) -> dict:
        return self.classifier.classify([decode(image.read_bytes())], [text])[0]
