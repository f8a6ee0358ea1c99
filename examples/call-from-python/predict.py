"""Predicts images and texts with a Tandem server, with nothing but requests (pip install requests).

    python predict.py http://127.0.0.1:8080 emoji coffee.jpg "a cup of coffee"
"""

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import requests

HEADERS = {"Authorization": f"Bearer {os.environ['TANDEM_KEY']}"} if "TANDEM_KEY" in os.environ else {}


def predict(address: str, head: str, image: str | None = None, text: str | None = None) -> dict:
    """One item, as a form."""
    files = {"image": Path(image).read_bytes()} if image else {}
    data = {"head": head, **({"text": text} if text else {})}
    # Fields that look like files make requests send a form even without an image.
    fields = {name: (None, value) for name, value in data.items()}
    response = requests.post(f"{address}/v1/predict", files={**fields, **files}, headers=HEADERS, timeout=60)
    answer = response.json()
    if not response.ok:
        raise RuntimeError(f"{answer['title']}: {answer['detail']}. {answer['fix']}")
    return answer["results"][0]


def predict_many(address: str, head: str, items: Iterable[dict]) -> Iterator[dict]:
    """Any number of items, answered while the rest is still sent: {"text": …}, {"image": base64 or a data URL}, or both."""
    lines = (json.dumps(item).encode() + b"\n" for item in items)
    headers = {**HEADERS, "Content-Type": "application/x-ndjson"}
    url = f"{address}/v1/predict?head={head}"
    with requests.post(url, data=lines, headers=headers, stream=True, timeout=60) as response:
        if not response.ok:
            raise RuntimeError(response.json()["detail"])
        for line in response.iter_lines():
            yield json.loads(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Predicts an image and a text with a Tandem server.")
    parser.add_argument("address", help="address of the server: http://127.0.0.1:8080")
    parser.add_argument("head", help="the head: emoji")
    parser.add_argument("image", help="a JPEG, PNG, WebP, GIF, TIFF or AVIF file")
    parser.add_argument("text")
    given = parser.parse_args()
    print(json.dumps(predict(given.address, given.head, given.image, given.text), indent=2))
    items = [{"text": given.text}, {"text": "a bicycle"}, {}]
    for answer in predict_many(given.address, given.head, items):
        print(answer["error"]["detail"] if "error" in answer else answer["labels"][0])
